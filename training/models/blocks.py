"""Small layers that several networks are made of."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Norm = Literal["batch", "instance", "none"]


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """Batch norm (affine), instance norm (not affine, no running statistics), or nothing."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.Identity()


class ConvNormAct(nn.Sequential):
    """Convolution that keeps height and width, norm, activation: [N,C,H,W] -> [N,outputs,H,W] at stride 1."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        norm: Norm = "batch",
        act: nn.Module | None = None,
    ) -> None:
        """``act`` None means no activation; a given module is used as it is (so it may be shared)."""
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (dilation * (sides[0] // 2), dilation * (sides[1] // 2))
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, sides, stride, padding, dilation, groups, bias=bias),
            norm_layer(norm, outputs),
        ]
        super().__init__(*layers, *([] if act is None else [act]))


def count_parameters(module: nn.Module) -> int:
    """All parameters, frozen ones too, each counted once.

    >>> count_parameters(nn.Conv2d(3, 4, 3))
    112
    """
    return sum(parameter.numel() for parameter in module.parameters())


def resize_like(x: Tensor, reference: Tensor, align_corners: bool = False) -> Tensor:
    """Bilinear enlargement or reduction of ``x`` [N,C,h,w] to the height and width of ``reference``."""
    if x.shape[2:] == reference.shape[2:]:
        return x
    return nn.functional.interpolate(
        x, size=reference.shape[2:], mode="bilinear", align_corners=align_corners
    )
