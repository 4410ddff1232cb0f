"""A run as ``/diagnostics``: what happened since the last message, not since the run began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.devices.state import DeviceState
from rigsight.edge.messages.types.diagnostic_msgs import DiagnosticArray, DiagnosticStatus, KeyValue
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.pipeline.summary import RunSummary

NS_PER_S = 1_000_000_000
OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
_LEVELS = {
    DeviceState.STREAMING: OK,
    DeviceState.OPENING: WARN,
    DeviceState.SILENT: ERROR,
    DeviceState.LOST: ERROR,
    DeviceState.CLOSED: STALE,
}
_TROUBLES = ("missing", "flags", "degraded", "dropped")


@dataclass(frozen=True, slots=True)
class Counts:
    """A summary's counters at one instant of the rig's clock."""

    time_ns: int
    pairs: int = 0
    frames: Counter[str] = field(default_factory=Counter)
    troubles: Mapping[str, Counter[str]] = field(default_factory=dict)


def counts_of(summary: RunSummary, time_ns: int) -> Counts:
    """What the summary of a running pipeline says now; keep it for the next message."""
    troubles = {kind: Counter(getattr(summary, kind)) for kind in _TROUBLES}
    return Counts(time_ns, summary.pairs, Counter(summary.frames), troubles)


def diagnostics(
    now: Counts,
    before: Counts,
    header: Header,
    devices: Mapping[str, Mapping[str, Any]] | None = None,
    node: str = "rigsight",
    hardware_id: str = "",
) -> DiagnosticArray:
    """One status for the pipeline, one for each camera, one for each device.

    The pipeline is in ERROR when no prediction was delivered since ``before``, a camera when no picture came;
    either WARNs of what was missing, flagged, degraded or dropped since then.

    Args:
        now: the counters now.
        before: those of the last message.
        header: of the message; diagnostics have no frame of reference.
        devices: what :meth:`rigsight.edge.devices.instruments.Instruments.report` gives.
        node: the first part of every status' name.
        hardware_id: of the rig.
    """
    seconds = max(now.time_ns - before.time_ns, 1) / NS_PER_S
    new = {kind: found - before.troubles.get(kind, Counter()) for kind, found in now.troubles.items()}
    pairs = now.pairs - before.pairs
    said = [f"{kind}: {what}" for kind, found in new.items() for what in sorted(found)]
    figures = {"pairs": now.pairs, "rate_hz": round(pairs / seconds, 2)}
    figures |= {
        f"{kind} {what}": count for kind, found in new.items() for what, count in sorted(found.items())
    }
    status = [_status(f"{node}: pipeline", pairs, "no predictions", said, hardware_id, figures)]
    for camera, total in sorted(now.frames.items()):
        arrived = total - before.frames[camera]
        own = [
            what
            for kind in ("missing", "flags")
            for what in sorted(new.get(kind, ()))
            if _is_of(what, camera)
        ]
        rate = {"frames": total, "rate_hz": round(arrived / seconds, 2)}
        status.append(_status(f"{node}: camera {camera}", arrived, "no pictures", own, camera, rate))
    for name, report in (devices or {}).items():
        state = DeviceState(report["state"])
        uri = KeyValue("uri", str(report["uri"]))
        status.append(DiagnosticStatus(_LEVELS[state], f"{node}: device {name}", state.value, name, (uri,)))
    return DiagnosticArray(header, tuple(status))


def _status(
    name: str, arrived: int, silence: str, said: list[str], hardware_id: str, figures: Mapping[str, Any]
) -> DiagnosticStatus:
    level = ERROR if arrived == 0 else WARN if said else OK
    message = "; ".join([silence] * (arrived == 0) + said) or "running"
    values = tuple(KeyValue(key, str(value)) for key, value in figures.items())
    return DiagnosticStatus(level, name, message, hardware_id, values)


def _is_of(what: str, camera: str) -> bool:
    return what.startswith(f"{camera}: ")
