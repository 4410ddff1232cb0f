"""What a demo run found out: plain data between the chain that measures and the report that shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UInt8

TOTAL = "total"  # the stage that is the sum of all
AGE = "age"  # from reading to mask, with the waiting in queues


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds of one stage."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class MapError:
    """How far the thermal map is off at one distance: RMS in pixels of the output grid."""

    distance_m: float
    rms_px: float


@dataclass(frozen=True, slots=True)
class Scores:
    """mIoU over the classes of the scene, and the IoU of each by name (nan where absent)."""

    mean: float
    classes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame set for the report: five pictures of one size on the output grid.

    ``rgb`` and ``fused`` are RGB uint8 [H,W,3], ``thermal`` uint8 [H,W] after AGC, ``mask`` and ``truth``
    uint8 [H,W] of class ids, 255 = unlabelled. ``illumination`` is 1 by day and 0 by night.
    """

    title: str
    rgb: UInt8
    thermal: UInt8
    fused: UInt8
    mask: UInt8
    truth: UInt8
    illumination: float


@dataclass(frozen=True)
class DemoResult:
    """Everything that ``summary.json`` and ``report.html`` say."""

    profile: str
    scene: str
    classes: tuple[ClassEntry, ...]
    scene_classes: tuple[int, ...]
    pairs: int
    dropped: Mapping[str, int]
    surface_distance_m: float
    alignment: tuple[MapError, ...]
    parallax: tuple[MapError, ...]
    alignment_curve: tuple[MapError, ...]
    parallax_curve: tuple[MapError, ...]
    scores: Scores
    rgb_only: Scores
    thermal_only: Scores
    baseline: Scores
    scored_on: str
    latency_ms: Mapping[str, Percentiles]
    rate_hz: float
    engine_rate_hz: float
    samples: tuple[Sample, ...]
    calibration: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def total_dropped(self) -> int:
        """Frame sets and frames that did not reach a mask, all reasons together."""
        return sum(self.dropped.values())

    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``: numbers only, null where there is none."""
        return {
            "profile": self.profile,
            "pairs": self.pairs,
            "dropped": self.total_dropped,
            "alignment_px": {_metres(e): _number(e.rms_px) for e in self.alignment},
            "parallax_px": {_metres(e): _number(e.rms_px) for e in self.parallax},
            "miou": {
                **_scores(self.scores),
                "rgb_only": _scores(self.rgb_only),
                "thermal_only": _scores(self.thermal_only),
                "baseline": _scores(self.baseline),
            },
            "latency_ms": {
                stage: {"p50": _number(t.p50), "p95": _number(t.p95), "p99": _number(t.p99)}
                for stage, t in self.latency_ms.items()
            },
            "rate_hz": _number(self.rate_hz),
            "engine_rate_hz": _number(self.engine_rate_hz),
        }


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "mean": _number(scores.mean),
        "classes": {name: _number(value) for name, value in scores.classes.items()},
    }


def _metres(error: MapError) -> str:
    return f"{error.distance_m:g}"


def _number(value: float) -> float | None:
    """Four decimals, and None for nan, which JSON does not know."""
    return round(value, 4) if math.isfinite(value) else None
