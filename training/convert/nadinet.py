"""NaDiNet's names (monxxcn/NaDiNet), for its three backbones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rigsight.edge.bundle.spec import Preprocessing
from rigsight.training.convert.origin import Origin, Weights

_DIB = (
    ("conv1", "large.fuse"),
    ("conv2", "small.fuse"),
    ("conv3", "large.mix"),
    ("conv4", "small.mix"),
    ("conv5", "large.merge"),
    ("conv6", "small.merge"),
    ("conv7", "out"),
)
_GATES = (("1", "large.gate1"), ("2", "large.gate2"), ("3", "small.gate1"), ("4", "small.gate2"))
_GATE = ((r"ca\.se\.0", "mlp.shrink"), (r"ca\.se\.2", "mlp.grow"), (r"sa\.conv", "spatial"))
_GCM = (("conv", "0"), ("bn", "1"))


def _decoder() -> Iterable[tuple[str, str]]:
    yield r"outconvb\.(\w+)", r"decoder.heads.5.\1"
    for layer, number in _GCM:
        yield rf"GCM\.branch0\.0\.{layer}\.(\w+)", rf"decoder.gcm.branches.0.{number}.\1"
        yield rf"GCM\.branch(\d)\.(\d)\.{layer}\.(\w+)", rf"decoder.gcm.branches.\1.\2.{number}.\3"
        yield rf"GCM\.conv_cat\.{layer}\.(\w+)", rf"decoder.gcm.join.{number}.\1"
        yield rf"GCM\.conv_res\.{layer}\.(\w+)", rf"decoder.gcm.shortcut.{number}.\1"
    for level in range(5):
        theirs = level + 1  # they count from 1
        yield rf"reduce{theirs}\.(\d)\.(\w+)", rf"decoder.reduce.{level}.\1.\2"
        yield rf"NAM{theirs}\.sigma", f"decoder.nam.{level}.sigma"
        yield rf"outconv{theirs}\.(\w+)", rf"decoder.heads.{level}.\1"
        for conv, place in _DIB:
            yield rf"decoder{theirs}\.{conv}\.(\d)\.(\w+)", rf"decoder.join.{level}.{place}.\1.\2"
        for gate, place in _GATES:
            for part, ours in _GATE:
                pattern = rf"decoder{theirs}\.cbam{gate}\.{part}\.(\w+)"
                yield pattern, rf"decoder.join.{level}.{place}.{ours}.\1"


def _vgg() -> Iterable[tuple[str, str]]:
    """Five slices of torchvision's ``features``, each counted from 0 again."""
    for name, first, end in (("1", 0, 6), ("2", 6, 13), ("4", 13, 23), ("8", 23, 33), ("16", 33, 43)):
        for place in range(first, end):
            yield rf"encoder{name}\.{place - first}\.(\w+)", rf"backbone.features.{place}.\1"


_DENSE = (
    (r"block1\.0\.(\w+)", r"backbone.features.conv0.\1"),
    (r"block1\.1\.(\w+)", r"backbone.features.norm0.\1"),
    *((rf"block{i + 1}\.(.+)", rf"backbone.features.denseblock{i}.\1") for i in (1, 2, 3, 4)),
    (r"transition(\d)\.(.+)", r"backbone.features.transition\1.\2"),
)
_RESNET = (
    (r"inconv\.(\w+)", r"backbone.conv1.\1"),
    (r"inbn\.(\w+)", r"backbone.bn1.\1"),
    (r"encoder(\d)\.(.+)", r"backbone.layer\1.\2"),
    (r"resb5_(\d)\.(.+)", r"backbone.extra.\1.\2"),
)


def _options(weights: Weights) -> dict[str, Any]:
    return {"input_scale": "image_max"}  # what these weights were trained on


def _origin(variant: str, backbone: Iterable[tuple[str, str]]) -> Origin:
    return Origin(
        title=f"NaDiNet ({variant} of monxxcn/NaDiNet)",
        licence="none stated, so all rights reserved",
        names=(*backbone, *_decoder()),
        options=_options,
        size=(384, 384),
        preprocessing=Preprocessing(grid="rgb_native"),
    )


NADINET_DENSENET201 = _origin("NaDiNet_Dense", _DENSE)
NADINET_VGG16 = _origin("NaDiNet_VGG", _vgg())
NADINET_RESNET34 = _origin("NaDiNet_Res", _RESNET)
