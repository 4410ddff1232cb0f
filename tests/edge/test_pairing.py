"""Pairing against sequences whose right answer is known."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.edge.frames import Frame, FrameSet, PixelFormat
from rigsight.edge.pairing import Pairer
from rigsight.edge.profile import Pairing
from rigsight.edge.sources.merged import MergedSource

MS = 1_000_000
PICTURE = np.zeros((2, 2), np.uint8)


class Stamps:
    """A source that yields empty frames at given times; ``released`` counts what came back."""

    aligned = live = realtime = sensor = False
    rig = None

    def __init__(
        self, arrivals: Iterable[tuple[str, int]], cameras: tuple[str, ...] = ("rgb", "thermal")
    ) -> None:
        self.cameras, self.count = cameras, None
        self.arrivals = list(arrivals)
        self.released = 0

    def hold(self) -> None:
        raise AssertionError("nobody needs to hold these")

    def release(self) -> None:
        self.released += 1

    def frames(self) -> Iterator[Frame]:
        numbers = dict.fromkeys(self.cameras, 0)
        for camera, stamp in self.arrivals:
            yield Frame(camera, PICTURE, stamp, numbers[camera], PixelFormat.MONO8, lease=self)
            numbers[camera] += 1

    def name(self, sequence: int) -> str | None:
        return f"s{sequence}"

    def truth(self, sequence: int) -> Any | None:
        return None

    def dropped(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def pair(
    arrivals: Iterable[tuple[str, int]], offsets: dict[str, float] | None = None, **kwargs: Any
) -> tuple[list[FrameSet], Pairer]:
    source = Stamps(arrivals, **kwargs)
    pairer = Pairer(source, Pairing(max_skew_ms=20, wait_ms=60), offsets)
    sets = [made for frame in source.frames() for made in pairer.push(frame)]
    sets += pairer.flush()
    for made in sets:
        made.release()
    assert source.released == len(source.arrivals), "every frame is in one set or counted as dropped"
    assert sum(pairer.dropped.values()) + sum(len(made.frames) for made in sets) == len(source.arrivals)
    assert [made.index for made in sets] == list(range(len(sets)))
    return sets, pairer


def stamps(made: FrameSet) -> tuple[int | None, int | None]:
    return tuple(made.frames[r].captured_ns // MS if r in made.frames else None for r in ("rgb", "thermal"))  # type: ignore[return-value]


def test_equal_stamps_pair_one_to_one() -> None:
    sets, pairer = pair((camera, i * 100 * MS) for i in range(20) for camera in ("rgb", "thermal"))
    assert [stamps(made) for made in sets] == [(i * 100, i * 100) for i in range(20)]
    assert not pairer.dropped
    assert sets[3].name == "s3"


def test_a_partner_that_cannot_be_bettered_is_taken_at_once() -> None:
    """No set waits for the next frame once the cameras' rhythm is known: that would cost a period."""
    arrivals = [
        (camera, (i * 33 + (3 if camera == "thermal" else 0)) * MS)
        for i in range(9)
        for camera in ("rgb", "thermal")
    ]
    source = Stamps(arrivals)
    pairer = Pairer(source)
    made_at = [len(list(pairer.push(frame))) for frame in source.frames()]
    assert made_at[4:] == [0, 1] * 7


def test_the_time_offset_of_the_rig_is_applied() -> None:
    arrivals = sorted(
        [("rgb", i * 100 * MS) for i in range(10)] + [("thermal", (i * 100 + 40) * MS) for i in range(10)],
        key=lambda arrival: arrival[1],
    )
    assert all(made.missing for made in pair(arrivals)[0])
    sets, _ = pair(arrivals, {"thermal": 0.040})
    assert [stamps(made) for made in sets] == [(i * 100, i * 100 + 40) for i in range(10)]
    assert {made.skew_ns["thermal"] for made in sets} == {0}


def test_a_slow_camera_is_paired_with_its_nearest_frame() -> None:
    """30 Hz RGB, 9 Hz thermal: every thermal frame goes to the nearest RGB frame, no other gets one."""
    rgb = [round(i * 1000 / 30 * MS) for i in range(90)]
    thermal = [round((7 + i * 1000 / 9) * MS) for i in range(27)]
    arrivals = sorted([("rgb", t) for t in rgb] + [("thermal", t) for t in thermal], key=lambda a: a[1])
    sets, pairer = pair(arrivals)
    nearest = {t: min(rgb, key=lambda r: abs(r - t)) for t in thermal}
    found = {m.frames["thermal"].captured_ns: m.frames["rgb"].captured_ns for m in sets if len(m.frames) == 2}
    assert found == nearest
    assert len(sets) == len(rgb)
    assert not pairer.dropped


def test_a_lost_thermal_frame_leaves_a_set_that_says_so() -> None:
    arrivals = [(c, i * 100 * MS) for i in range(10) for c in ("rgb", "thermal") if (i, c) != (4, "thermal")]
    sets, _ = pair(arrivals)
    assert [made.index for made in sets if made.missing] == [4]
    assert sets[4].missing == {"thermal": "no partner in time"}


def test_a_lost_rgb_frame_is_a_counted_drop_of_its_thermal_partner() -> None:
    arrivals = [(c, i * 100 * MS) for i in range(10) for c in ("rgb", "thermal") if (i, c) != (4, "rgb")]
    sets, pairer = pair(arrivals)
    assert len(sets) == 9
    assert not any(made.missing for made in sets)
    assert dict(pairer.dropped) == {"thermal: no partner in time": 1}


@pytest.mark.parametrize("dead", ["rgb", "thermal"])
def test_a_dead_camera_does_not_stop_the_other_and_comes_back(dead: str) -> None:
    arrivals = [
        (camera, i * 100 * MS)
        for i in range(40)
        for camera in ("rgb", "thermal")
        if camera != dead or not 10 <= i < 30
    ]
    sets, pairer = pair(arrivals)
    alone = [made for made in sets if made.missing]
    assert {made.missing[dead] for made in alone} <= {"camera silent", "no partner in time"}
    assert len(alone) >= 17
    assert [stamps(made) for made in sets[-9:]] == [(i * 100, i * 100) for i in range(31, 40)]
    assert sum(pairer.dropped.values()) <= 4


def test_a_camera_that_never_comes_is_named_silent() -> None:
    sets, _ = pair([("rgb", i * 33 * MS) for i in range(20)])
    assert len(sets) == 20
    assert {made.missing["thermal"] for made in sets[2:-2]} == {"camera silent"}


def test_one_camera_alone_waits_for_nobody() -> None:
    source = Stamps([("thermal", i * MS) for i in range(5)], cameras=("thermal",))
    pairer = Pairer(source)
    sets = [list(pairer.push(frame)) for frame in source.frames()]
    assert [len(made) for made in sets] == [1] * 5
    assert sets[0][0].missing == {"rgb": "no camera"}


def test_frames_out_of_order_are_dropped_and_counted() -> None:
    arrivals = [("rgb", 0), ("thermal", 0), ("rgb", 100 * MS), ("rgb", 50 * MS), ("thermal", 100 * MS)]
    sets, pairer = pair(arrivals)
    assert [stamps(made) for made in sets] == [(0, 0), (100, 100)]
    assert dict(pairer.dropped) == {"rgb: out of order": 1}


def test_a_clock_that_jumps_back_starts_afresh() -> None:
    start = 10**13
    first = [(camera, start + i * 100 * MS) for i in range(5) for camera in ("rgb", "thermal")]
    second = [(camera, i * 100 * MS) for i in range(5) for camera in ("rgb", "thermal")]
    sets, pairer = pair(first + second)
    assert len(sets) == 10
    assert not any(made.missing for made in sets)
    assert not pairer.dropped


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.3), st.floats(0, 9))
def test_under_jitter_and_loss_nothing_is_lost_uncounted_and_no_pair_is_wrong(
    seed: int, loss: float, jitter_ms: float
) -> None:
    """Both at 10 Hz, jitter below half the skew: two frames are one set if and only if of one instant.

    No camera loses two frames running here, so that none is taken for silent.
    """
    chance = random.Random(seed)
    arrivals, lost = [], {"rgb": -9, "thermal": -9}
    for i in range(40):
        for camera in chance.sample(("rgb", "thermal"), 2):
            if chance.random() < loss and lost[camera] < i - 1:
                lost[camera] = i
            else:
                arrivals.append((camera, round((i * 100 + chance.uniform(-jitter_ms, jitter_ms)) * MS)))
    sets, _ = pair(arrivals)
    rgb, thermal = (
        {round(t / MS / 100) for c, t in arrivals if c == camera} for camera in ("rgb", "thermal")
    )
    assert {
        round(m.frames["rgb"].captured_ns / MS / 100) for m in sets if len(m.frames) == 2
    } == rgb & thermal
    for made in sets:
        if len(made.frames) == 2:
            assert abs(made.skew_ns["thermal"]) <= 20 * MS


def test_merged_sources_come_in_the_order_of_their_stamps() -> None:
    rgb = Stamps([("rgb", i * 33 * MS) for i in range(9)], cameras=("rgb",))
    thermal = Stamps([("thermal", i * 111 * MS) for i in range(3)], cameras=("thermal",))
    merged = MergedSource(rgb, thermal)
    found = [frame.captured_ns for frame in merged.frames()]
    assert found == sorted(found)
    assert len(found) == 12
    assert merged.cameras == ("rgb", "thermal")
