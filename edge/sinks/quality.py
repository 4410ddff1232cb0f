"""Fusion quality of a run: the fused pictures beside plain averaging."""

from __future__ import annotations

import dataclasses

import numpy as np

from rigsight.edge.frames import Prediction
from rigsight.edge.render import average_fusion, luma
from rigsight.edge.scoring.fusion import FusionQuality, fusion_quality

METRICS = tuple(field.name for field in dataclasses.fields(FusionQuality))


class QualitySink:
    """Mean EN, SD, SF and SCD (on luma, at the output size) over the sets that have both pictures."""

    def __init__(self) -> None:
        self.count = 0
        self._sums = {"fused": np.zeros(len(METRICS)), "average": np.zeros(len(METRICS))}

    def write(self, prediction: Prediction) -> None:
        """Score one set, where it has both pictures and a fused one."""
        aligned = prediction.aligned
        if prediction.fused is None or aligned.source.missing:
            return
        visible = luma(aligned.rgb)
        averaged = luma(average_fusion(aligned.rgb, aligned.thermal))
        for name, grey in (("fused", luma(prediction.fused)), ("average", averaged)):
            score = fusion_quality(grey, visible, aligned.thermal)
            self._sums[name] += dataclasses.astuple(score)
        self.count += 1

    def result(self) -> dict[str, dict[str, float]] | None:
        """``{"fused": {"en": …}, "average": {…}}``, None when no set could be scored."""
        if self.count == 0:
            return None
        return {
            name: {
                metric: round(float(value / self.count), 4)
                for metric, value in zip(METRICS, sums, strict=True)
            }
            for name, sums in self._sums.items()
        }

    def close(self) -> None:
        """Nothing to finish."""
