"""Folders of pictures and videos, whole and broken."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.frames import Flag, PixelFormat
from rigsight.edge.pairing import Pairer, frame_sets
from rigsight.edge.sources.base import open_source
from rigsight.edge.sources.maker import SourceClosed
from rigsight.edge.sources.merged import MergedSource

DATA = Path(__file__).parents[3] / "shared" / "data"


def colour(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def counts(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**16, (height, width), np.uint16)


def write(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def write_video(path: Path, frames: list[np.ndarray], fourcc: str, fps: float = 9.0) -> Path:
    grey = frames[0].ndim == 2
    depth = cv2.CV_16U if frames[0].dtype == np.uint16 else cv2.CV_8U
    options = [cv2.VIDEOWRITER_PROP_DEPTH, depth, cv2.VIDEOWRITER_PROP_IS_COLOR, int(not grey)]
    size = (frames[0].shape[1], frames[0].shape[0])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), fps, size, options)
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for i in range(3):
        write(tmp_path / "rgb" / f"p{i}.png", colour(i, 40 + 8 * i))
        write(tmp_path / "ir" / f"p{i}.png", counts(i, 40 + 8 * i))
    return tmp_path


def test_pairs_share_stem_and_stamp_and_may_have_their_own_sizes(pairs: Path) -> None:
    source = open_source(f"pairs:{pairs}/rgb,{pairs}/ir?fps=5")
    assert (source.count, source.aligned, source.live, source.rig) == (3, True, False, None)
    for i, made in enumerate(frame_sets(source, Pairer(source))):
        assert made.name == f"p{i}"
        assert made.captured_ns == i * 200_000_000
        rgb, thermal = made.frames["rgb"], made.frames["thermal"]
        assert (rgb.data[:, :, ::-1] == colour(i, 40 + 8 * i)).all(), "RGB order"
        assert (thermal.data == counts(i, 40 + 8 * i)).all()
        assert (rgb.pixel_format, thermal.pixel_format) == (PixelFormat.RGB8, PixelFormat.MONO16)
        assert not rgb.data.flags.writeable
        made.release()
    source.close()


REAL = [
    ("rgbt_msrs/vi", "rgbt_msrs/ir", 101),
    ("rgbt_roadscene/crop_LR_visible", "rgbt_roadscene/cropinfrared", 60),
]


@pytest.mark.parametrize(("rgb", "thermal", "expected"), REAL)
def test_real_pairs_are_read_to_the_end(rgb: str, thermal: str, expected: int) -> None:
    if not (DATA / rgb).is_dir():
        pytest.skip(f"the development data {DATA / rgb} is not here")
    source = open_source(f"pairs:{DATA / rgb},{DATA / thermal}")
    names = set()
    for made in frame_sets(source, Pairer(source)):
        rgb_data, thermal_data = made.frames["rgb"].data, made.frames["thermal"].data
        assert rgb_data.shape == (*thermal_data.shape, 3)
        assert (rgb_data.dtype, thermal_data.dtype) == (np.uint8, np.uint8)
        names.add(made.name)
        made.release()
    assert len(names) == expected


def test_images_are_one_camera_of_the_given_role(pairs: Path) -> None:
    source = open_source(f"images:{pairs}/ir", "thermal")
    frames = list(source.frames())
    assert [frame.camera for frame in frames] == ["thermal"] * 3
    assert [source.name(frame.sequence) for frame in frames] == ["p0", "p1", "p2"]
    assert source.name(3) is None
    assert open_source(f"images:{pairs}/rgb").cameras == ("rgb",)


def test_8_bit_and_three_equal_channels_are_thermal_too(tmp_path: Path) -> None:
    grey = colour(1)[:, :, 0]
    write(tmp_path / "a.png", grey)
    write(tmp_path / "b.png", np.dstack([grey] * 3))
    for frame in open_source(f"images:{tmp_path}", "thermal").frames():
        assert frame.pixel_format is PixelFormat.MONO8
        assert (frame.data == grey).all()


def test_16_bit_grey_video_keeps_its_counts_and_its_times(tmp_path: Path) -> None:
    frames = [counts(i) for i in range(8)]
    path = write_video(tmp_path / "t.mkv", frames, "FFV1")
    source = open_source(f"video:{path}")
    assert source.cameras == ("thermal",)
    assert source.count == 8
    read = list(source.frames())
    assert all((frame.data == written).all() for frame, written in zip(read, frames, strict=True))
    assert [frame.captured_ns / 1e9 for frame in read] == pytest.approx([i / 9 for i in range(8)], abs=0.001)
    assert not any(Flag.FROZEN in frame.flags for frame in read)


def test_colour_video_is_rgb_and_grey_video_is_what_it_is_told(tmp_path: Path) -> None:
    flat = [np.full((32, 48, 3), (10, 60, 200), np.uint8)] * 4
    read = list(open_source(f"video:{write_video(tmp_path / 'c.avi', flat, 'MJPG')}").frames())
    assert len(read) == 4
    assert np.abs(read[0].data.astype(int) - (200, 60, 10)).max() < 12, "RGB order"
    grey = write_video(tmp_path / "g.mkv", [colour(1)[:, :, 0]] * 3, "FFV1")
    assert open_source(f"video:{grey}").cameras == ("rgb",)
    for frame in open_source(f"video:{grey}", "thermal").frames():
        assert (frame.data == colour(1)[:, :, 0]).all()


def test_two_sources_become_one(pairs: Path) -> None:
    source = MergedSource(open_source(f"images:{pairs}/rgb"), open_source(f"images:{pairs}/ir", "thermal"))
    sets = list(frame_sets(source, Pairer(source)))
    assert [sorted(made.frames) for made in sets] == [["rgb", "thermal"]] * 3
    assert not source.aligned
    with pytest.raises(RigsightError, match="SRC-001.*'rgb'"):
        MergedSource(open_source(f"images:{pairs}/rgb"), open_source(f"images:{pairs}/ir"))
    with pytest.raises(RigsightError, match="SRC-001.*same pace"):
        MergedSource(
            open_source(f"images:{pairs}/rgb?pace=live"), open_source(f"images:{pairs}/ir", "thermal")
        )


def test_a_source_that_is_closed_stops_its_reader(pairs: Path) -> None:
    source = open_source(f"pairs:{pairs}/rgb,{pairs}/ir")
    frames = source.frames()
    next(frames)
    source.close()
    with pytest.raises(SourceClosed):
        next(frames)


def test_live_reading_drops_and_counts_when_all_buffers_are_held(tmp_path: Path) -> None:
    for i in range(60):
        write(tmp_path / f"{i:03d}.png", colour(i, 8, 8))
    source = open_source(f"images:{tmp_path}?pace=live")
    held = list(source.frames())
    assert sum(source.dropped().values()) == 60 - len(held) > 0
    assert set(source.dropped()) == {"rgb: no free buffer"}


# Broken input: one line with its code, exit code 2.


def read_all(text: str, role: str | None = None) -> None:
    for frame in open_source(text, role).frames():
        frame.release()


def assert_one_line(caught: pytest.ExceptionInfo[RigsightError], *parts: str) -> None:
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.line()
    for part in parts:
        assert part in caught.value.line()


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="SRC-002") as caught:
        open_source(f"images:{tmp_path}/nowhere")
    assert_one_line(caught, "no such folder")
    with pytest.raises(RigsightError, match="SRC-002") as caught:
        open_source(f"images:{tmp_path}")
    assert_one_line(caught, "no pictures")
    with pytest.raises(RigsightError, match="SRC-002"):
        open_source(f"video:{tmp_path}/nothing.mkv")


def test_pairs_without_partner(pairs: Path) -> None:
    (pairs / "ir" / "p1.png").unlink()
    with pytest.raises(RigsightError, match="SRC-004") as caught:
        open_source(f"pairs:{pairs}/rgb,{pairs}/ir")
    assert_one_line(caught, "1 picture(s)", "'p1'")


def test_a_stem_that_occurs_twice(pairs: Path) -> None:
    write(pairs / "rgb" / "p1.jpg", colour(1))
    with pytest.raises(RigsightError, match="SRC-002") as caught:
        open_source(f"pairs:{pairs}/rgb,{pairs}/ir")
    assert_one_line(caught, "p1.jpg", "p1.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9])
def test_truncated_pictures_stop_the_run(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / f"a.{suffix}", colour(1, 200, 150))
    whole = path.read_bytes()
    read_all(f"images:{tmp_path}")
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RigsightError, match="SRC-003") as caught:
        read_all(f"images:{tmp_path}")
    assert_one_line(caught, str(path))
    assert capfd.readouterr().err == "", "decoders keep quiet"


def test_a_changed_byte_in_a_png_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", counts(1, 64, 64))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0x40
    path.write_bytes(bytes(whole))
    with pytest.raises(RigsightError, match="SRC-003"):
        read_all(f"images:{tmp_path}", "thermal")


def test_text_under_a_pictures_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(RigsightError, match="SRC-003"):
        read_all(f"images:{tmp_path}")


def test_pictures_of_the_wrong_kind(tmp_path: Path) -> None:
    write(tmp_path / "rgb" / "a.png", counts(1))
    with pytest.raises(RigsightError, match="SRC-006"):
        read_all(f"images:{tmp_path}/rgb")
    write(tmp_path / "ir" / "a.png", colour(1))
    with pytest.raises(RigsightError, match=r"SRC-006.*colourised"):
        read_all(f"images:{tmp_path}/ir", "thermal")
    video = write_video(tmp_path / "t.mkv", [counts(1)] * 3, "FFV1")
    with pytest.raises(RigsightError, match=r"SRC-006.*--thermal"):
        read_all(f"video:{video}", "rgb")
    video = write_video(tmp_path / "c.avi", [np.full((32, 48, 3), (10, 60, 200), np.uint8)] * 3, "MJPG")
    with pytest.raises(RigsightError, match=r"SRC-006.*colourised"):
        read_all(f"video:{video}", "thermal")


@pytest.mark.parametrize(("name", "fourcc"), [("t.mkv", "FFV1"), ("c.avi", "MJPG"), ("c.mp4", "mp4v")])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.85])
def test_truncated_videos_stop_the_run(tmp_path: Path, name: str, fourcc: str, share: float) -> None:
    frames = [counts(i, 160, 120) if fourcc == "FFV1" else colour(i, 160, 120) for i in range(30)]
    path = write_video(tmp_path / name, frames, fourcc)
    read_all(f"video:{path}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RigsightError, match="SRC-005") as caught:
        read_all(f"video:{path}")
    assert_one_line(caught, str(path))
