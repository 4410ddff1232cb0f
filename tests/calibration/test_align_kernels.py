"""The choice between float and fixed-point maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment import kernels
from rigsight.calibration.alignment.kernels import faster, maps_chosen_by
from rigsight.calibration.rig import Rig

MakeRig = Callable[..., Rig]
PICTURES = {
    "grey": np.random.default_rng(0).integers(0, 255, (512, 640)).astype(np.uint8),
    "counts": np.random.default_rng(1).integers(7000, 9000, (512, 640)).astype(np.uint16),
    "colour": np.random.default_rng(2).integers(0, 255, (512, 640, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_measuring_picks_one_of_the_two_and_stays_with_it(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    picture = PICTURES[name]
    monkeypatch.setattr(kernels, "_measured", {})
    plain = {maps: Aligner(make_rig(), "thermal", maps=maps)(picture) for maps in ("float", "fixed")}
    with maps_chosen_by("measured"):
        aligner = Aligner(make_rig(), "thermal")
    got = aligner(picture)
    assert any((got == each).all() for each in plain.values())
    assert len(kernels._measured) == 1
    # A later aligner of the same kind does not measure again, whatever the machine is doing by then.
    monkeypatch.setattr(kernels, "_measure", lambda *_: pytest.fail("measured twice"))
    assert (Aligner(make_rig(), "thermal", maps="measured")(picture) == got).all()


def test_without_being_told_the_rule_decides(make_rig: MakeRig) -> None:
    """The same answer on every machine: replays and golden results rest on it."""
    for picture in PICTURES.values():
        by_rule = "float" if kernels.float_by_rule(picture) else "fixed"
        expected = Aligner(make_rig(), "thermal", maps=by_rule)(picture)
        assert (Aligner(make_rig(), "thermal")(picture) == expected).all()


def test_the_two_kinds_differ_by_a_32nd_of_a_pixel_at_most(make_rig: MakeRig) -> None:
    ramp = np.tile(np.arange(640, dtype=np.uint16) * 96, (512, 1))  # 3 counts are 1/32 px
    floating, fixed = (Aligner(make_rig(), "thermal", maps=maps)(ramp) for maps in ("float", "fixed"))
    inside = Aligner(make_rig(), "thermal").valid > 0
    assert np.abs(floating.astype(int) - fixed)[inside].max() <= 3


@pytest.mark.parametrize(
    ("first", "second", "rule", "expected"),
    [(100, 50, True, False), (100, 50, False, False), (50, 100, False, True), (100, 97, True, True)],
)
def test_the_rule_gives_way_to_a_clear_difference(
    first: int, second: int, rule: bool, expected: bool
) -> None:
    # Single slow turns, as on a busy machine, do not count.
    slow = iter([9999, 9999, first, first, first, first])
    assert faster(lambda: next(slow), lambda: second, rule) is expected
