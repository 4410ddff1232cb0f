"""RGB <-> YCrCb in [0, 1] with the constants of the SegMiF code (JPEG's, rounded to three digits)."""

from __future__ import annotations

from torch import Tensor, stack


def luma(rgb: Tensor) -> Tensor:
    """Y = .299 R + .587 G + .114 B; [N,3,H,W] -> [N,1,H,W].

    >>> import torch
    >>> luma(torch.ones(1, 3, 1, 1)).item()
    1.0
    """
    red, green, blue = rgb.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


def chroma(rgb: Tensor, grey: Tensor) -> tuple[Tensor, Tensor]:
    """Cr = .713 (R - Y) + .5 and Cb = .564 (B - Y) + .5, each [N,1,H,W], of ``rgb`` with luma ``grey``."""
    return (rgb[:, 0:1] - grey) * 0.713 + 0.5, (rgb[:, 2:3] - grey) * 0.564 + 0.5


def recolour(grey: Tensor, cr: Tensor, cb: Tensor) -> Tensor:
    """R = Y + 1.403 (Cr-.5), G = Y - .714 (Cr-.5) - .344 (Cb-.5), B = Y + 1.773 (Cb-.5), clamped.

    Three times [N,1,H,W] -> [N,3,H,W] in [0, 1].
    """
    y, r, b = grey[:, 0], cr[:, 0] - 0.5, cb[:, 0] - 0.5
    return stack([y + 1.403 * r, y - 0.714 * r - 0.344 * b, y + 1.773 * b], dim=1).clamp(0.0, 1.0)
