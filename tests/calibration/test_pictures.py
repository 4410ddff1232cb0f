from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.pictures import as_image, find_pictures, pair_pictures, read_picture


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (24, 32)).astype(np.uint16)


def test_16_bit_counts_come_back_exactly(tmp_path: Path, noise: np.ndarray) -> None:
    for suffix in (".png", ".tiff", ".pgm"):
        path = tmp_path / f"counts{suffix}"
        assert cv2.imwrite(str(path), noise)
        image = read_picture(path)
        assert image.dtype == np.uint16
        assert (image == noise).all()


def test_colour_is_rgb(tmp_path: Path) -> None:
    rgb = np.zeros((4, 5, 3), np.uint8)
    rgb[..., 0] = 200
    assert cv2.imwrite(str(tmp_path / "red.png"), rgb[..., ::-1])
    assert (read_picture(tmp_path / "red.png") == rgb).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_cut_off_files_are_refused(tmp_path: Path, noise: np.ndarray, suffix: str, keep: float) -> None:
    whole = cv2.imencode(suffix, (noise >> 8).astype(np.uint8))[1].tobytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(RigsightError, match="CAL-011") as caught:
        read_picture(path)
    assert str(path) in caught.value.line()


def test_a_changed_byte_in_a_png_is_refused(tmp_path: Path, noise: np.ndarray) -> None:
    data = bytearray(cv2.imencode(".png", noise)[1].tobytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "changed.png"
    path.write_bytes(data)
    with pytest.raises(RigsightError, match="checksum"):
        read_picture(path)


def test_missing_files_foreign_files_and_foreign_arrays_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path in (tmp_path / "missing.png", tmp_path / "text.png"):
        with pytest.raises(RigsightError, match="CAL-011"):
            read_picture(path)
    with pytest.raises(RigsightError, match="float64"):
        as_image(np.zeros((4, 4)))


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in find_pictures(tmp_path)] == ["a.jpg", "b.png"]
    assert [path.name for path in find_pictures(str(tmp_path / "*.png"))] == ["b.png"]
    (tmp_path / "empty").mkdir()
    for where in (tmp_path / "none", tmp_path / "empty", str(tmp_path / "*.bmp")):
        with pytest.raises(RigsightError, match="CAL-012"):
            find_pictures(where)


def test_pairs_by_stem_then_by_last_number() -> None:
    pairs, alone = pair_pictures(
        [Path("rgb/7.png"), Path("rgb/8.png"), Path("rgb/9.png")], [Path("t/8.tiff"), Path("t/7.tiff")]
    )
    assert [(name, a.name, b.name) for name, a, b in pairs] == [
        ("7", "7.png", "7.tiff"),
        ("8", "8.png", "8.tiff"),
    ]
    assert list(alone) == ["9.png"]
    pairs, _ = pair_pictures(
        [Path("left07.jpg"), Path("left10.jpg")], [Path("right10.jpg"), Path("right7.jpg")]
    )
    assert [(name, b.name) for name, _, b in pairs] == [("left07", "right7.jpg"), ("left10", "right10.jpg")]


@pytest.mark.parametrize(
    ("reference", "camera", "hint"),
    [
        (["a/1.png"], ["a/1.png"], "same files"),
        (["a/1.png"], ["b/2.png"], "none of"),
        (["a/x.png"], ["b/y.png"], "none of"),
        (["a/1.png", "a/1.jpg"], ["b/1.png"], "more than one"),
    ],
)
def test_pictures_that_do_not_pair(reference: list[str], camera: list[str], hint: str) -> None:
    with pytest.raises(RigsightError, match="CAL-013") as caught:
        pair_pictures([Path(name) for name in reference], [Path(name) for name in camera])
    assert hint in caught.value.line()
