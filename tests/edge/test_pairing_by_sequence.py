"""Triggered cameras: their counts pair what their stamps would confuse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rigsight.edge.frames import Frame, FrameSet, PixelFormat
from rigsight.edge.pairing import Pairer
from rigsight.edge.pairing_by_sequence import ENOUGH, SequencePairer, make_pairer
from rigsight.edge.profile import Pairing

MS = 1_000_000
PERIOD_MS = 33
PICTURE = np.zeros((1, 1), np.uint8)


class Triggered:
    """One pulse, two cameras: stamps are late by up to ``jitter_ms``, counts are right and begin anywhere.

    The pulse is written into ``epoch_ns``. From ``again`` on the thermal camera counts from 0 again.
    """

    aligned = live = realtime = sensor = False
    rig = count = None
    cameras = ("rgb", "thermal")

    def __init__(self, pulses: int, jitter_ms: float, lost: float = 0.0, again: int | None = None) -> None:
        chance = np.random.default_rng(4)
        frames = []
        for pulse in range(pulses):
            for number, role in enumerate(self.cameras):
                late = chance.uniform(0, jitter_ms) * MS
                if chance.random() < lost:
                    continue
                restarted = role == "thermal" and again is not None and pulse >= again
                count = pulse - again + 0 if restarted else pulse + 1000 * number  # type: ignore[operator]
                stamp = round(pulse * PERIOD_MS * MS + late)
                frames.append((stamp, role, count, pulse))
        self._frames = sorted(frames)

    def frames(self) -> Iterator[Frame]:
        newest = {"rgb": -1, "thermal": -1}
        for stamp, role, count, pulse in self._frames:
            if stamp > newest[role]:  # a driver hands frames out in order
                newest[role] = stamp
                yield Frame(role, PICTURE, stamp, count, PixelFormat.MONO8, epoch_ns=pulse)

    def name(self, sequence: int) -> None:
        return None

    def truth(self, sequence: int) -> None:
        return None

    def dropped(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def pulses(sets: list[FrameSet]) -> list[tuple[int | None, int | None]]:
    return [
        tuple(s.frames[r].epoch_ns if r in s.frames else None for r in ("rgb", "thermal"))  # type: ignore[misc]
        for s in sets
    ]


def run(pairer: Pairer, source: Triggered) -> list[FrameSet]:
    made = [s for frame in source.frames() for s in pairer.push(frame)]
    return made + list(pairer.flush())


def wrong(sets: list[FrameSet]) -> int:
    return sum(a != b for a, b in pulses(sets) if a is not None and b is not None)


SETTINGS = Pairing(max_skew_ms=20, wait_ms=120)


def test_late_stamps_confuse_pairing_by_time_and_not_by_count() -> None:
    source = Triggered(400, jitter_ms=30, lost=0.03)
    by_time = run(Pairer(source, SETTINGS), source)
    assert wrong(by_time) > 20, "the case must be hard"
    pairer = SequencePairer(source, SETTINGS)
    sets = run(pairer, source)
    assert pairer.difference == 1000
    assert wrong(sets[40:]) == 0
    together = sum(None not in pair for pair in pulses(sets[40:]))
    assert together > 0.9 * len(sets[40:]), "what both cameras took is together"


def test_a_lost_frame_leaves_its_partner_alone() -> None:
    source = Triggered(200, jitter_ms=1, lost=0.1)
    sets = run(SequencePairer(source, SETTINGS), source)
    assert wrong(sets) == 0
    alone = [s for s in sets[40:] if len(s.frames) == 1]
    assert alone
    assert all(s.missing["thermal"] in ("no partner in time", "camera silent") for s in alone)


def test_a_camera_that_counts_anew_is_learned_anew() -> None:
    source = Triggered(300, jitter_ms=2, again=100)
    pairer = SequencePairer(source, SETTINGS)
    sets = run(pairer, source)
    assert pairer.difference == -100
    assert wrong(sets) == 0
    later = [pair for pair in pulses(sets) if pair[0] is not None and pair[0] > 160]
    assert all(None not in pair for pair in later)


def test_it_says_nothing_before_enough_agree() -> None:
    source = Triggered(ENOUGH - 1, jitter_ms=1)
    pairer = SequencePairer(source, SETTINGS)
    run(pairer, source)
    assert pairer.difference is None


def test_the_profile_chooses() -> None:
    source = Triggered(1, 0)
    assert type(make_pairer(source, Pairing())) is Pairer
    assert type(make_pairer(source, Pairing(by="sequence"))) is SequencePairer
