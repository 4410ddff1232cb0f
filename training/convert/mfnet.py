"""MFNet's names (haqishen/MFNet-pytorch, model/MFNet.py as of the published weights)."""

from __future__ import annotations

from typing import Any

from rigsight.training.convert.origin import Origin, Weights

_STREAMS = (("rgb", "rgb"), ("inf", "ir"))
_LAYERS = (("conv", "0"), ("bn", "1"))
_STAGES = (
    ("conv1", "stages.0"),
    ("conv2_1", "stages.1.0"),
    ("conv2_2", "stages.1.1"),
    ("conv3_1", "stages.2.0"),
    ("conv3_2", "stages.2.1"),
)


def _names() -> tuple[tuple[str, str], ...]:
    table: list[tuple[str, str]] = []
    for layer, number in _LAYERS:
        for theirs, ours in _STREAMS:
            for stage, place in _STAGES:
                table.append((rf"{stage}_{theirs}\.{layer}\.(\w+)", rf"{ours}.{place}.{number}.\1"))
            for block in (4, 5):
                for side, branch in (("left", "near"), ("right", "far")):
                    for step in (1, 2, 3):
                        table.append(
                            (
                                rf"conv{block}_{theirs}\.conv{step}_{side}\.{layer}\.(\w+)",
                                rf"{ours}.stages.{block - 1}.{branch}.{step - 1}.{number}.\1",
                            )
                        )
        table.append((rf"decode(\d)\.{layer}\.(\w+)", rf"decode\1.{number}.\2"))
    return tuple(table)


def _options(weights: Weights) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "decode1.0.weight" in weights:
        options["classes"] = int(weights["decode1.0.weight"].shape[0])
    if "ir.stages.0.0.weight" in weights:
        options["ir_channels"] = int(weights["ir.stages.0.0.weight"].shape[1])
    return options


MFNET = Origin(
    title="MFNet (haqishen/MFNet-pytorch)",
    licence="none stated, so all rights reserved",
    names=_names(),
    options=_options,
)
