"""What a run says of itself at the end."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.pipeline.latency import StageLatencies


@dataclass
class RunSummary:
    """Counts, rate and latencies of one run.

    Attributes:
        pairs: frame sets delivered to all sinks.
        sets: frame sets made by pairing; ``sets`` = ``pairs`` + sets dropped by queues, age or the stop.
        frames: camera -> frames that came from the source.
        dropped: ``stage: … reason`` -> count; frames before pairing, frame sets after it.
        missing: ``camera: reason`` -> delivered sets that went without it.
        flags: ``camera: flag`` -> frames.
        degraded: what predictions said of themselves -> count.
        rate_hz: delivered sets a second, between the first and the last.
        latency_ms: stage -> p50, p95, p99; ``age`` is capture (live) or reading (step) to mask.
        interrupted: the run was stopped by a signal.
    """

    pairs: int = 0
    sets: int = 0
    frames: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    rate_hz: float = 0.0
    seconds: float = 0.0
    latencies: StageLatencies = field(default_factory=StageLatencies)
    interrupted: bool = False

    @property
    def latency_ms(self) -> dict[str, dict[str, float]]:
        """Stage -> p50, p95 and p99 in milliseconds."""
        return self.latencies.summary()

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded for people."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "latencies"}
        values |= {name: dict(v) for name, v in values.items() if isinstance(v, Counter)}
        values["rate_hz"], values["seconds"] = round(self.rate_hz, 2), round(self.seconds, 3)
        return values | {"latency_ms": self.latency_ms}
