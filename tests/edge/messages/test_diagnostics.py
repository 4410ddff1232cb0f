"""/diagnostics says what happened since the last message."""

from __future__ import annotations

from collections import Counter

from rigsight.edge.devices.state import DeviceState
from rigsight.edge.messages import Counts, counts_of, deserialise, diagnostics, serialise
from rigsight.edge.messages.types.diagnostic_msgs import DiagnosticArray, DiagnosticStatus
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.pipeline.summary import RunSummary

S = 10**9
OK, WARN, ERROR, STALE = 0, 1, 2, 3


def running(pairs: int, **counters: dict[str, int]) -> RunSummary:
    summary = RunSummary(pairs=pairs, sets=pairs)
    summary.frames = Counter({"rgb": pairs, "thermal": pairs})
    for name, values in counters.items():
        setattr(summary, name, Counter(values))
    return summary


def by_name(message: DiagnosticArray) -> dict[str, DiagnosticStatus]:
    again = deserialise(serialise(message), DiagnosticArray)
    return {status.name: status for status in again.status}


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {each.key: each.value for each in status.values}


def test_a_run_that_goes_well() -> None:
    found = by_name(
        diagnostics(
            counts_of(running(40), 3 * S), counts_of(running(10), 2 * S), Header(), hardware_id="car 3"
        )
    )
    assert set(found) == {"rigsight: pipeline", "rigsight: camera rgb", "rigsight: camera thermal"}
    assert {status.level for status in found.values()} == {OK}
    pipeline = found["rigsight: pipeline"]
    assert (pipeline.message, pipeline.hardware_id) == ("running", "car 3")
    assert values(pipeline) == {"pairs": "40", "rate_hz": "30.0"}
    assert values(found["rigsight: camera thermal"]) == {"frames": "40", "rate_hz": "30.0"}


def test_troubles_warn_once_and_of_the_right_camera() -> None:
    troubled = running(
        40,
        missing={"thermal: camera silent": 3},
        flags={"rgb: frozen": 2},
        degraded={"rgb only": 3},
        dropped={"pairing: late": 1},
    )
    first = by_name(diagnostics(counts_of(troubled, 3 * S), counts_of(running(10), 2 * S), Header()))
    pipeline = first["rigsight: pipeline"]
    assert pipeline.level == WARN
    for said in ("missing: thermal: camera silent", "degraded: rgb only", "dropped: pairing: late"):
        assert said in pipeline.message
    assert values(pipeline)["missing thermal: camera silent"] == "3"
    assert first["rigsight: camera thermal"].message == "thermal: camera silent"
    assert first["rigsight: camera rgb"].message == "rgb: frozen"
    later = running(70, **{name: dict(getattr(troubled, name)) for name in ("missing", "flags", "degraded")})
    second = by_name(diagnostics(counts_of(later, 4 * S), counts_of(troubled, 3 * S), Header()))
    assert {status.level for status in second.values()} == {OK}


def test_silence_is_an_error() -> None:
    still = running(40)
    still.frames["rgb"] += 30
    found = by_name(diagnostics(counts_of(still, 3 * S), counts_of(running(40), 2 * S), Header()))
    assert found["rigsight: pipeline"].level == ERROR
    assert found["rigsight: pipeline"].message == "no predictions"
    assert found["rigsight: camera thermal"].level == ERROR
    assert found["rigsight: camera rgb"].level == OK


def test_counters_are_kept_not_shared() -> None:
    summary = running(1)
    before = counts_of(summary, 0)
    summary.pairs, summary.frames["rgb"] = 2, 2
    summary.missing["thermal: x"] += 1
    assert (before.pairs, before.frames["rgb"], before.troubles["missing"]) == (1, 1, Counter())


def test_the_first_message_counts_from_nothing() -> None:
    found = by_name(diagnostics(counts_of(running(5), S), Counts(0), Header()))
    assert values(found["rigsight: pipeline"])["rate_hz"] == "5.0"


def test_every_state_of_a_device_has_a_level() -> None:
    levels = {"streaming": OK, "opening": WARN, "silent": ERROR, "lost": ERROR, "closed": STALE}
    assert set(levels) == {state.value for state in DeviceState}
    report = {name: {"uri": f"nmea:/dev/{name}", "state": name} for name in levels}
    found = by_name(diagnostics(Counts(S), Counts(0), Header(), report, node="left"))
    for name, level in levels.items():
        status = found[f"left: device {name}"]
        assert (status.level, status.message, status.hardware_id) == (level, name, name)
        assert values(status) == {"uri": f"nmea:/dev/{name}"}
