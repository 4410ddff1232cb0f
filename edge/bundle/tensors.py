"""One tensor of bundle.yaml against what the graph contract says of it."""

from __future__ import annotations

from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.bundle.spec import Tensor


def expect(
    name: str, tensor: Tensor, dtype: str, shape: tuple[int | None, ...], where: str | Path | None
) -> None:
    """Raises RigsightError BND-004 unless the tensor is of that dtype and shape; None fits any side."""
    fits = len(tensor.shape) == len(shape) and all(
        have > 0 and want in (None, have) for have, want in zip(tensor.shape, shape, strict=True)
    )
    if tensor.dtype != dtype or not fits:
        wanted = ",".join("?" if side is None else str(side) for side in shape)
        raise codes.BUNDLE_CONTRACT(
            f"'{name}' must be {dtype} [{wanted}], not {tensor.dtype} {list(tensor.shape)}", where=where
        )
