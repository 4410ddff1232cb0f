"""Labelled pictures in a bundle: what is written is read again, and what does not fit is one line."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.labelled import LabelledCase, labelled_names, read_case, to_files
from rigsight.edge.bundle.reader import Bundle, open_bundle

TINY = Path(__file__).parents[1] / "data" / "tiny_bundle"
Make = Callable[[dict[str, bytes]], Bundle]


@pytest.fixture
def with_files(tmp_path: Path) -> Make:
    """Opens the tiny bundle with more files in it, listed."""

    def make(files: dict[str, bytes]) -> Bundle:
        folder = Path(shutil.copytree(TINY, tmp_path / "bundle"))
        data = yaml.safe_load((folder / "bundle.yaml").read_text())
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
            data["files"][path] = hashlib.sha256(content).hexdigest()
        (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
        return open_bundle(folder)

    return make


def case(name: str = "00") -> LabelledCase:
    rng = np.random.default_rng(int(name))
    rgb = rng.integers(0, 256, (60, 80, 3), np.uint8)
    thermal = rng.integers(7000, 9000, (60, 80)).astype(np.uint16)
    truth = rng.integers(0, 3, (60, 80)).astype(np.uint8)
    truth[:5] = 255
    return LabelledCase(name, rgb, thermal, truth)


def line_of(bundle: Bundle, name: str = "00") -> str:
    with pytest.raises(RigsightError) as caught:
        read_case(bundle, name)
    return caught.value.line()


def test_what_is_written_is_read_again_bit_for_bit(with_files: Make) -> None:
    cases = [case("00"), case("01")]
    bundle = with_files(to_files(cases))
    assert labelled_names(bundle.spec.files) == ["00", "01"]
    for one in cases:
        again = read_case(bundle, one.name)
        assert np.array_equal(again.rgb, one.rgb)
        assert np.array_equal(again.thermal, one.thermal)
        assert again.thermal is not None
        assert again.thermal.dtype == np.uint16
        assert np.array_equal(again.truth, one.truth)
        assert again.aligned(bundle).rgb.shape == (60, 80, 3)


def test_a_bundle_without_any_has_no_names() -> None:
    assert labelled_names(open_bundle(TINY).spec.files) == []


def test_fifty_at_most() -> None:
    with pytest.raises(ValueError, match="at most 50"):
        to_files([case()] * 51)


def test_a_missing_camera_is_named(with_files: Make) -> None:
    files = to_files([case()])
    del files["eval/00.thermal.png"]
    assert line_of(with_files(files)).startswith("BND-004: the labelled picture '00' has no thermal")


def test_a_foreign_class_is_named(with_files: Make) -> None:
    files = to_files([case()])
    truth = np.zeros((60, 80), np.uint8)
    truth[3, 4] = 7
    files["eval/00.truth.png"] = cv2.imencode(".png", truth)[1].tobytes()
    assert "the labels have a class 7, bundle.yaml has 3" in line_of(with_files(files))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_what_is_no_picture_is_one_line(with_files: Make, content: bytes) -> None:
    bundle = with_files(to_files([case()]) | {"eval/00.rgb.png": content})
    assert line_of(bundle).startswith("BND-001: ")


def test_a_picture_bomb_is_not_unpacked(with_files: Make) -> None:
    png = bytearray(to_files([case()])["eval/00.truth.png"])
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    assert "reasonable size" in line_of(with_files(to_files([case()]) | {"eval/00.truth.png": bytes(png)}))


def test_thermal_of_another_depth_is_refused(with_files: Make) -> None:
    eight = cv2.imencode(".png", np.zeros((60, 80), np.uint8))[1].tobytes()
    bundle = with_files(to_files([case()]) | {"eval/00.thermal.png": eight})
    assert "no PNG of uint16" in line_of(bundle)
