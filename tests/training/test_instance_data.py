"""COCO files: read and refused; augmentation keeps picture, masks and boxes together; simulated things."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.instances import paste_mask
from rigsight.edge.simulation.classes import CAR, PERSON
from rigsight.edge.simulation.instances import NOTHING, instance_ids, thermal_instances
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.training.config import Augmentation, load_config
from rigsight.training.data.coco import _runs, decode, encode
from rigsight.training.data.dataset import open_dataset
from rigsight.training.data.instance_augment import augment_instances, plain_instances
from rigsight.training.data.instances import InstanceRecord, InstanceRecords, boxes_of
from rigsight.training.data.simulated_instances import LEAST_PIXELS, instance_dataset
from rigsight.training.metrics_coco import CocoMeter

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SQUARE = [[4.0, 3.0, 12.0, 3.0, 12.0, 9.0, 4.0, 9.0]]
DATASET = """
version: 1
name: infrared
modalities: {thermal: "ir/{stem}.png"}
labels: {kind: coco, pattern: instances.json}
classes:
  - {name: background, color: [0, 0, 0]}
  - {name: human, color: [255, 0, 0]}
  - {name: car, color: [0, 0, 255]}
splits:
  train: {stems: [a, b]}
licence: CC0
source: a test
"""


def coco() -> dict[str, Any]:
    """Two pictures of 20 x 16: a car by polygon and a crowd by runs, and a human by compressed runs."""
    strip = np.zeros((16, 20), np.uint8)
    strip[:, 2:5] = 1
    return {
        "images": [
            {"id": 7, "file_name": "ir/a.png", "width": 20, "height": 16},
            {"id": 9, "file_name": "ir/b.png", "width": 20, "height": 16},
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "human"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": SQUARE, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1,
             "segmentation": {"size": [16, 20], "counts": [0, 16, 304]}},
            {"id": 3, "image_id": 9, "category_id": 1, "segmentation": encode(strip), "iscrowd": 0},
        ],
    }  # fmt: skip


def write(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda data: None) -> Path:
    data = coco()
    change(data)
    (folder / "ir").mkdir()
    for name in "ab":
        cv2.imwrite(str(folder / "ir" / f"{name}.png"), np.full((16, 20), 90, np.uint8))
    (folder / "instances.json").write_text(json.dumps(data))
    (folder / "dataset.yaml").write_text(DATASET)
    return folder


def records(folder: Path, split: str = "train") -> InstanceRecords:
    return InstanceRecords(open_dataset(folder), split, "thermal")


def test_polygons_and_both_run_length_codes_are_read(tmp_path: Path) -> None:
    found = records(write(tmp_path))
    first, second = found[0], found[1]
    assert first.labels.tolist() == [2, 1]
    assert first.crowd.tolist() == [False, True]
    assert first.masks[0].sum() == 8 * 6
    assert first.masks[0, 3:9, 4:12].all()
    assert first.masks[1, :, 0].all()
    assert first.masks[1].sum() == 16
    assert second.labels.tolist() == [1]
    assert boxes_of(second.masks).tolist() == [[2.0, 0.0, 5.0, 16.0]]
    assert found.counts() == {"human": 2, "car": 1}


def test_compressed_runs_are_what_pycocotools_writes() -> None:
    random = np.random.default_rng(1)
    for density in (0.02, 0.5, 0.98):
        mask = (random.random((40, 60)) < density).astype(np.uint8)
        runs = _runs(encode(mask)["counts"])
        assert runs is not None
        values = np.repeat(np.arange(len(runs)) % 2, runs).reshape(60, 40).T
        assert np.array_equal(values, mask)
        assert np.array_equal(decode(encode(mask), 40, 60), mask)


def annotation(number: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["annotations"][number].update(changes)


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        (lambda data: data.pop("categories"), "DAT-201", "categories"),
        (lambda data: data["images"][0].update(id="seven"), "DAT-201", "seven"),
        (lambda data: data["images"][1].update(id=7), "DAT-201", "same id"),
        (lambda data: data["images"][0].update(width=0), "DAT-201", "width"),
        (lambda data: (data["images"].pop(1), data["annotations"].pop(2)), "DAT-202", "'b'"),
        (annotation(0, category_id=5), "DAT-203", "category 5"),
        (lambda data: data["categories"][0].update(name="lorry"), "DAT-203", "lorry"),
        (lambda data: data["categories"][0].update(name="background"), "DAT-203", "background"),
        (annotation(0, segmentation=[[1.0, 2.0, 3.0, 4.0]]), "DAT-204", "polygon"),
        (annotation(0, segmentation=[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]), "DAT-204", "pairs"),
        (annotation(0, segmentation=[[1.0, 2.0, 3.0, "x", 5.0, 6.0]]), "DAT-204", "number"),
        (annotation(0, segmentation=[[1.0, 2.0, 3.0, float("nan"), 5.0, 6.0]]), "DAT-204", "finite"),
        (annotation(0, segmentation=[]), "DAT-204", "empty"),
        (annotation(1, segmentation={"size": [20, 16], "counts": [320]}), "DAT-204", "size"),
        (annotation(1, segmentation={"size": [16, 20], "counts": [5, 10]}), "DAT-204", "15 of 320"),
        (annotation(2, segmentation={"size": [16, 20], "counts": "\x01"}), "DAT-204", "read"),
        (lambda data: data["annotations"].clear(), "DAT-205", "no picture"),
        (annotation(0, image_id=8), "DAT-206", "picture 8"),
    ],
)
def test_broken_files_are_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], code: str, word: str
) -> None:
    with pytest.raises(RigsightError) as error:
        records(write(tmp_path, change))
    assert error.value.code == code
    assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_other_ways_to_be_wrong(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "ir" / "b.png").unlink()
    with pytest.raises(RigsightError, match=r"DAT-003.*b\.png"):
        records(folder)
    cv2.imwrite(str(folder / "ir" / "b.png"), np.zeros((10, 20), np.uint8))
    with pytest.raises(RigsightError, match="DAT-206.*20x10.*20x16"):
        records(folder)[1]
    (folder / "instances.json").write_text("{")
    with pytest.raises(RigsightError, match="DAT-201.*JSON"):
        records(folder)
    (folder / "instances.json").unlink()
    with pytest.raises(RigsightError, match="DAT-201"):
        records(folder)
    text = DATASET.replace("kind: coco, pattern: instances.json", "kind: none")
    (folder / "dataset.yaml").write_text(text)
    with pytest.raises(RigsightError, match="DAT-205.*COCO labels"):
        records(folder)


def record() -> InstanceRecord:
    """A bright box on a dark ground, and a second thing that overlaps it."""
    picture = np.full((60, 80), 40, np.uint8)
    picture[20:40, 30:50] = 200
    masks = np.zeros((2, 60, 80), np.uint8)
    masks[0, 20:40, 30:50] = 1
    masks[1, 10:30, 40:60] = 1
    return InstanceRecord(picture, masks, np.array([1, 2]), np.zeros(2, np.bool_))


def test_picture_masks_and_boxes_move_together() -> None:
    settings = Augmentation(thermal_noise=0, agc=0, rotation_deg=20, shift=0.1)
    different = set()
    for seed in range(20):
        sample = augment_instances(record(), None, (96, 72), settings, np.random.default_rng(seed))
        assert sample.labels.tolist() == [1, 2]
        assert np.array_equal(boxes_of(sample.masks), sample.boxes)
        bright = sample.picture > 120
        shared = (bright & (sample.masks[0] > 0)).sum() / (bright | (sample.masks[0] > 0)).sum()
        assert shared > 0.9
        different.add(tuple(sample.boxes[0]))
    assert len(different) > 15


def test_what_leaves_the_picture_is_no_longer_asked_for() -> None:
    away = Augmentation(scale=(3, 3), rotation_deg=0, shift=0, flip=0, thermal_noise=0, agc=0)
    only = record()
    corner = np.zeros_like(only.masks)
    corner[0], corner[1, :4, :4] = only.masks[0], 1
    moved = InstanceRecord(only.picture, corner, only.labels, only.crowd)
    sample = augment_instances(moved, None, (80, 60), away, np.random.default_rng(0))
    assert sample.labels.tolist() == [1]


def test_crowds_are_judged_but_not_learnt() -> None:
    both = record()
    crowded = InstanceRecord(both.picture, both.masks, both.labels, np.array([False, True]))
    still = Augmentation(scale=(1, 1), rotation_deg=0, shift=0, flip=0, thermal_noise=0, agc=0)
    sample = augment_instances(crowded, None, (80, 60), still, np.random.default_rng(0))
    assert sample.labels.tolist() == [1]
    plain = plain_instances(crowded, None, (40, 30))
    assert plain.labels.tolist() == [1, 2]
    assert plain.picture.shape == (30, 40)
    assert plain.boxes[0].tolist() == [15.0, 10.0, 25.0, 20.0]


def test_counts_go_through_the_agc() -> None:
    counts = InstanceRecord(
        np.full((60, 80), 20_000, np.uint16), *(getattr(record(), f) for f in ("masks", "labels", "crowd"))
    )
    counts.picture[20:40, 30:50] = 20_500
    sample = plain_instances(counts, (19_900.0, 20_600.0), (80, 60))
    assert sample.picture[30, 40] == round(600 / 700 * 255)
    assert sample.picture[0, 0] == round(100 / 700 * 255)


def test_simulated_things_are_what_the_labels_show() -> None:
    rig = SimulatedRig("street", 1, "train", 160, 96)
    total: list[int] = []
    for index in (0, 26, 52):
        view = rig.view("thermal", index)
        ids, classes = instance_ids(view)  # type: ignore[arg-type]
        for class_id in (CAR, PERSON):
            mine = np.isin(ids, [k for k, c in enumerate(classes) if c == class_id])
            assert np.array_equal(mine, view.labels == class_id)
        assert sorted(np.unique(ids[ids != NOTHING])) == list(range(len(classes)))
        for number in range(len(classes)):
            depth = view.depth[ids == number]
            assert depth.max() - depth.min() < 6  # one car, not a row of them
        total.extend(classes)
    assert {CAR, PERSON} <= set(total)


def test_the_thermal_picture_is_the_rigs_own_but_for_noise() -> None:
    rig = SimulatedRig("street", 1, "train", 96, 64)
    difference = thermal_instances(rig, 9).counts.astype(float) - rig.render(9).thermal
    assert 0 < np.abs(difference).mean() < 5
    assert np.array_equal(thermal_instances(rig, 9).counts, thermal_instances(rig, 9).counts)


def test_the_street_becomes_a_coco_data_set(tmp_path: Path) -> None:
    changes = ["data.seeds=1", "data.sets_per_seed=3", "data.workers=0", "width=160", "height=96"]
    config = load_config(CONFIGS / "bnsa_simulated.yaml", [*changes, f"data.cache={tmp_path}"])
    dataset = instance_dataset(config, config.data, "train")  # type: ignore[arg-type]
    found = InstanceRecords(dataset, "all", "thermal")
    assert len(found) == 3
    assert sum(found.counts().values()) > 0
    for k in range(3):
        assert found[k].picture.dtype == np.uint16
        areas = found[k].masks.sum(axis=(1, 2), dtype=np.int64)
        assert ((areas < LEAST_PIXELS) == found[k].crowd).all()
    again = instance_dataset(config, config.data, "train")  # type: ignore[arg-type]
    assert again.folder == dataset.folder
    facade = load_config(CONFIGS / "bnsa_simulated.yaml", ["data.scenes=[facade]"])
    with pytest.raises(RigsightError, match=r"DAT-205.*street"):
        instance_dataset(facade, facade.data, "train")  # type: ignore[arg-type]


def grids_of(masks: np.ndarray, boxes: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """What a perfect mask head would say."""
    grids = []
    for mask, box in zip(masks, boxes.astype(int), strict=True):
        part = mask[box[1] : box[3], box[0] : box[2]].astype(np.float32)
        grids.append(cv2.resize(part, (28, 28), interpolation=cv2.INTER_LINEAR))
    return np.stack(grids)


def test_a_pasted_mask_is_the_mask_that_was_cut_out() -> None:
    mask = np.zeros((1, 60, 80), np.uint8)
    cv2.circle(mask[0], (41, 29), 14, 1, -1)
    box = boxes_of(mask)
    found = paste_mask(grids_of(mask, box)[0], box[0], 60, 80)
    assert (found & mask[0]).sum() / (found | mask[0]).sum() > 0.97
    assert np.argwhere(found).mean(axis=0) == pytest.approx([29, 41], abs=0.1)
    outside = paste_mask(np.ones((28, 28), np.float32), np.array([-30, -30, -5, -5], np.float32), 60, 80)
    assert outside.sum() == 0
    over = paste_mask(np.ones((28, 28), np.float32), np.array([70, 50, 90, 70], np.float32), 60, 80)
    assert over.sum() == 10 * 10


def test_coco_figures_of_known_detections() -> None:
    meter = CocoMeter(("human", "car"))
    truth = record()
    boxes, grids = boxes_of(truth.masks), grids_of(truth.masks, boxes_of(truth.masks))
    meter.add_truth(truth.masks, truth.labels, truth.crowd)
    meter.add_found(boxes, truth.labels, np.array([0.9, 0.8], np.float32), grids)
    perfect = meter.scores()
    assert perfect.ap == pytest.approx(1.0)
    assert perfect.ar == pytest.approx(1.0)
    assert perfect.by_class == {"human": pytest.approx(1.0), "car": pytest.approx(1.0)}
    assert perfect.ap_large == -1
    # A second picture whose only car is missed: recall 1/2, AP 1/2 (51 of 101 points) of that class.
    meter.add_truth(truth.masks[1:], truth.labels[1:], truth.crowd[1:])
    half = meter.scores()
    assert half.by_class["car"] == pytest.approx(51 / 101)
    assert half.by_class["human"] == pytest.approx(1.0)
    # Half of the box's height: IoU 0.5 counts at the lowest threshold alone.
    halved = CocoMeter(("human", "car"))
    halved.add_truth(truth.masks[:1], truth.labels[:1], truth.crowd[:1])
    half_box = boxes[:1].copy()
    half_box[0, 3] = 30
    halved.add_found(half_box, truth.labels[:1], np.array([0.9], np.float32), grids[:1])
    assert halved.scores().by_class["human"] == pytest.approx(0.1)
    assert halved.scores().by_class["car"] == -1


def test_nothing_found_scores_nothing() -> None:
    meter = CocoMeter(("human", "car"))
    truth = record()
    meter.add_truth(truth.masks, truth.labels, truth.crowd)
    assert meter.scores().ap == 0.0
