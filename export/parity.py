"""The gate: the graph in ONNX Runtime computes what the model computes in PyTorch, or there is no bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.postprocess import class_mask
from rigsight.export import codes

MAX_LOGITS_DIFFERENCE = 1e-3
MIN_MASK_AGREEMENT = 0.9999
MAX_FUSED_LEVELS = 1


@dataclass(frozen=True)
class Parity:
    """How far two executions of one case lie apart.

    ``logits_difference`` is the largest absolute difference over the range of the logits, ``mask_agreement``
    the share of pixels of the same class, ``fused_levels`` the largest difference in grey levels.
    """

    case: str
    logits_difference: float
    mask_agreement: float
    fused_levels: int

    @property
    def passed(self) -> bool:
        """Within all three limits; a NaN is not."""
        return (
            self.logits_difference <= MAX_LOGITS_DIFFERENCE
            and self.mask_agreement >= MIN_MASK_AGREEMENT
            and self.fused_levels <= MAX_FUSED_LEVELS
        )


def check_parity(
    module: nn.Module, engine: Engine, feeds: Mapping[str, Mapping[str, Array]]
) -> tuple[Parity, ...]:
    """Compare ``module`` (PyTorch) with ``engine`` on every case of ``feeds`` (name -> inputs).

    Raises:
        RigsightError: EXP-001 with the worst case.
    """
    results = tuple(_compare(case, module, engine, arrays) for case, arrays in feeds.items())
    failed = [result for result in results if not result.passed]
    if failed:
        worst = max(failed, key=lambda result: 1 - result.mask_agreement)
        raise codes.PARITY_FAILED(
            f"on '{worst.case}' the logits differ by {worst.logits_difference:.1e} of their range "
            f"(limit {MAX_LOGITS_DIFFERENCE:.0e}), {worst.mask_agreement:.4%} of the mask agree (limit "
            f"{MIN_MASK_AGREEMENT:.2%}), fused differs by {worst.fused_levels} levels",
            fix="Nothing was written. Try another torch or onnxruntime release, and report the model.",
        )
    return results


def _compare(case: str, module: nn.Module, engine: Engine, arrays: Mapping[str, Array]) -> Parity:
    with torch.inference_mode():
        # Copies: the pictures are read-only, which PyTorch cannot express.
        reference = module(*(torch.from_numpy(arrays[name].copy()) for name in engine.inputs))
    wanted = {name: tensor.numpy() for name, tensor in zip(engine.outputs, reference, strict=True)}
    found = engine.infer(arrays)
    logits = wanted["logits"]
    spread = max(float(logits.max() - logits.min()), float(np.finfo(np.float32).tiny))
    fused = wanted["fused"].astype(np.int16) - found["fused"]
    return Parity(
        case,
        float(np.abs(logits - found["logits"]).max()) / spread,
        float((class_mask(logits) == class_mask(found["logits"])).mean()),
        int(np.abs(fused).max()),
    )
