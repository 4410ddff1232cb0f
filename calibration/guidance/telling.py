"""What a guided capture says: its state for whoever shows it, and the words for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance import words
from rigsight.calibration.guidance.coverage import coverage
from rigsight.calibration.guidance.planner import Planner
from rigsight.calibration.guidance.state import CameraState, GuidanceState, Phase, SnapshotState
from rigsight.calibration.guidance.stillness import Stillness
from rigsight.calibration.solve.camera import FEWEST_VIEWS, rms

UNCONFIRMED = 0.97  # progress at the target while the held-out error has to confirm it


@dataclass(frozen=True)
class Present:
    """The capture at this step.

    Attributes:
        phase: where it stands.
        seen: what each camera sees of the board.
        stillness: how still it is held, by camera.
        notice: why no view was taken, if one was asked for.
        count: steps so far.
    """

    phase: Phase
    seen: Mapping[str, Detection | None]
    stillness: Mapping[str, Stillness]
    notice: str
    count: int


def tell(plan: Planner, now: Present) -> GuidanceState:
    """What there is to show."""
    estimate, settings = plan.estimate, plan.settings
    instruction, mirrored, detail = _words(plan, now)
    bound = None if estimate is None else estimate.worst.bound_px
    expected = None
    if estimate is not None and bound is not None and estimate.proposal is not None:
        expected = bound * float(np.exp(-estimate.best_gain()))
    alignment = () if estimate is None else estimate.calibration.alignment
    return GuidanceState(
        phase=now.phase,
        instruction=instruction,
        mirrored=mirrored,
        detail=detail,
        hold=min(its.held for its in now.stillness.values()),
        error_px=bound,
        expected_px=expected,
        target_px=settings.target_px,
        progress=_progress(plan, now.phase, bound),
        distances_m=settings.distances_m,
        errors=tuple((e.distance_m, e.low_px, e.rms_px, e.bound_px) for e in alignment),
        history=tuple(plan.history),
        held_out=None if estimate is None else estimate.held_out,
        solving=plan.solving,
        problem=plan.problem,
        views=_views(plan),
        cameras=tuple(_camera(name, plan, now) for name in settings.names),
        count=now.count,
    )


def _progress(plan: Planner, phase: Phase, bound: float | None) -> float:
    if bound is None:
        return 0.0
    first = max(error for _, error in plan.history)
    if phase == "done":
        return 1.0
    target = plan.settings.target_px
    if bound <= target:
        return UNCONFIRMED
    way = np.log(first / bound) / np.log(first / target)
    return float(np.clip(way, 0, UNCONFIRMED))


def _camera(name: str, plan: Planner, now: Present) -> CameraState:
    its = now.stillness[name]
    drift = its.drift_px
    return CameraState(
        name=name,
        found=now.seen[name] is not None,
        still=its.still,
        drift_px=drift if np.isfinite(drift) else None,
        coverage=coverage(shot.seen[name] for shot in plan.snapshots),
    )


def _views(plan: Planner) -> tuple[SnapshotState, ...]:
    known = None if plan.estimate is None else plan.estimate.calibration
    states = []
    for shot in plan.snapshots:
        off = None if known is None else known.residuals.get(shot.name)
        note = "" if known is None else known.views_rejected.get(shot.name, "")
        states.append(SnapshotState(shot.name, None if not off else rms(*off.values()), note))
    return tuple(states)


def _words(plan: Planner, now: Present) -> tuple[str, str, str]:
    """Instruction, the same for mirrored pictures, and a second line."""
    if now.phase == "ended":
        return ("Finished",) * 2 + ("",)
    if now.phase == "done":
        return ("Done",) * 2 + ("The error stays below the target. Finish, or go on taking views.",)
    names = plan.settings.names
    missing = [name for name in names if now.seen[name] is None]
    detail = now.notice or plan.problem or _missing(plan)
    if len(missing) == len(names):
        return (words.SHOW,) * 2 + (detail,)
    if plan.solving:
        return ("View taken",) * 2 + ("Computing; go on to the next pose when it shows",)
    pose = plan.pose_of(now.seen)
    move = None if pose is None else plan.move_from(pose)
    if move is None:
        return ("Hold the board in another way",) * 2 + (detail,)
    if missing:
        unseen = f"{missing[0].capitalize()} does not see the whole board"
        return (unseen, unseen, detail) if move.arrived else (move.text(), move.text(mirrored=True), unseen)
    return move.text(), move.text(mirrored=True), detail


def _missing(plan: Planner) -> str:
    """What is still missing, where that can be said in a line."""
    left = FEWEST_VIEWS - len(plan.snapshots)
    if plan.estimate is None and left > 0:
        return f"{left} more view{'s' * (left > 1)} until the first solution"
    if plan.estimate is not None and plan.estimate.worst.bound_px <= plan.settings.target_px:
        return "The target is reached; a further view or two must confirm it"
    return ""
