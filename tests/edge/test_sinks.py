"""Sinks: what they write reads back, and nothing half-written carries its final name."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Aligned, Flag, Frame, FrameSet, PixelFormat, Prediction
from rigsight.edge.render import average_fusion, side_by_side
from rigsight.edge.sinks.base import open_sink
from rigsight.edge.sinks.quality import QualitySink

CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="person", color=(250, 10, 20)))
SIZE = (64, 48)


def prediction(
    index: int, name: str | None = None, thermal: bool = True, fused: str = "average"
) -> Prediction:
    chance = np.random.default_rng(index)
    rgb = cv2.resize(chance.integers(0, 256, (6, 8, 3), np.uint8), SIZE)
    grey = cv2.resize(chance.integers(0, 256, (6, 8), np.uint8), SIZE)
    frames = {"rgb": Frame("rgb", rgb, 5, index, PixelFormat.RGB8, flags=frozenset({Flag.FROZEN}))}
    missing = {"thermal": "camera silent"}
    if thermal:
        frames["thermal"], missing = Frame("thermal", grey, 7, index, PixelFormat.MONO8), {}
    source = FrameSet(index, 5, frames, missing, {"rgb": 0, "thermal": 2}, name)
    aligned = Aligned(
        source, rgb, grey, np.full(grey.shape, 255, np.uint8), np.eye(3), np.eye(3), (100.0, 900.0)
    )
    mask = chance.integers(0, 2, grey.shape, np.uint8)
    mask[:4] = 255
    picture = average_fusion(rgb, grey) if fused == "average" else rgb
    return Prediction(aligned, mask, fused=picture, bundle_id="b-1", stage_ns={"engine": 2_000_000})


def test_masks_read_back_and_are_named_by_stem_or_index(tmp_path: Path) -> None:
    sink = open_sink(f"masks:{tmp_path}/deep/masks", CLASSES)
    for made in (prediction(0, "00004N"), prediction(1)):
        sink.write(made)
        found = tmp_path / "deep" / "masks" / f"{made.aligned.source.name or '000001'}.png"
        assert (cv2.imread(str(found), cv2.IMREAD_UNCHANGED) == made.mask).all()
    sink.close()
    assert len(list((tmp_path / "deep" / "masks").iterdir())) == 2


def test_every_line_is_there_at_once_and_the_name_at_the_end(tmp_path: Path) -> None:
    sink = open_sink(f"jsonl:{tmp_path}/run.jsonl", CLASSES)
    sink.write(prediction(0, "a"))
    partial = tmp_path / "run.jsonl.partial"
    assert [json.loads(line)["name"] for line in partial.read_text().splitlines()] == ["a"]
    assert not (tmp_path / "run.jsonl").exists()
    sink.write(prediction(1, thermal=False))
    sink.close()
    sink.close()
    assert not partial.exists()
    first, second = (json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines())
    assert first["skew_ns"] == {"rgb": 0, "thermal": 2}
    assert first["flags"] == {"rgb": ["frozen"]}
    assert first["unlabelled_px"] == 4 * 64
    assert sum(first["class_px"].values()) == 44 * 64
    assert first["stage_ms"] == {"engine": 2.0}
    assert first["agc_bounds"] == [100.0, 900.0]
    assert second["missing"] == {"thermal": "camera silent"}


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv", "webm"])
def test_videos_play_and_carry_their_name_only_when_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    sink = open_sink(f"video:{path}?fps=5", CLASSES)
    made = [prediction(i) for i in range(6)]
    for one in made:
        sink.write(one)
    assert not path.exists()
    sink.close()
    sink.close()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(5)
    for one in made:
        read, picture = video.read()
        assert read
        expected = side_by_side(one, CLASSES)
        assert picture.shape == expected.shape
        assert np.abs(picture[:, :, ::-1].astype(int) - expected).mean() < 12
    assert not video.read()[0]


def test_a_video_without_a_picture_leaves_no_file(tmp_path: Path) -> None:
    open_sink(f"video:{tmp_path}/run.mp4", CLASSES).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["masks:{}/x", "jsonl:{}/x.jsonl", "video:{}/x.mp4"])
def test_a_path_that_cannot_be_written_is_one_line_at_the_start(tmp_path: Path, uri: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RigsightError, match="IO-001") as caught:
        open_sink(uri.format(tmp_path / "file"), CLASSES)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("uri", ["jsonl:{}", "video:{}"])
def test_a_folder_in_the_way_is_one_line(tmp_path: Path, uri: str) -> None:
    (tmp_path / "x.mp4").mkdir()
    with pytest.raises(RigsightError, match="IO-001"):
        open_sink(uri.format(tmp_path / "x.mp4"), CLASSES)
    assert [found.name for found in tmp_path.iterdir()] == ["x.mp4"]


def test_unknown_sinks_and_formats(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="SRC-001.*'masks:'"):
        open_sink("mask:out", CLASSES)
    with pytest.raises(RigsightError, match=r"SRC-001.*no option 'fsp'.*'fps'"):
        open_sink(f"video:{tmp_path}/a.mp4?fsp=3", CLASSES)
    with pytest.raises(RigsightError, match=r"RUN-004.*'\.gif'"):
        open_sink(f"video:{tmp_path}/a.gif", CLASSES)


def test_quality_scores_only_sets_with_both_pictures_and_against_the_average() -> None:
    sink = QualitySink()
    assert sink.result() is None
    sink.write(prediction(0))
    sink.write(prediction(1, thermal=False))
    assert sink.count == 1
    result = sink.result()
    assert result is not None
    assert result["fused"] == result["average"]
    assert set(result["fused"]) == {"en", "sd", "sf", "scd"}
    sink.write(prediction(2, fused="rgb"))
    changed = sink.result()
    assert changed is not None
    assert changed["fused"]["scd"] < changed["average"]["scd"]
