"""The bench of faults finds what it is there to find, and its books balance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rigsight.cli.main import main
from rigsight.edge.benchmarks.faults.faults import FAULTS
from rigsight.edge.benchmarks.live import soak
from rigsight.edge.cameras.card import draw, number_of


@pytest.mark.slow
def test_every_kind_is_recovered_from_and_every_frame_accounted_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "faults", "--faults", str(len(FAULTS)), "--fps", "8", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert [each["fault"] for each in report["recoveries"]] == [fault.name for fault in FAULTS]
    assert report["unaccounted"] == {"rgb": 0, "thermal": 0}
    assert report["torn"] == 0
    assert report["checked"] > 100
    assert any("away" in reason for reason in report["dropped"]), "faults that nobody notices prove nothing"


def test_frames_by_the_thousand_leave_no_memory_behind() -> None:
    found = soak(3000)
    assert found.torn == 0
    assert found.peak_mib - found.start_mib < 8


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_a_torn_card_is_no_card(shape: tuple[int, ...]) -> None:
    dtype = np.uint16 if len(shape) == 2 else np.uint8
    one, other = np.empty(shape, dtype), np.empty(shape, dtype)
    draw(one, 77)
    draw(other, 78)
    assert number_of(one) == 77
    torn = one.copy()
    torn[30:] = other[30:]
    assert number_of(torn) is None
    shifted = one.copy()
    shifted[20, 5] += 1
    assert number_of(shifted) is None
