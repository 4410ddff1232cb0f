"""Names of the two networks called DeepCrack, whose VGG16 trunks fit SCNet's; the rest of SCNet stays fresh.

What comes of it is a start for training and no trained SCNet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rigsight.edge.bundle.spec import Preprocessing
from rigsight.training.convert.origin import Origin, Weights

_DEPTHS = (2, 2, 3, 3, 3)
_FRESH = r"(attend_down|attend_up|sides)\..+"


def _deepsegmentor() -> Iterable[tuple[str, str]]:
    """Encoder alone: convolution, norm and ReLU in a row, so that every third number is a convolution."""
    for level, depth in enumerate(_DEPTHS):
        for i in range(depth):
            yield rf"conv{level + 1}\.{3 * i}\.weight", f"down.{level}.convs.{i}.0.weight"
            yield rf"conv{level + 1}\.{3 * i + 1}\.(\w+)", rf"down.{level}.convs.{i}.1.\1"


def _qinnzou() -> Iterable[tuple[str, str]]:
    """Encoder and unpooling decoder, without norms."""
    for theirs, ours in (("down", "down"), ("up", "lift")):
        for level, depth in enumerate(_DEPTHS):
            for i in range(depth):
                pattern = rf"{theirs}{level + 1}\.nn\.{i}\.conv\.weight"
                yield pattern, f"{ours}.{level}.convs.{i}.0.weight"


def _options(weights: Weights) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if any(name.endswith("running_mean") for name in weights):
        options["norm"] = "batch"
    first = weights.get("down.0.convs.0.0.weight")
    if first is not None and first.shape[1] == 3:
        options["edge"] = "none"
    return options


DEEPSEGMENTOR = Origin(
    title="DeepCrack (yhlleo/DeepSegmentor)",
    licence="the repository's own, BSD-like; trained on DeepCrack: non-commercial research",
    names=tuple(_deepsegmentor()),
    dead=(r"side_conv\d\.weight", r"fuse_conv\.weight"),
    options=_options,
    size=(256, 256),
    partial=rf"lift\..+|{_FRESH}",
    preprocessing=Preprocessing(grid="rgb_native"),
)
QINNZOU = Origin(
    title="DeepCrack (qinnzou/DeepCrack)",
    licence="none stated, so all rights reserved",
    names=tuple(_qinnzou()),
    # A bias before an instance norm changes nothing.
    dead=(r"(down|up)\d\.nn\.\d\.conv\.bias", r"fuse\d\..+", r"final\..+"),
    options=_options,
    size=(256, 256),
    partial=_FRESH,
    preprocessing=Preprocessing(grid="rgb_native"),
)
