"""rigsight data make: tiny folders of every layout, in the encodings that are really published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.layouts.grouping import by_pattern
from rigsight.training.data.layouts.make import LAYOUTS, make_spec
from rigsight.training.data.layouts.overlap import joined
from rigsight.training.data.layouts.splitting import cut_off

SIZE = (6, 8)
random = np.random.default_rng(3)


def picture(channels: int = 3, depth: str = "uint8") -> np.ndarray:
    shape = SIZE if channels == 1 else (*SIZE, channels)
    return random.integers(0, 256, shape).astype(depth)


def mask(high: int = 255) -> np.ndarray:
    made = np.zeros(SIZE, np.uint8)
    made[2:4, :5] = high
    return made


def put(root: Path, name: str, image: np.ndarray) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def street(root: Path, rgb: str, thermal: str, labels: str, depth: str = "uint8") -> None:
    for split, stems in {"train": ["00100D", "00101D", "00300N", "00400N"], "test": ["00500N"]}.items():
        for stem in stems:
            put(root, f"{split}/{rgb}/{stem}.png", picture())
            put(root, f"{split}/{thermal}/{stem}.png", picture(1, depth))
            put(root, f"{split}/{labels}/{stem}.png", mask(4))


def mfnet(root: Path) -> None:
    lists = {"train": ["00001D", "00002N"], "val": ["00003D"], "test": ["00004N"]}
    for split, stems in lists.items():
        for stem in stems:
            put(root, f"images/{stem}.png", picture(4))
            put(root, f"labels/{stem}.png", mask(8))
        (root / f"{split}.txt").write_text("\n".join(stems) + "\n")
    put(root, "images/00001D_flip.png", picture(4))


def deepcrack(root: Path) -> None:
    for split, stems in {
        "train": ["11116", "11116-1", "11120", "11121", "11158"],
        "test": ["11125-1"],
    }.items():
        for stem in stems:
            put(root, f"{split}_img/{stem}.jpg", picture())
            put(root, f"{split}_lab/{stem}.png", mask())


def crackforest(root: Path) -> None:
    (root / "groundTruth").mkdir()
    for stem in ("001", "002", "072", "073"):
        put(root, f"image/{stem}.jpg", picture())
        truth = np.where(mask() > 0, 2, 1).astype(np.uint8)
        truth[0, 0] = 3
        savemat(root / f"groundTruth/{stem}.mat", {"groundTruth": {"Segmentation": truth}})
    put(root, "image/201.jpg", picture())  # published without ground truth


def uav(root: Path) -> None:
    (root / "split_manifests").mkdir()
    for split, stems in {"train": ["slide1", "slide2", "slide40", "slide80"], "test": ["slide120"]}.items():
        for stem in stems:
            put(root, f"images/{stem}.png", picture(4 if stem == "slide2" else 3))
            put(root, f"masks/{stem}.png", np.dstack([mask(200)] * 4))
        lines = [f"images/{stem}.png masks/{stem}.png" for stem in stems]
        (root / f"split_manifests/kaggle_{split}.txt").write_text("\n".join(lines))


def crack500(root: Path) -> None:
    for split, day in {
        "train": "20160222_081011",
        "val": "20160222_081012",
        "test": "20160222_081013",
    }.items():
        for part in ("1_361", "641_1"):
            put(root, f"{split}crop/{day}_{part}.jpg", picture())
            put(root, f"{split}crop/{day}_{part}.png", mask())


def side_by_side(first: str, second: str, kinds: tuple[str, str]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for stem in ("001", "002", "003", "004"):
            put(root, f"{first}/{stem}{kinds[0]}", picture())
            put(root, f"{second}/{stem}{kinds[1]}", mask())

    return make


def kolektor(root: Path) -> None:
    for split in ("train", "test"):
        for stem in ("10000", "10001", "10002"):
            put(root, f"{split}/{stem}.png", picture())
            put(root, f"{split}/{stem}_GT.png", mask())


def nrsd(root: Path) -> None:
    for part in ("training", "validation", "test"):
        put(root, f"images/{part}/a_{part}.png", picture())
        put(root, f"annotations/{part}/a_{part}.jpg", mask())


def coco_json(root: Path, name: str, pictures: list[str]) -> None:
    height, width = SIZE
    data = {
        "images": [
            {"id": i, "file_name": f, "width": width, "height": height} for i, f in enumerate(pictures, 1)
        ],
        "categories": [{"id": 7, "name": "car"}, {"id": 3, "name": "person"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 7,
                "iscrowd": 0,
                "segmentation": [[0, 0, 4, 0, 4, 3, 0, 3]],
            },
            # 6 columns of nothing, 1 column and a half of person, the rest nothing: runs down the columns.
            {
                "id": 2,
                "image_id": 1,
                "category_id": 3,
                "iscrowd": 1,
                "segmentation": {"size": [height, width], "counts": [36, 9, 3]},
            },
        ],
    }
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(data))


def coco_parts(root: Path) -> None:
    for part in ("train2017", "val2017"):
        names = [f"{part}_{i}.jpg" for i in range(2)]
        coco_json(root, f"annotations/instances_{part}.json", names)
        for name in names:
            put(root, f"images/{part}/{name}", picture(1))


def coco_single(root: Path) -> None:
    names = [f"{i}.png" for i in range(6)]
    coco_json(root, "annotations/instances_default.json", names)
    for name in names:
        put(root, f"images/{name}", picture(1))


def cvat(root: Path) -> None:
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/default.txt").write_text("a.1\nb\nc\n")
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\ncrack:250,50,83::\nbackground:0,0,0::\nspall:42,125,209::\n"
    )
    for stem in ("a.1", "b", "c"):
        put(root, f"JPEGImages/{stem}.jpg", picture())
        painted = np.zeros((*SIZE, 3), np.uint8)
        painted[0, 0], painted[1, 1] = (83, 50, 250), (209, 125, 42)  # BGR
        put(root, f"SegmentationClass/{stem}.png", painted)


def own(root: Path) -> None:
    for stem in ("a", "b", "c"):
        put(root, f"rgb/{stem}.jpg", picture())
        put(root, f"thermal/{stem}.png", picture(1))


FOLDERS: dict[str, tuple[str, Callable[[Path], None], dict[str, int]]] = {
    "mfnet": ("mfnet", mfnet, {"train": 2, "val": 1, "test": 1}),
    "msrs": (
        "msrs",
        lambda r: street(r, "vi", "ir", "Segmentation_labels"),
        {"train": 3, "val": 1, "test": 1},
    ),
    "fmb": ("fmb", lambda r: street(r, "Visible", "Infrared", "Label"), {"train": 3, "val": 1, "test": 1}),
    "pst900": ("pst900", lambda r: street(r, "rgb", "thermal", "labels"), {"train": 3, "val": 1, "test": 1}),
    "pst900-counts": (
        "pst900-counts",
        lambda r: street(r, "rgb", "thermal_raw", "labels", "uint16"),
        {"train": 3, "val": 1, "test": 1},
    ),
    "deepcrack": ("deepcrack", deepcrack, {"train": 3, "val": 1, "test": 1}),
    "crackforest": ("crackforest", crackforest, {"train": 2, "val": 1, "test": 1}),
    "uav": ("uav", uav, {"train": 3, "val": 1, "test": 1}),
    "crack500": ("crack500", crack500, {"train": 2, "val": 2, "test": 2}),
    "codebrim": ("codebrim", side_by_side("images", "masks", (".jpg", ".png")), {"train": 3, "val": 1}),
    "metu": ("metu", side_by_side("rgb", "BW", (".jpg", ".JPG")), {"train": 3, "val": 1}),
    "kolektorsdd2": ("kolektorsdd2", kolektor, {"train": 2, "val": 1, "test": 3}),
    "nrsd-mn": ("nrsd-mn", nrsd, {"train": 1, "val": 1, "test": 1}),
    "coco": ("coco", coco_parts, {"train": 2, "val": 2}),
    "coco, one file": ("coco", coco_single, {"train": 5, "val": 1}),
    "cvat": ("cvat", cvat, {"train": 2, "val": 1}),
    "cvat, coco": ("cvat", coco_single, {"train": 5, "val": 1}),
    "pairs": ("pairs", own, {"train": 2, "val": 1}),
}


def made(case: str, tmp_path: Path) -> Dataset:
    layout, fill, _ = FOLDERS[case]
    root = tmp_path / "set"
    root.mkdir()
    fill(root)
    make_spec(layout, root, tmp_path / "dataset.yaml").save(tmp_path / "dataset.yaml")
    return open_dataset(tmp_path)


def test_every_layout_is_tried() -> None:
    assert {layout for layout, _, _ in FOLDERS.values()} == set(LAYOUTS)


@pytest.mark.parametrize("case", FOLDERS)
def test_a_layout_is_found_split_and_read(case: str, tmp_path: Path) -> None:
    data = made(case, tmp_path)
    assert {name: len(split.stems) for name, split in data.spec.splits.items()} == FOLDERS[case][2]
    stems = [stem for split in data.spec.splits.values() for stem in split.stems]
    assert len(set(stems)) == len(stems)
    for split in data.spec.splits:
        for item in data.items(split):
            record = item.read()
            assert (record.rgb is not None) == ("rgb" in data.spec.modalities)
            assert (record.thermal is not None) == ("thermal" in data.spec.modalities)
            if data.spec.labels.kind == "masks":
                assert record.labels is not None
                assert record.labels.shape == SIZE
                assert record.labels.max() > 0
            else:
                assert record.labels is None
    assert data.spec.licence
    assert data.spec.source


def test_deepcrack_leaves_the_copy_of_a_test_picture_out_and_keeps_crops_together(tmp_path: Path) -> None:
    splits = made("deepcrack", tmp_path).spec.splits
    parts = {stem: name for name, split in splits.items() for stem in split.stems}
    assert "train/11158" not in parts
    assert parts["train/11116"] == parts["train/11116-1"]


def test_marks_of_crackforest_that_nobody_explains_are_unlabelled(tmp_path: Path) -> None:
    labels = made("crackforest", tmp_path).items("train")[0].read().labels
    assert labels is not None
    assert labels[0, 0] == 255
    assert np.array_equal(labels[1:] == 1, mask()[1:] > 0)


def test_classes_of_coco_follow_the_ids_and_cvats_background_is_first(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert [c.name for c in made("coco", tmp_path / "a").spec.classes] == ["background", "person", "car"]
    data = made("cvat", tmp_path / "b")
    assert [c.name for c in data.spec.classes] == ["background", "crack", "spall"]
    labels = data.items("train")[0].read().labels
    assert labels is not None
    assert labels[0, 0] == 1
    assert labels[1, 1] == 2


def test_own_masks_take_class_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(tmp_path)
    for stem in ("a", "b", "c"):
        put(tmp_path, f"drawn/{stem}.png", mask(2))
    words = ["--rgb", "rgb", "--masks", "drawn", "--classes", "background, damp, root", "--seed", "4"]
    out = tmp_path / "dataset.yaml"
    assert main(["data", "make", "pairs", str(tmp_path), *words, "--out", str(out)]) == 0
    assert "2 train, 1 val" in capsys.readouterr().out
    data = open_dataset(out)
    assert data.spec.modalities == {"rgb": "rgb/{stem}.jpg", "thermal": "thermal/{stem}.png"}
    labels = data.items("val")[0].read().labels
    assert labels is not None
    assert set(np.unique(labels)) == {0, 2}


def test_the_seed_decides_and_groups_stay_whole() -> None:
    stems = [f"{place}_{i}" for place in "abcdefgh" for i in range(3)]
    groups = by_pattern(r"^[a-h]")(stems)
    cuts = {tuple(cut_off(groups, 0.25, seed)[1]) for seed in range(8)}
    assert len(cuts) > 2
    for cut in cuts:
        assert len(cut) == 6
        assert all(cut.count(s) == 1 for s in cut)
        assert len({stem[0] for stem in cut}) == 2
    assert cut_off(groups, 0.25, 5) == cut_off(groups, 0.25, 5)
    assert cut_off([["a", "b"]], 0.5, 1) == (["a", "b"], [])


def test_tiles_of_one_photo_that_overlap_are_joined() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (2, 60, 90)).astype(np.uint8)
    one, other = (cv2.resize(n, (450, 300), interpolation=cv2.INTER_CUBIC) for n in noise)
    tiles = {"left": one[:, :250], "right": one[:, 130:], "elsewhere": other[:, :250]}
    tiles["right"] = cv2.convertScaleAbs(tiles["right"], alpha=0.8, beta=15)
    groups = joined([[name] for name in tiles], lambda name: tiles[name])
    assert groups == [["left", "right"], ["elsewhere"]]


def spoil_missing_mask(root: Path) -> None:
    deepcrack(root)
    (root / "train_lab/11120.png").unlink()
    (root / "train_lab/11121.png").unlink()


def spoil_coco(root: Path) -> None:
    coco_single(root)
    (root / "images/3.png").unlink()


def spoil_pairs(root: Path) -> None:
    own(root)
    put(root, "rgb/lonely.jpg", picture())


def xml_only(root: Path) -> None:
    (root / "annotations.xml").write_text("<annotations/>")


def bad_labelmap(root: Path) -> None:
    cvat(root)
    (root / "labelmap.txt").write_text("crack;250,50,83")


def bad_coco(root: Path) -> None:
    (root / "annotations").mkdir()
    (root / "annotations/a.json").write_text("{}")


@pytest.mark.parametrize(
    ("layout", "fill", "said"),
    [
        ("deepcrak", own, "DAT-009.*Did you mean 'deepcrack'"),
        ("deepcrack", lambda root: None, "DAT-010.*no pictures found"),
        (
            "deepcrack",
            spoil_missing_mask,
            r"DAT-010.*'train/11120' has no train_lab/11120.png \(and 1 more\)",
        ),
        ("coco", lambda root: None, "DAT-010.*no COCO file"),
        ("coco", spoil_coco, r"DAT-010.*'3\.png', which is not there"),
        ("coco", bad_coco, "DAT-010.*no list 'images'"),
        ("pairs", spoil_pairs, r"DAT-010.*'lonely' has no thermal/lonely"),
        ("pairs", lambda root: (root / "rgb").mkdir(), "DAT-010.*rgb pictures is empty"),
        ("pairs", lambda root: None, "DAT-010.*neither a folder rgb nor a folder thermal"),
        ("cvat", xml_only, "DAT-010.*Segmentation mask 1.1"),
        ("cvat", bad_labelmap, "DAT-010.*line 1"),
        ("cvat", lambda root: None, "DAT-010.*neither SegmentationClass"),
    ],
)
def test_folders_that_are_otherwise_are_one_line(
    layout: str, fill: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    fill(tmp_path)
    with pytest.raises(RigsightError, match=said):
        make_spec(layout, tmp_path, tmp_path / "dataset.yaml")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="DAT-010.*no such folder"):
        make_spec("pairs", tmp_path / "nowhere", tmp_path / "dataset.yaml")
