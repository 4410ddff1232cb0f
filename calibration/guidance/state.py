"""What a guided capture tells whoever shows it: plain values, ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rigsight.calibration.guidance.coverage import Counts

Phase = Literal["first views", "improving", "done", "ended"]


@dataclass(frozen=True)
class CameraState:
    """One camera now. ``drift_px`` over the last half second, None while unknown."""

    name: str
    found: bool
    still: bool
    drift_px: float | None
    coverage: Counts


@dataclass(frozen=True)
class SnapshotState:
    """A view that was taken. ``note`` says why it is not used, empty when it is or nothing is solved yet."""

    name: str
    error_px: float | None
    note: str = ""


@dataclass(frozen=True)
class GuidanceState:
    """Everything but the pictures.

    Attributes:
        phase: where the capture stands.
        instruction: what to do now, short.
        mirrored: the same for somebody who looks into mirrored pictures.
        detail: a second, smaller line.
        hold: how much of the time of holding still is over, 0 to 1.
        error_px: the alignment error stays below this with 95 % probability, at the worst of the distances;
            None before the first solution.
        expected_px: what the next view is hoped to make of it (as a part of ``error_px``); None likewise.
        target_px: where it should come.
        progress: 0 to 1, of the way from the first solution to the target, in logarithms.
        distances_m: the user's.
        errors: (distance, low, median, bound), pixels, at each of them.
        history: (views, error_px) after each solution.
        held_out: error of left-out views over that of used ones; None while unknown.
        solving: a solution is being computed.
        problem: why there is no solution, or no next pose.
        views: taken so far.
        cameras: reference first.
        count: steps so far: rises with every pair of pictures.
    """

    phase: Phase
    instruction: str
    mirrored: str
    detail: str
    hold: float
    error_px: float | None
    expected_px: float | None
    target_px: float
    progress: float
    distances_m: tuple[float, ...]
    errors: tuple[tuple[float, float, float, float], ...]
    history: tuple[tuple[int, float], ...]
    held_out: float | None
    solving: bool
    problem: str
    views: tuple[SnapshotState, ...]
    cameras: tuple[CameraState, ...]
    count: int
