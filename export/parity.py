"""The gate: the graph in ONNX Runtime computes what the model computes in PyTorch, or there is no bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.frames import UInt8
from rigsight.edge.postprocess import binary_mask, class_mask
from rigsight.export import codes

MAX_LOGITS_DIFFERENCE = 1e-3
MIN_MASK_AGREEMENT = 0.9999
MAX_LEVELS = 1


@dataclass(frozen=True)
class Parity:
    """How far two executions of one case lie apart.

    ``mask_agreement`` is the share of pixels of the same class, ``logits_difference`` the largest absolute
    difference over the range of the logits, ``fused_levels`` and ``probability_levels`` the largest
    differences in grey levels; None where the graph has no such output.
    """

    case: str
    mask_agreement: float
    logits_difference: float | None = None
    fused_levels: int | None = None
    probability_levels: int | None = None

    @property
    def passed(self) -> bool:
        """Within all limits; a NaN is not."""
        levels = [value for value in (self.fused_levels, self.probability_levels) if value is not None]
        return (
            (self.logits_difference is None or self.logits_difference <= MAX_LOGITS_DIFFERENCE)
            and self.mask_agreement >= MIN_MASK_AGREEMENT
            and all(value <= MAX_LEVELS for value in levels)
        )

    def words(self) -> str:
        """What differs, by how much."""
        parts = [f"{self.mask_agreement:.4%} of the mask agree"]
        if self.logits_difference is not None:
            parts.append(f"the logits differ by {self.logits_difference:.1e} of their range")
        if self.probability_levels is not None:
            parts.append(f"the probability differs by {self.probability_levels} of 255")
        if self.fused_levels is not None:
            parts.append(f"fused differs by {self.fused_levels} levels")
        return ", ".join(parts)


def check_parity(
    module: nn.Module,
    engine: Engine,
    feeds: Mapping[str, Mapping[str, Array]],
    threshold: int | None = None,
) -> tuple[Parity, ...]:
    """Compare ``module`` (PyTorch) with ``engine`` on every case of ``feeds`` (name -> inputs).

    ``threshold`` is the binary bundle's, of 255.

    Raises:
        RigsightError: EXP-001 with the worst case.
    """
    results = tuple(_compare(case, module, engine, arrays, threshold) for case, arrays in feeds.items())
    failed = [result for result in results if not result.passed]
    if failed:
        worst = max(failed, key=lambda result: 1 - result.mask_agreement)
        raise codes.PARITY_FAILED(
            f"on '{worst.case}' {worst.words()} (limits: {MIN_MASK_AGREEMENT:.2%}, "
            f"{MAX_LOGITS_DIFFERENCE:.0e}, {MAX_LEVELS} level)",
            fix="Nothing was written. Try another torch or onnxruntime release, and report the model.",
        )
    return results


def _compare(
    case: str, module: nn.Module, engine: Engine, arrays: Mapping[str, Array], threshold: int | None
) -> Parity:
    with torch.inference_mode():
        # Copies: the pictures are read-only, which PyTorch cannot express.
        reference = module(*(torch.from_numpy(arrays[name].copy()) for name in engine.inputs))
    wanted = {name: tensor.numpy() for name, tensor in zip(engine.outputs, reference, strict=True)}
    found = engine.infer(arrays)
    difference, levels = None, {}
    if "logits" in wanted:
        logits = wanted["logits"]
        spread = max(float(logits.max() - logits.min()), float(np.finfo(np.float32).tiny))
        difference = float(np.abs(logits - found["logits"]).max()) / spread
    for name in ("fused", "probability"):
        if name in wanted:
            levels[name] = int(np.abs(wanted[name].astype(np.int16) - found[name]).max())
    same = mask_of(wanted, threshold) == mask_of(found, threshold)
    return Parity(case, float(same.mean()), difference, levels.get("fused"), levels.get("probability"))


def mask_of(outputs: Mapping[str, Any], threshold: int | None) -> UInt8:
    """Class ids uint8 [H,W] of a graph's outputs; ``threshold`` is the binary bundle's, of 255."""
    if threshold is None and "mask" in outputs:
        return np.asarray(outputs["mask"][0], np.uint8)
    if threshold is None:
        return class_mask(outputs["logits"])
    return binary_mask(outputs["probability"][0], threshold)
