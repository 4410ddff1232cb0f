"""rigsight data check and sheet: counts, faults, leaks, and the page of samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.training.data.checking.check import check_dataset
from rigsight.training.data.checking.sheet import draw_sheet, overlaid
from rigsight.training.data.dataset import Dataset, open_dataset
from rigsight.training.data.spec import DatasetClass

SIZE = (48, 64)


def scene(seed: int) -> np.ndarray:
    """A picture with large structure, as photos have."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def mask(high: int = 255) -> np.ndarray:
    made = np.zeros(SIZE, np.uint8)
    made[:12] = high
    return made


def crack_set(folder: Path, stems: dict[str, list[str]], labels: dict[str, Any] | None = None) -> Dataset:
    """Every stem a scene of its own and a mask with a quarter of crack."""
    for number, stem in enumerate(stem for part in stems.values() for stem in part):
        for kind, image in (("rgb", scene(number)), ("masks", mask())):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / kind / f"{stem}.png"), image)
    entries = {
        "version": 1,
        "name": "cracks",
        "modalities": {"rgb": "rgb/{stem}.png"},
        "labels": {"kind": "masks", "pattern": "masks/{stem}.png", "encoding": "threshold"} | (labels or {}),
        "classes": [
            {"name": "background", "color": [0, 0, 0]},
            {"name": "crack", "color": [230, 60, 60]},
        ],
        "splits": {name: {"stems": part} for name, part in stems.items()},
        "licence": "own",
        "source": "own",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(entries))
    return open_dataset(folder)


def test_a_sound_set_is_counted(tmp_path: Path) -> None:
    data = crack_set(tmp_path, {"train": ["a", "b", "c", "d"], "val": ["e"]})
    cv2.imwrite(str(tmp_path / "masks/b.png"), mask(0))
    report = check_dataset(data)
    train = report.splits["train"]
    assert report.faults == []
    assert report.leaks == []
    assert (train.pictures, train.labelled, train.empty) == (4, 4, 1)
    assert train.pixel_shares == pytest.approx([1 - 3 / 16, 3 / 16])
    assert train.picture_shares == pytest.approx([1, 0.75])
    assert train.sizes_text() == "64x48"
    assert train.notes() == ["masks that show nothing but class 0: 1"]


def test_every_fault_is_told_once_and_ends_with_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"encoding": "values", "ids": {0: 0, 255: 1}}
    crack_set(tmp_path, {"train": ["a", "b", "c", "d", "e"], "val": ["f"]}, labels)
    (tmp_path / "masks/a.png").unlink()
    whole = (tmp_path / "rgb/b.png").read_bytes()
    (tmp_path / "rgb/b.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(tmp_path / "masks/c.png"), mask(9))
    cv2.imwrite(str(tmp_path / "masks/d.png"), mask()[:, 1:])
    assert main(["data", "check", str(tmp_path), "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    codes = {fault["stem"]: fault["code"] for fault in told["faults"]}
    assert codes == {"a": "DAT-003", "b": "DAT-004", "c": "DAT-007", "d": "DAT-008"}
    assert told["splits"]["train"]["pictures"] == 1
    assert err.startswith("DAT-011: 4 faults, the first: train, a")
    assert len(err.splitlines()) == 1


def test_a_copy_is_found_whether_equal_scaled_or_saved_again(tmp_path: Path) -> None:
    """As DeepCrack's training picture 11158 is its test picture 11216."""
    data = crack_set(tmp_path, {"train": [f"t{i}" for i in range(8)], "val": ["v0", "v1", "v2"]})
    (tmp_path / "rgb/v0.png").write_bytes((tmp_path / "rgb/t3.png").read_bytes())
    again = cv2.imdecode(cv2.imencode(".jpg", scene(5), [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    darker = cv2.convertScaleAbs(cv2.resize(again, (56, 42)), alpha=0.8, beta=10)
    cv2.imwrite(str(tmp_path / "rgb/v1.png"), darker)
    cv2.imwrite(str(tmp_path / "masks/v1.png"), mask()[:42, :56])
    leaks = check_dataset(data).leaks
    assert [leak.stems for leak in leaks] == [("t3", "v0"), ("t5", "v1")]
    assert leaks[0].correlation is None
    assert leaks[0].line == "train 't3' is the same picture as val 'v0'"
    assert leaks[1].correlation is not None
    assert leaks[1].correlation > 0.95
    assert check_dataset(data, leaks=False).leaks == []


def test_pictures_without_contrast_are_no_leak(tmp_path: Path) -> None:
    data = crack_set(tmp_path, {"train": ["a"], "val": ["b"]})
    for level, stem in ((90, "a"), (91, "b")):
        cv2.imwrite(str(tmp_path / f"rgb/{stem}.png"), np.full((*SIZE, 3), level, np.uint8))
    assert check_dataset(data).leaks == []


def coco_set(folder: Path, width: int = SIZE[1]) -> Dataset:
    """One picture: a crowd of persons as run lengths, a car as a polygon."""
    data = crack_set(folder, {"train": ["a"]})
    height = SIZE[0]
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 32, 0, 32, 24, 0, 24]]},
        {
            "id": 2,
            "image_id": 1,
            "category_id": 2,
            "iscrowd": 1,
            "segmentation": {"size": [height, width], "counts": [height * (width - 8), height * 8]},
        },
    ]
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}],
        "annotations": annotations,
    }
    (folder / "coco.json").write_text(json.dumps(coco))
    entries = data.spec.model_dump(mode="json", exclude_none=True)
    entries["labels"] = {"kind": "coco", "pattern": "coco.json"}
    entries["classes"] = [
        {"name": n, "color": [i, i, i]} for i, n in enumerate(("background", "car", "person"))
    ]
    (folder / "dataset.yaml").write_text(yaml.safe_dump(entries))
    return open_dataset(folder)


def test_instances_are_counted_in_pixels(tmp_path: Path) -> None:
    counts = check_dataset(coco_set(tmp_path)).splits["train"]
    assert counts.instances == 2
    assert counts.pixel_shares[2] == pytest.approx(8 / 64)
    assert counts.pixel_shares[1] == pytest.approx(0.25, abs=0.02)


def test_a_coco_file_of_other_sizes_or_pictures_is_told(tmp_path: Path) -> None:
    faults = check_dataset(coco_set(tmp_path, width=80)).faults
    assert [fault.code for fault in faults] == ["DAT-008"]
    assert "80x48 in the COCO file" in faults[0].what
    data = coco_set(tmp_path)
    (tmp_path / "rgb/a.png").unlink()
    assert [fault.code for fault in check_dataset(data).faults] == ["DAT-003"]
    (tmp_path / "coco.json").write_text("[]")
    cv2.imwrite(str(tmp_path / "rgb/a.png"), scene(0))
    with pytest.raises(RigsightError, match="DAT-201"):
        check_dataset(data)


def test_the_report_is_readable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crack_set(tmp_path, {"train": ["a", "b"], "val": ["c"]})
    (tmp_path / "rgb/c.png").write_bytes((tmp_path / "rgb/a.png").read_bytes())
    assert main(["data", "check", str(tmp_path / "dataset.yaml")]) == 0
    out = capsys.readouterr().out
    assert "25.00% / 100%" in out
    assert "leak: train 'a' is the same picture as val 'c'" in out


def test_a_sheet_shows_every_split_and_is_written(tmp_path: Path) -> None:
    crack_set(tmp_path, {"train": ["a", "b", "c", "e", "f", "g"], "val": ["d"]})
    out = tmp_path / "sheet.jpg"
    assert main(["data", "sheet", str(tmp_path), "--out", str(out), "--count", "3"]) == 0
    page = cv2.imread(str(out))
    assert page is not None
    assert min(page.shape[:2]) > 200
    data = open_dataset(tmp_path)
    assert not np.array_equal(draw_sheet(data, None, 3, 1), draw_sheet(data, None, 3, 4))
    assert np.array_equal(draw_sheet(data, "val", 5, 1), draw_sheet(data, "val", 1, 2))
    with pytest.raises(RigsightError, match="DAT-002"):
        draw_sheet(data, "test", 3, 1)


def test_a_sheet_of_another_format_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crack_set(tmp_path, {"train": ["a"]})
    assert main(["data", "sheet", str(tmp_path), "--out", str(tmp_path / "sheet.pdf")]) == 2
    assert "DAT-012" in capsys.readouterr().err


def test_the_overlay_tints_classes_and_leaves_background_alone() -> None:
    classes = [DatasetClass(name=n, color=c) for n, c in (("background", (0, 0, 0)), ("crack", (200, 0, 0)))]
    grey = np.full((20, 20, 3), 100, np.uint8)
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 1
    shown = overlaid(grey, labels, classes)
    assert shown[0, 0].tolist() == [100, 100, 100]
    assert shown[10, 10].tolist() == [155, 45, 45]  # 0.45 of 100, 0.55 of (200, 0, 0)
    assert shown[5, 5].tolist() == [200, 0, 0]
    labels[:] = 255
    assert (overlaid(grey, labels, classes) == 150).any()
