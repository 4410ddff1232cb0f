"""Data sets on disk: every encoding of pictures and masks, and what is said of broken ones."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from scipy.io import savemat

from rigsight.base.errors import RigsightError
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.pictures import mask_form
from rigsight.training.data.spec import DatasetSpec, Split, filled

RGB = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
IDS = np.array([[0, 1, 2, 255] * 2] * 6, np.uint8)
CLASSES = [
    {"name": "background", "color": (0, 0, 0)},
    {"name": "crack", "color": (230, 60, 60)},
    {"name": "spall", "color": (60, 230, 60)},
]


def write(path: Path, image: np.ndarray) -> None:
    """RGB or grey to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image)


def palette_png(indices: np.ndarray, colors: list[tuple[int, int, int]], transparent: bool = False) -> bytes:
    """A palette PNG of 8 bits, as drawing programs write it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes(v for color in colors for v in color))
        + (chunk(b"tRNS", b"\0") if transparent else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def dataset(folder: Path, labels: dict[str, Any] | None = None, **more: Any) -> Dataset:
    """One stem 'a' with rgb/a.png; labels as given."""
    entries: dict[str, Any] = {
        "name": "test",
        "modalities": {"rgb": "rgb/{stem}.png"},
        "labels": {"kind": "masks", "pattern": "masks/{stem}.png"} | (labels or {}),
        "classes": CLASSES,
        "splits": {"train": {"stems": ["a"]}},
        "licence": "own",
        "source": "own",
    }
    if not (folder / "rgb" / "a.png").exists():
        write(folder / "rgb" / "a.png", RGB)
    return Dataset(DatasetSpec.model_validate(entries | more), folder)


def labels_of(data: Dataset) -> np.ndarray:
    found = data.items("train")[0].read().labels
    assert found is not None
    return found


def test_numbers_are_class_ids_and_255_is_unlabelled(tmp_path: Path) -> None:
    write(tmp_path / "masks/a.png", IDS)
    record = dataset(tmp_path).items("train")[0].read()
    assert np.array_equal(record.rgb, RGB)
    assert record.thermal is None
    assert record.labels.dtype == np.uint8
    assert np.array_equal(record.labels, IDS)


def test_numbers_are_looked_up(tmp_path: Path) -> None:
    write(tmp_path / "masks/a.png", np.array([[7, 33, 200, 7, 7, 7, 7, 7]] * 6, np.uint8))
    data = dataset(tmp_path, {"ids": {7: 0, 33: 2, 200: 255}})
    assert labels_of(data)[0, :3].tolist() == [0, 2, 255]


def test_masks_of_16_bits_are_numbers_too(tmp_path: Path) -> None:
    write(tmp_path / "masks/a.png", np.where(IDS == 1, 1000, 0).astype(np.uint16))
    assert mask_form(tmp_path / "masks/a.png") == "16-bit masks"
    assert np.array_equal(labels_of(dataset(tmp_path, {"ids": {0: 0, 1000: 1}})) == 1, IDS == 1)
    with pytest.raises(RigsightError, match="DAT-007.*16 bits.*1000"):
        labels_of(dataset(tmp_path))


@pytest.mark.parametrize("transparent", [False, True])
def test_of_a_palette_the_index_counts(tmp_path: Path, transparent: bool) -> None:
    """Two indices of one colour stay two classes."""
    (tmp_path / "masks").mkdir()
    colors = [(0, 0, 0), (9, 9, 9), (9, 9, 9)]
    data = palette_png(np.where(IDS == 255, 0, IDS), colors, transparent)
    (tmp_path / "masks/a.png").write_bytes(data)
    assert mask_form(tmp_path / "masks/a.png") == "palette masks"
    assert np.array_equal(labels_of(dataset(tmp_path)), np.where(IDS == 255, 0, IDS))


def test_colours_are_classes(tmp_path: Path) -> None:
    table = {0: (0, 0, 0), 1: (230, 60, 60), 2: (60, 230, 60), 255: (1, 2, 3)}
    coloured = np.array([[table[int(v)] for v in row] for row in IDS], np.uint8)
    write(tmp_path / "masks/a.png", coloured)
    data = dataset(tmp_path, {"encoding": "colors", "unlabelled_colors": [(1, 2, 3)]})
    assert np.array_equal(labels_of(data), IDS)
    with pytest.raises(RigsightError, match=r"DAT-007.*\(1, 2, 3\)"):
        labels_of(dataset(tmp_path, {"encoding": "colors"}))
    with pytest.raises(RigsightError, match="DAT-006.*coloured"):
        labels_of(dataset(tmp_path))


def test_a_palette_of_class_colours_can_be_read_by_colour(tmp_path: Path) -> None:
    """Pascal VOC's indices are in another order than the classes here."""
    (tmp_path / "masks").mkdir()
    colors = [(0, 0, 0), (60, 230, 60), (230, 60, 60)]
    (tmp_path / "masks/a.png").write_bytes(palette_png(np.where(IDS == 255, 0, IDS), colors))
    expected = np.array([0, 2, 1, 0] * 2, np.uint8)
    assert np.array_equal(labels_of(dataset(tmp_path, {"encoding": "colors"}))[0], expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_soft_edges_are_cut_at_the_threshold(tmp_path: Path, channels: int) -> None:
    grey = np.array([[0, 60, 127, 128, 200, 255, 0, 0]] * 6, np.uint8)
    image = grey if channels == 1 else np.dstack([grey] * channels)
    write(tmp_path / "masks/a.png", image)
    data = dataset(tmp_path, {"encoding": "threshold"}, classes=CLASSES[:2])
    assert labels_of(data)[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


def test_mat_files_hold_structs(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    truth = {"Segmentation": np.where(IDS == 1, 2, 1).astype(np.uint8), "Boundaries": np.zeros((6, 8))}
    savemat(tmp_path / "masks/a.mat", {"groundTruth": truth})
    labels = {
        "pattern": "masks/{stem}.mat",
        "encoding": "mat",
        "key": "groundTruth.Segmentation",
        "ids": {1: 0, 2: 1},
    }
    assert np.array_equal(labels_of(dataset(tmp_path, labels)), (IDS == 1).astype(np.uint8))
    with pytest.raises(RigsightError, match=r"DAT-006.*groundTruth\.Nothing"):
        labels_of(dataset(tmp_path, labels | {"key": "groundTruth.Nothing"}))
    (tmp_path / "masks/a.mat").write_bytes((tmp_path / "masks/a.mat").read_bytes()[:200])
    with pytest.raises(RigsightError, match="DAT-004.*MATLAB"):
        labels_of(dataset(tmp_path, labels))


def test_rgb_and_thermal_share_a_picture_of_four_channels(tmp_path: Path) -> None:
    thermal = RGB[..., 0] // 2
    write(tmp_path / "packed/a.png", np.dstack([RGB[..., ::-1], thermal]))
    modalities = {"rgb": "packed/{stem}.png", "thermal": "packed/{stem}.png"}
    record = dataset(tmp_path, {"kind": "none"}, modalities=modalities).items("train")[0].read()
    assert np.array_equal(record.rgb, RGB)
    assert np.array_equal(record.thermal, thermal)
    write(tmp_path / "packed/a.png", RGB)
    with pytest.raises(RigsightError, match="DAT-005.*6x8x3"):
        dataset(tmp_path, {"kind": "none"}, modalities=modalities).items("train")[0].read()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_thermal_has_the_depth_that_the_file_says(tmp_path: Path, depth: Any) -> None:
    thermal = (np.arange(48).reshape(6, 8) * (1 if depth == np.uint8 else 500)).astype(depth)
    write(tmp_path / "ir/a.png", thermal)
    modalities = {"thermal": "ir/{stem}.png"}
    said = {np.uint8: "camera8", np.uint16: "counts16"}
    none = {"kind": "none"}
    right = dataset(tmp_path, none, modalities=modalities, thermal_input=said.pop(depth))
    record = right.items("train")[0].read()
    assert record.rgb is None
    assert record.thermal.dtype == depth
    assert np.array_equal(record.thermal, thermal)
    wrong = dataset(tmp_path, none, modalities=modalities, thermal_input=said.popitem()[1])
    with pytest.raises(RigsightError, match="DAT-005.*thermal_input"):
        wrong.items("train")[0].read()


@pytest.mark.parametrize("shape", ["grey", "alpha"])
def test_grey_and_alpha_become_rgb(tmp_path: Path, shape: str) -> None:
    image = RGB[..., 1] if shape == "grey" else np.dstack([RGB[..., ::-1], np.full((6, 8), 7, np.uint8)])
    write(tmp_path / "rgb/a.png", image)
    record = dataset(tmp_path, {"kind": "none"}).items("train")[0].read()
    assert np.array_equal(record.rgb, np.dstack([RGB[..., 1]] * 3) if shape == "grey" else RGB)


def test_patterns_take_stems_apart_and_find_suffixes(tmp_path: Path) -> None:
    write(tmp_path / "train/vi/a.JPG", RGB)
    write(tmp_path / "train/gt/a.png", IDS)
    data = dataset(
        tmp_path,
        {"pattern": "{folder}/gt/{name}.png"},
        modalities={"rgb": "{folder}/vi/{name}.*"},
        splits={"train": {"stems": ["train/a"]}},
    )
    assert data.items("train")[0].read().rgb.shape == (6, 8, 3)
    write(tmp_path / "train/vi/a.png", RGB)
    data = Dataset(data.spec, tmp_path)
    with pytest.raises(RigsightError, match="DAT-003: 2 files"):
        data.items("train")[0].read()
    assert filled("{folder}/{name}", "a") == "./a"


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_picture_is_named(tmp_path: Path, suffix: str) -> None:
    """OpenCV would give the first rows, and grey below them."""
    noisy = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"rgb/a{suffix}"
    write(path, noisy)
    data = dataset(tmp_path, {"kind": "none"}, modalities={"rgb": "rgb/{stem}" + suffix})
    assert data.items("train")[0].read().rgb.shape == (64, 64, 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(RigsightError, match=f"DAT-004.*cut short.*a{suffix}"):
        data.items("train")[0].read()


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"no picture", "no picture")])
def test_other_files_are_no_pictures(tmp_path: Path, content: bytes, said: str) -> None:
    data = dataset(tmp_path, {"kind": "none"})
    (tmp_path / "rgb/a.png").write_bytes(content)
    with pytest.raises(RigsightError, match=f"DAT-004.*{said}"):
        data.items("train")[0].read()


def test_missing_files_sizes_and_unknown_ids_are_named(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    with pytest.raises(RigsightError, match=r"DAT-003.*masks/a\.png"):
        data.items("train")[0].read()
    write(tmp_path / "masks/a.png", np.zeros((6, 9), np.uint8))
    with pytest.raises(RigsightError, match=r"DAT-008.*rgb 8x6, mask 9x6 \[a\]"):
        data.items("train")[0].read()
    write(tmp_path / "masks/a.png", np.full((6, 8), 3, np.uint8))
    with pytest.raises(RigsightError, match="DAT-007.*no class: 3"):
        data.items("train")[0].read()


def test_an_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="DAT-002.*no split 'val', only train"):
        dataset(tmp_path).items("val")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modalities": {"rgb": "rgb/a.png"}}, "neither {stem} nor {name}"),
        ({"labels": {"kind": "masks"}}, "need a pattern"),
        ({"labels": {"kind": "masks", "pattern": "{stem}.png", "ids": {1: 3}}}, "no such class"),
        ({"labels": {"kind": "masks", "pattern": "{stem}.mat", "encoding": "mat"}}, "'key' goes with"),
        ({"labels": {"kind": "masks", "pattern": "{stem}.png", "encoding": "threshold"}}, "two classes"),
        ({"splits": {"train": {"stems": ["a", "a"]}}}, "twice"),
        ({"splits": {"train": {"stems": ["a"], "sha256": "0" * 64}}}, "not those that sha256"),
    ],
)
def test_a_dataset_yaml_that_cannot_be_meant_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    entries = dataset(tmp_path).spec.model_dump(mode="json", exclude_none=True) | change
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(entries))
    with pytest.raises(RigsightError, match=f"DAT-001.*{said}"):
        open_dataset(tmp_path)


def test_what_is_saved_is_opened(tmp_path: Path) -> None:
    spec = dataset(tmp_path).spec.model_copy(update={"splits": {"train": Split.of(["b", "a"])}})
    spec.save(tmp_path / "dataset.yaml")
    assert open_dataset(tmp_path / "dataset.yaml").spec == spec
    assert open_dataset(tmp_path).spec.splits["train"].stems == ("a", "b")


def test_the_example_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    (tmp_path / "dataset.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    spec = open_dataset(tmp_path).spec
    assert spec.labels.encoding == "threshold"
    assert [len(split.stems) for split in spec.splits.values()] == [3, 1]
