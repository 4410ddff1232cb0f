"""Models with known answers on small data sets: every protocol's figures, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.scoring.per_image import PerImageScores
from rigsight.edge.scoring.region import RegionCounts
from rigsight.edge.scoring.sheet import LABEL_HEIGHT, MISSED, PANEL_WIDTH
from rigsight.edge.scoring.thresholds import ThresholdCounts
from rigsight.training.data.dataset import Dataset
from rigsight.training.evaluation.dataset import Settings, default_split, evaluate

Make = Callable[..., Dataset]


def test_a_binary_model_gets_every_figure_of_its_papers(
    make_dataset: Make, red: Any, crack_pictures: Any
) -> None:
    told: list[tuple[int, int]] = []
    report = evaluate(
        red(), make_dataset(crack_pictures), "val", Settings(2), lambda *place: told.append(place)
    )
    counts, regions, each = ThresholdCounts(2), RegionCounts(), PerImageScores()
    for arrays in crack_pictures.values():
        counts.add(arrays["rgb"][..., 0], arrays["mask"])
        regions.add(arrays["rgb"][..., 0], arrays["mask"])
        each.add(arrays["rgb"][..., 0], arrays["mask"])
    assert list(report.figures) == ["both"]
    found = report.figures["both"]
    assert found["tolerance_px"] == 2
    assert found["ods"]["f1"] == pytest.approx(counts.ods().f1, abs=1e-5)
    assert found["ods"]["threshold"] == pytest.approx(counts.ods().threshold / 255, abs=1e-4)
    assert found["ois_f1"] == pytest.approx(counts.ois(), abs=1e-5)
    assert found["auprc"] == pytest.approx(counts.auprc(), abs=1e-5)
    assert found["own"]["iou"] == pytest.approx(0.5)  # one of two equal cracks, and no false alarm
    assert found["region"]["best"]["f1"] == pytest.approx(regions.best().f1, abs=1e-5)
    assert found["per_image"] == {"protocol": "fixed", "images": 2, "pa": 0.5, "iou": 0.5}
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert report.as_json()["images"] == 3


def test_nadinets_protocol_looks_at_the_networks_own_map(
    make_dataset: Make, red: Any, crack_pictures: Any
) -> None:
    expected = PerImageScores("nadinet")
    model = red((32, 32))
    for arrays in crack_pictures.values():
        expected.add(model(arrays["rgb"], None).grid.probability, arrays["mask"])
    report = evaluate(red((32, 32)), make_dataset(crack_pictures), "val", Settings(way="nadinet"))
    found = report.figures["both"]["per_image"]
    assert found["protocol"] == "nadinet"
    assert (found["pa"], found["iou"]) == (round(expected.pa(), 5), round(expected.iou(), 5))


@pytest.mark.parametrize("size", [None, (32, 32), (96, 80)])
def test_masks_have_the_size_of_their_picture(red: Any, crack_pictures: Any, size: Any) -> None:
    for arrays in crack_pictures.values():
        answer = red(size)(arrays["rgb"], None)
        assert answer.mask.shape == answer.probability.shape == arrays["mask"].shape
        if size is not None:
            assert answer.grid.mask.shape == size[::-1]


def test_a_semantic_model_is_scored_with_and_without_each_camera(
    make_dataset: Make, levels: Any, warm_pictures: Any
) -> None:
    dataset = make_dataset(warm_pictures, ("background", "hot", "red"))
    report = evaluate(levels(), dataset, "val")
    both, rgb, thermal = (report.figures[name] for name in ("both", "rgb_only", "thermal_only"))
    assert (both["miou"], both["macc"]) == (1, 1)
    assert rgb["classes"]["hot"] == {"iou": 0, "acc": 0}
    assert rgb["classes"]["red"] == {"iou": 1, "acc": 1}
    assert thermal["classes"]["red"]["iou"] == 0
    assert set(both["fusion"]["fused"]) == {"en", "sd", "sf", "scd"}
    assert both["fusion"]["fused"]["scd"] > both["fusion"]["average"]["scd"]
    assert "fusion" not in rgb


def test_classes_are_found_by_name_whatever_their_order(
    make_dataset: Make, levels: Any, warm_pictures: Any
) -> None:
    arrays = warm_pictures["pair"]
    swapped = np.choose(np.minimum(arrays["mask"], 3), [0, 2, 1, 255]).astype(np.uint8)
    dataset = make_dataset({"pair": {**arrays, "mask": swapped}}, ("background", "red", "hot"))
    assert evaluate(levels(), dataset, "val").figures["both"]["miou"] == 1


def test_a_camera_that_the_data_lack_is_left_out(make_dataset: Make, levels: Any, warm_pictures: Any) -> None:
    arrays = {name: array for name, array in warm_pictures["pair"].items() if name != "thermal"}
    report = evaluate(levels(), make_dataset({"pair": arrays}, ("background", "hot", "red")), "val")
    assert list(report.figures) == ["rgb_only"]


def test_a_crack_model_may_be_tried_on_other_defects(
    make_dataset: Make, red: Any, crack_pictures: Any
) -> None:
    dataset = make_dataset(crack_pictures, ("fine", "scratch"))
    assert evaluate(red(), dataset, "val").figures["both"]["own"]["recall"] == 0.5


def test_the_split_for_reports_is_test_where_there_is_one(make_dataset: Make, crack_pictures: Any) -> None:
    assert default_split(make_dataset(crack_pictures)) == "val"
    splits = {"val": {"stems": ["good"]}, "test": {"stems": ["bad"]}}
    assert default_split(make_dataset(crack_pictures, splits=splits)) == "test"


def refused(code: str, *words: str) -> Any:
    return pytest.raises(RigsightError, match=f"{code}.*" + ".*".join(words))


def test_what_cannot_be_judged_is_one_line(
    make_dataset: Make, red: Any, levels: Any, crack_pictures: Any, warm_pictures: Any
) -> None:
    with refused("TRN-304", "hot", "crack"):
        evaluate(levels(), make_dataset(crack_pictures), "val")
    with refused("TRN-304", "crack", "hot"):
        evaluate(red(), make_dataset(warm_pictures, ("background", "hot", "red")), "val")
    with refused("DAT-002", "test"):
        evaluate(red(), make_dataset(crack_pictures), "test")
    with refused("TRN-305", "none|no labels"):
        evaluate(red(), make_dataset(crack_pictures, labels={"kind": "none"}), "val")
    with refused("TRN-305", "boxes"):
        labels = {"kind": "boxes", "pattern": "boxes/{stem}.txt"}
        evaluate(red(), make_dataset(crack_pictures, labels=labels), "val")
    with refused("TRN-305", "unlabelled"):
        blank = {s: {**a, "mask": np.full_like(a["mask"], 255)} for s, a in crack_pictures.items()}
        evaluate(red(), make_dataset(blank), "val")
    with refused("TRN-306", "rgb", "thermal"):
        grey = {s: {"thermal": a["rgb"][..., 0], "mask": a["mask"]} for s, a in crack_pictures.items()}
        evaluate(red(), make_dataset(grey), "val")
    three = make_dataset(warm_pictures, ("background", "hot", "red"))
    for settings in (Settings(tolerance_px=2), Settings(way="nadinet")):
        with refused("TRN-307", "semantic"):
            evaluate(levels(), three, "val", settings)


def test_the_report_carries_the_worst_of_the_data_set(
    make_dataset: Callable[..., Dataset], red: Any, crack_pictures: Any
) -> None:
    report = evaluate(red(), make_dataset(crack_pictures), "val", Settings(worst=1))
    assert report.sheet is not None
    row = round(33 * PANEL_WIDTH / 64) + LABEL_HEIGHT  # the badly seen one
    assert report.sheet.shape[0] == row + 44
    assert (report.sheet == MISSED).all(axis=2).any()
    assert "sheet" not in report.as_json()
