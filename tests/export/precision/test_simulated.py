"""The simulated rig as calibration material."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import open_graph
from rigsight.edge.evaluation import evaluate_bundle
from rigsight.export.precision.open_material import open_material
from rigsight.export.precision.simulated import SETS_PER_PLACE, STRIDE, SimulatedMaterial
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance


@pytest.fixture(scope="module")
def pipe() -> Bundle:
    return open_bundle("bundles/sim_pipe")


@pytest.fixture(scope="module")
def engine(pipe: Bundle) -> Engine:
    return open_graph(pipe, threads=1)


def test_it_gives_pairs_of_training_places_evenly(pipe: Bundle, engine: Engine) -> None:
    meta = CheckpointMeta(
        model="segmif_nano",
        classes=pipe.spec.classes,
        width=320,
        height=240,
        training=TrainingProvenance(command="rigsight train x.yaml", tool_version="0.1.0"),
        scores={"pipe": {"both": 0.8}},
    )
    material = open_material("sim", "train", "val", 4, 4, meta)
    assert isinstance(material, SimulatedMaterial)
    assert material.scenes == ("pipe",)
    feeds = material.feeds(pipe, engine, most=3)
    assert len(feeds) == 3
    assert set(feeds[0]) == {"rgb", "thermal", "saliency"}
    assert feeds[0]["thermal"].dtype == np.uint8
    assert feeds[0]["rgb"].std() > 5
    assert (feeds[0]["rgb"] != feeds[2]["rgb"]).any()
    assert material.spread.pictures == 4


def test_it_judges_on_validation_places(pipe: Bundle, engine: Engine) -> None:
    material = SimulatedMaterial(["pipe"], 4, 4)
    indices = range(0, STRIDE * SETS_PER_PLACE, STRIDE)
    expected = evaluate_bundle(pipe, engine, "pipe", range(1), indices, "val", modalities=("both",))
    score = material.score(pipe, engine)
    assert score.metric == "mIoU"
    assert score.value == pytest.approx(expected["both"].mean)
    assert 0.3 < score.value < 1


def test_without_a_known_scene_it_takes_all() -> None:
    assert SimulatedMaterial(["val"], 16, 16).scenes == ("street", "facade", "pipe")
