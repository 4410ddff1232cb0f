"""Which state may follow which."""

from __future__ import annotations

import itertools

import pytest

from rigsight.edge.devices.state import KEPT_CHANGES, NEXT, DeviceState, StateLog

S = DeviceState
ALLOWED = {
    (S.CLOSED, S.OPENING),
    (S.OPENING, S.STREAMING), (S.OPENING, S.SILENT), (S.OPENING, S.LOST), (S.OPENING, S.CLOSED),
    (S.STREAMING, S.SILENT), (S.STREAMING, S.LOST), (S.STREAMING, S.CLOSED),
    (S.SILENT, S.STREAMING), (S.SILENT, S.LOST), (S.SILENT, S.CLOSED),
    (S.LOST, S.OPENING), (S.LOST, S.CLOSED),
}  # fmt: skip
WAY = {
    S.CLOSED: (),
    S.OPENING: (S.OPENING,),
    S.STREAMING: (S.OPENING, S.STREAMING),
    S.SILENT: (S.OPENING, S.SILENT),
    S.LOST: (S.OPENING, S.LOST),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(S, S)))
def test_transitions(before: S, after: S) -> None:
    log = StateLog()
    for step in WAY[before]:
        log.to(step, 1)
    if before == after:
        log.to(after, 2)
        assert len(log.changes()) == len(WAY[before]) + 1
    elif (before, after) in ALLOWED:
        log.to(after, 2, "why")
        assert (log.now.state, log.now.since_ns, log.now.reason) == (after, 2, "why")
    else:
        with pytest.raises(ValueError, match=f"from {before.value} to {after.value}"):
            log.to(after, 2)
        assert log.now.state == before


def test_every_state_can_be_left_and_closed_can_always_be_reached() -> None:
    assert set(NEXT) == set(S)
    assert all(S.CLOSED in NEXT[state] for state in S if state != S.CLOSED)


def test_the_log_is_bounded() -> None:
    log = StateLog()
    for number in range(1000):
        log.to(S.OPENING if number % 2 == 0 else S.LOST, number)
    assert len(log.changes()) == KEPT_CHANGES
