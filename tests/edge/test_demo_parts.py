"""The demo's baseline, judge, replay and measurements on small things whose answer is known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Camera, OutputGrid, Rig
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.demo.baseline import PixelBaseline
from rigsight.edge.demo.judge import TruthOnGrid, class_ids, one_modality, score, without
from rigsight.edge.demo.measure import measure, stage_percentiles
from rigsight.edge.demo.replay import KeepingSink, Rendered, ReplaySource
from rigsight.edge.frames import CountsToKelvin, Prediction
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.build import build_chain
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.profile import Profile
from rigsight.edge.simulation.classes import CLASSES, SCENE_CLASSES

ROOT = Path(__file__).parent.parent.parent
KELVIN = CountsToKelvin(0.01, 0.0)
WIDTH, HEIGHT = 80, 60
FACADE = ("background", "crack", "damp")


@pytest.fixture
def facade_bundle(tmp_path: Path) -> Bundle:
    """The tiny bundle of the tests, its three classes named as the facade's."""
    folder = tmp_path / "facade_bundle"
    shutil.copytree(Path(__file__).parent / "data" / "tiny_bundle", folder)
    spec = (folder / "bundle.yaml").read_text()
    spec = spec.replace("name: hot", "name: crack").replace("name: bright", "name: damp")
    (folder / "bundle.yaml").write_text(spec.replace("street:", "facade:"))
    return open_bundle(folder)


@pytest.fixture
def rig() -> Rig:
    """Two equal cameras in one place: labels keep their pixels."""
    K = ((100.0, 0.0, 39.5), (0.0, 100.0, 29.5), (0.0, 0.0, 1.0))
    rgb = Camera(model="pinhole-radtan", width=WIDTH, height=HEIGHT, K=K, spectrum="rgb")
    return Rig(
        cameras={"rgb": rgb, "thermal": rgb.model_copy(update={"spectrum": "thermal"})},
        reference="rgb",
        transforms={"thermal": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        output=OutputGrid(camera="rgb", width=WIDTH, height=HEIGHT, K=K),
    )


def rendered(count: int) -> list[Rendered]:
    rng = np.random.default_rng(5)
    sets = []
    for index in range(count):
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        labels[20:40, 10 + index : 30 + index] = 5
        labels[5:15, 40:70] = 6
        rgb = rng.integers(90, 110, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        rgb[labels == 5] = (20, 20, 20)
        thermal = rng.integers(29000, 29050, (HEIGHT, WIDTH)).astype(np.uint16)
        thermal[labels == 6] -= 500
        sets.append(Rendered(rgb, thermal, labels, 1.0, index * 100_000_000))
    return sets


def test_the_replay_gives_every_frame_in_order_with_its_truth() -> None:
    sets = rendered(3)
    source = ReplaySource(sets, KELVIN, first=7)
    frames = list(source.frames())
    assert [(f.camera, f.sequence) for f in frames] == [
        (role, n) for n in range(3) for role in ("rgb", "thermal")
    ]
    assert source.name(2) == "0009"
    assert source.truth(1) is sets[1]
    assert frames[1].counts_to_kelvin == KELVIN


def test_the_pipeline_loses_nothing_and_keeps_the_order(facade_bundle: Bundle, rig: Rig) -> None:
    chain = build_chain(facade_bundle, rig)
    seen: list[int] = []
    profile = Profile(name="test")
    measured = measure(rendered(10), KELVIN, chain, profile, lambda done, total: seen.append(done))
    chain.close()
    names = [prediction.aligned.source.name for prediction in measured.predictions]
    assert names == [f"{n:04d}" for n in range(10)]
    assert not measured.dropped
    assert len(measured.rates_hz) == len(measured.engine_rates_hz) == 8
    assert all(rate > 0 for rate in measured.rates_hz + measured.engine_rates_hz)
    assert seen[-1] == 10
    percentiles = stage_percentiles(measured.predictions)
    assert list(percentiles)[-2:] == ["total", "age"]
    assert {"preprocess", "engine", "mask"} <= set(percentiles)
    for each in percentiles.values():
        assert 0 <= each.p50 <= each.p95 <= each.p99


def predictions_of(chain: Chain, sets: list[Rendered]) -> list[Prediction]:
    sink = KeepingSink()
    source = ReplaySource(sets, KELVIN)
    pairer = Pairer(source)
    for frame in source.frames():
        for frames in pairer.push(frame):
            sink.write(chain(frames))
    for frames in pairer.flush():
        sink.write(chain(frames))
    return sink.predictions


def test_truth_lies_on_the_grid_in_the_bundle_s_ids(facade_bundle: Bundle, rig: Rig) -> None:
    chain = build_chain(facade_bundle, rig)
    sets = rendered(1)
    [prediction] = predictions_of(chain, sets)
    chain.close()
    to_grid = TruthOnGrid(rig, prediction.aligned, facade_bundle.spec.classes, "facade")
    assert to_grid.ids == (0, 1, 2)
    valid = np.full((HEIGHT, WIDTH), 255, np.uint8)
    valid[:, :4] = 0
    truth = to_grid(sets[0].labels, valid)
    assert (truth[:, :4] == 255).all()
    inside = sets[0].labels[:, 4:]
    np.testing.assert_array_equal(truth[:, 4:], np.select([inside == 5, inside == 6], [1, 2], 0))


def test_a_bundle_without_a_class_of_the_scene_cannot_be_judged() -> None:
    assert class_ids(CLASSES, "pipe") == SCENE_CLASSES["pipe"]
    few = [ClassEntry(name=name, color=(0, 0, 0)) for name in FACADE]
    with pytest.raises(RigsightError, match="DEM-002.*joint, deposit.*pipe"):
        class_ids(few, "pipe")


def test_a_left_out_modality_is_blank_and_missing(facade_bundle: Bundle, rig: Rig) -> None:
    chain = build_chain(facade_bundle, rig)
    [prediction] = predictions_of(chain, rendered(1))
    alone = without(prediction.aligned, "thermal")
    assert not alone.thermal.any()
    assert (alone.rgb == prediction.aligned.rgb).all()
    assert set(alone.source.frames) == {"rgb"}
    masks = one_modality(chain.predictor, facade_bundle)
    # thermal only is below the bundle's min_accuracy: the pipeline would give no mask, the comparison does
    assert (chain.predictor(without(prediction.aligned, "rgb")).mask == 255).all()
    assert (masks["thermal_only"](prediction.aligned) != 255).any()
    chain.close()


def test_scores_of_perfect_and_of_empty_masks(facade_bundle: Bundle, rig: Rig) -> None:
    chain = build_chain(facade_bundle, rig)
    sets = rendered(4)
    predictions = predictions_of(chain, sets)
    chain.close()
    classes, ids = facade_bundle.spec.classes, (0, 1, 2)
    to_grid = TruthOnGrid(rig, predictions[0].aligned, classes, "facade")
    truths = [to_grid(s.labels, p.aligned.valid) for s, p in zip(sets, predictions, strict=True)]
    perfect = [replace(p, mask=t) for p, t in zip(predictions, truths, strict=True)]
    baseline = PixelBaseline(3)
    for prediction, truth in zip(predictions[:2], truths[:2], strict=True):
        baseline.add(prediction.aligned.rgb, prediction.aligned.thermal, truth)
    calls: list[int] = []

    def nothing(aligned: object) -> np.ndarray:
        calls.append(1)
        return np.zeros((HEIGHT, WIDTH), np.uint8)

    scores = score(perfect, truths, classes, ids, {"rgb_only": nothing}, baseline, 2, lambda *_: None)
    assert scores["both"].mean == 1
    assert scores["both"].classes == dict.fromkeys(FACADE, 1.0)
    assert len(calls) == 2
    assert scores["rgb_only"].classes["crack"] == 0
    # Dark pixels and cold pixels are the classes here, so that single pixels tell them.
    assert scores["baseline"].mean > 0.95


def test_the_baseline_borrows_from_coarser_cells_where_it_has_seen_nothing() -> None:
    baseline = PixelBaseline(3)
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[:4] = 64
    truth = np.zeros((8, 8), np.uint8)
    truth[:4] = 1
    thermal = np.full((8, 8), 100, np.uint8)
    baseline.add(rgb, thermal, truth)
    near = np.where(rgb > 0, 90, 40).astype(np.uint8)  # other fine cells, the same coarse ones
    np.testing.assert_array_equal(baseline.predict(near, thermal), truth)


def test_the_baseline_weighs_rare_classes_by_the_root_of_their_share() -> None:
    baseline = PixelBaseline(2)
    rgb, thermal = np.zeros((10, 100, 3), np.uint8), np.zeros((10, 100), np.uint8)
    rgb[0, :10] = 200  # here 6 pixels of the common class (of 990), 4 of the rare one (of 10)
    truth = np.zeros((10, 100), np.uint8)
    truth[0, :4] = 1
    truth[1, :6] = 1
    baseline.add(rgb, thermal, truth)
    assert (baseline.predict(rgb, thermal)[0, :10] == 1).all()
    assert (baseline.predict(rgb, thermal)[2:] == 0).all()
