"""Scores of a bundle on the simulator are those of its masks, counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.engines.select import open_engine
from rigsight.edge.evaluation import evaluate_bundle
from rigsight.edge.simulation.classes import CLASSES

TINY = Path(__file__).parent / "data" / "tiny_bundle"


def street_bundle() -> Bundle:
    """The tiny bundle with the simulator's classes in another order."""
    bundle = open_bundle(TINY)
    return replace(bundle, spec=bundle.spec.model_copy(update={"classes": CLASSES[::-1]}))


class Constant:
    """An engine that sees the same class everywhere."""

    def __init__(self, class_id: int) -> None:
        engine = open_engine(open_bundle(TINY), threads=1)
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self.logits = np.zeros((1, len(CLASSES), 60, 80), np.float32)
        self.logits[0, class_id] = 1.0

    def infer(self, feeds: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"logits": self.logits}

    def close(self) -> None:
        """Nothing to close."""


def test_a_constant_mask_scores_its_class_share_and_nothing_else() -> None:
    road = [entry.name for entry in CLASSES[::-1]].index("road")
    told: list[tuple[int, int]] = []
    scores = evaluate_bundle(
        street_bundle(), Constant(road), "street", (0, 1), (0, 40), progress=lambda *p: told.append(p)
    )
    assert set(scores) == {"both", "rgb_only", "thermal_only"}
    by_class = scores["both"].classes
    assert 0.1 < by_class["road"] < 0.9
    assert by_class["background"] == 0
    assert set(by_class) == {"background", "road", "person", "car", "pole"}
    present = [value for value in by_class.values() if not np.isnan(value)]
    assert scores["both"].mean == pytest.approx(np.mean(present))
    assert scores["both"].mean == scores["thermal_only"].mean
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_bundle_of_other_classes_is_one_line() -> None:
    bundle = open_bundle(TINY)
    with pytest.raises(RigsightError, match="DEM-002.*road"):
        evaluate_bundle(bundle, open_engine(bundle, threads=1), "street", (0,), (0,))
