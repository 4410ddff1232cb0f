"""The simulated rig as calibration material: training places calibrate, validation places judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.evaluation import evaluate_bundle
from rigsight.edge.simulation.splits import SCENES, Scene, Split
from rigsight.export.precision.material import Material, Score, Spread

STRIDE, SETS_PER_PLACE = 17, 4


class SimulatedMaterial(Material):
    """Frame sets of the scenes that the bundle was made for."""

    def __init__(self, scenes: Sequence[str], most_calibrate: int, most_judge: int) -> None:
        """``scenes`` that the simulator does not know are left out; without any known one all are taken."""
        known: tuple[Scene, ...] = tuple(scene for scene in SCENES if scene in scenes) or SCENES
        self.scenes = known
        self._places = {
            "train": max(1, most_calibrate // (SETS_PER_PLACE * len(known))),
            "val": max(1, most_judge // (SETS_PER_PLACE * len(known))),
        }
        self.name = f"the simulated {', '.join(known)}: training places calibrate, validation places judge"
        counts = f"{known} {self._places} {STRIDE} {SETS_PER_PLACE}"
        self.digest = hashlib.sha256(counts.encode()).hexdigest()
        self.spread = Spread(self._places["train"] * SETS_PER_PLACE * len(known))

    def _run(self, bundle: Bundle, engine: Engine) -> None:
        self._evaluate(bundle, engine, "train")

    def score(self, bundle: Bundle, graph: Engine, worst: int = 0) -> Score:
        """mIoU with both cameras, mean over the scenes."""
        return Score(self._evaluate(bundle, graph, "val"), "mIoU")

    def _evaluate(self, bundle: Bundle, engine: Engine, split: Split) -> float:
        means = []
        indices = range(0, STRIDE * SETS_PER_PLACE, STRIDE)
        for scene in self.scenes:
            rows = evaluate_bundle(
                bundle, engine, scene, range(self._places[split]), indices, split, modalities=("both",)
            )
            means.append(rows["both"].mean)
        return float(np.mean(means))
