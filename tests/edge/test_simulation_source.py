"""sim: as a source: what every fault option does, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.frames import PixelFormat, TimeSource
from rigsight.edge.simulation.rig import PERIOD_NS
from rigsight.edge.sources.base import open_source

SMALL = "sim:pipe?seed=2&width=64&height=48"


def frames_of(text, role=None):
    return list(open_source(text, role).frames())


def by_camera(frames, camera):
    return [frame for frame in frames if frame.camera == camera]


def repeats_of(frames):
    return sum(np.array_equal(frames[k].data, frames[k - 1].data) for k in range(1, len(frames)))


def test_plain_run():
    source = open_source(SMALL + "&pairs=6")
    frames = list(source.frames())
    assert source.count == 6
    assert source.cameras == ("rgb", "thermal")
    assert not source.aligned
    assert not source.live
    assert source.rig.cameras["rgb"].size == (64, 48)
    assert source.dropped() == {}
    assert [f.sequence for f in by_camera(frames, "rgb")] == list(range(6))
    for frame in frames:
        assert frame.captured_ns == frame.sequence * PERIOD_NS
        assert frame.time_source is TimeSource.TRIGGER
        assert not frame.data.flags.writeable
    thermal = by_camera(frames, "thermal")[0]
    assert thermal.pixel_format is PixelFormat.MONO16
    assert thermal.data.dtype == np.uint16
    assert 250 < thermal.counts_to_kelvin(thermal.data).mean() < 320
    assert by_camera(frames, "rgb")[0].counts_to_kelvin is None
    np.testing.assert_array_equal(source.truth(3).labels.shape, (48, 64))
    assert source.truth(5).captured_ns == 5 * PERIOD_NS


def test_the_same_seed_gives_the_same_run():
    text = SMALL + "&pairs=20&jitter=8ms&drop=0.1&freeze=0.1&late=0.1"
    for a, b in zip(frames_of(text), frames_of(text), strict=True):
        assert (a.camera, a.sequence, a.captured_ns) == (b.camera, b.sequence, b.captured_ns)
        np.testing.assert_array_equal(a.data, b.data)


def test_jitter_moves_stamps_within_its_bound():
    frames = frames_of(SMALL + "&pairs=30&jitter=5ms")
    offsets = np.array([f.captured_ns - f.sequence * PERIOD_NS for f in frames])
    assert offsets.min() >= 0
    assert 3e6 < offsets.max() <= 5e6
    assert {f.time_source for f in frames} == {TimeSource.DRIVER}
    arrivals = [f.captured_ns for f in frames]
    assert arrivals == sorted(arrivals)


def test_dropped_frames_leave_gaps_and_are_counted():
    source = open_source(SMALL + "&pairs=100&drop=0.2")
    frames = list(source.frames())
    missing = 200 - len(frames)
    assert source.dropped() == {"lost": missing}
    assert 20 <= missing <= 60
    assert len({(f.camera, f.sequence) for f in frames}) == len(frames)


def test_frozen_cameras_repeat_exactly():
    frames = by_camera(frames_of(SMALL + "&pairs=60&freeze=0.2"), "thermal")
    assert 4 <= repeats_of(frames) <= 25
    assert len({f.captured_ns for f in frames}) == 60
    clean = by_camera(frames_of(SMALL + "&pairs=20"), "thermal")
    assert repeats_of(clean) == 0


def test_late_frames_arrive_a_period_later_with_their_true_stamp():
    frames = frames_of(SMALL + "&pairs=80&late=0.1")
    order = [f.captured_ns for f in frames]
    assert order != sorted(order)
    assert sorted((f.camera, f.sequence) for f in frames) == sorted(
        (camera, k) for camera in ("rgb", "thermal") for k in range(80)
    )
    latest = 0
    for frame in frames:
        assert latest - frame.captured_ns <= PERIOD_NS  # overtaken by one instant, not by two
        latest = max(latest, frame.captured_ns)


def test_a_camera_dies_and_comes_back():
    source = open_source(SMALL + "&pairs=30&die=thermal@10-19")
    frames = list(source.frames())
    assert [f.sequence for f in by_camera(frames, "thermal")] == [*range(10), *range(20, 30)]
    assert len(by_camera(frames, "rgb")) == 30
    assert source.dropped() == {"dead": 10}


def test_one_camera_alone():
    frames = frames_of(SMALL + "&pairs=3", role="thermal")
    assert {f.camera for f in frames} == {"thermal"}


def test_live_pace_is_only_a_flag():
    assert open_source(SMALL + "&pace=live").live


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("sim:streat", "streat"),
        ("sim:street?sed=3", "seed"),
        ("sim:street?pairs=0", "pairs=0"),
        ("sim:street?drop=1.5", "drop=1.5"),
        ("sim:street?jitter=5min", "jitter=5min"),
        ("sim:street?jitter=200ms", "100ms"),
        ("sim:street?split=all", "split=all"),
        ("sim:street?die=thermal@80-50", "die="),
        ("sim:street?die=nose@1-2", "die="),
        ("sim:street?width=8", "width=8"),
    ],
)
def test_bad_options_are_one_clear_line(text, part):
    with pytest.raises(RigsightError) as caught:
        open_source(text)
    assert caught.value.code == "SRC-001"
    assert caught.value.exit_code == 2
    assert part in caught.value.line()
    assert "\n" not in caught.value.line()
