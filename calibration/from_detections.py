"""Detections -> rig: joint solution, uncertainty, surface, output grid, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board
from rigsight.calibration.checks.model import model_objections
from rigsight.calibration.checks.repeats import repeated_views, require_two_cameras
from rigsight.calibration.detect_views import NOT_FOUND
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.homography import matched_homography
from rigsight.calibration.output_grid import own_grid, with_crop
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Cylinder, MatchedHomography, Plane, Provenance, Rig, as_matrix4
from rigsight.calibration.solve.camera import FEWEST_VIEWS, rms
from rigsight.calibration.solve.epipolar import epipolar_error_px
from rigsight.calibration.solve.held_out import held_out_error
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import View
from rigsight.calibration.verdict import judge, judge_camera

REFERENCE_PLANE_M = 10.0
TOLERANCE_PX = 1.0
DISTANCES_OF_SURFACE = (0.5, 1.0, 2.0)  # judged at these times the reference distance unless told


def solve_detected(
    found: Mapping[str, Mapping[str, Detection]],
    order: Sequence[str],
    board: Board,
    setups: Sequence[Setup],
    *,
    unseen: Mapping[str, Mapping[str, str]] | None = None,
    surface: Plane | Cylinder | Literal["homography"] | None = None,
    refine_intrinsics: bool = True,
    bend: bool = False,
    distances_m: Sequence[float] | None = None,
    tolerance_px: float = TOLERANCE_PX,
    provenance: Provenance | None = None,
) -> Calibration:
    """Calibrate from detections: camera -> view -> detection; ``order`` names all views, seen or not.

    ``unseen`` says, camera -> view -> reason, why a view has no detection. The rest as in
    :func:`rigsight.calibration.calibrate.calibrate_pair`.
    """
    names = [setup.name for setup in setups]
    missing = {view: [name for name in names if view not in found[name]] for view in order}
    rejected = {view: _why_missing(view, who, unseen or {}) for view, who in missing.items() if who}
    views = [
        View(view, {name: found[name][view] for name in names if view in found[name]})
        for view in order
        if len(missing[view]) < len(names)
    ]
    if len(names) > 1:
        require_two_cameras(views, (names[0], names[1]))
    repeated = repeated_views(views)
    views = [view for view in views if view.name not in repeated]
    rejected = repeated | rejected
    if len(order) - len(rejected) < FEWEST_VIEWS:
        both = "both cameras see" if len(names) > 1 else f"camera '{names[0]}' sees"
        same = f" ({len(repeated)} more only repeat others)" if repeated else ""
        raise codes.TOO_FEW_VIEWS(
            f"{both} the board in {len(order) - len(rejected)} of {len(order)} views{same}, {FEWEST_VIEWS} "
            "are the least"
        )
    solution = solve_rig(views, board, setups, refine_intrinsics=refine_intrinsics, bend=bend)
    rejected |= {view: reason for view, reason in solution.rejected.items() if view not in rejected}
    rig = with_crop(_rig(solution, surface, provenance))
    residuals = solution.residuals.values()
    own = {name: rms(*(off[name] for off in residuals if name in off)) for name in names}
    used = tuple(view.name for view in solution.views if len(view.seen) == len(names))
    held_out = held_out_error(solution, board)
    common = {
        "rig": rig,
        "rms_px": own,
        "views_used": used,
        "views_rejected": {view: rejected[view] for view in order if view in rejected},
        "views_reordered": solution.reordered,
        "solution": solution,
        "held_out": held_out,
        "points": solution.points(),
    }
    if len(names) == 1:
        return Calibration(
            **common,  # type: ignore[arg-type]
            stereo_rms_px=None,
            epipolar_px=None,
            baseline_m=None,
            verdict=judge_camera(rig, held_out.reprojection_px / own[names[0]] if held_out else 1.0),
        )
    T = solution.transforms[names[1]]
    nominal = rig.surface.distance_m if isinstance(rig.surface, Plane) else REFERENCE_PLANE_M
    distances = list(distances_m or [nominal * factor for factor in DISTANCES_OF_SURFACE])
    verdict, alignment = judge(rig, names[1], distances, tolerance_px)
    objections = model_objections(solution, rig, board, alignment, tolerance_px)
    if objections:
        verdict, alignment = judge(rig, names[1], distances, tolerance_px, objections)
    pairs = list(solution.matched(names[1]).values())
    return Calibration(
        **common,  # type: ignore[arg-type]
        stereo_rms_px=rms(*(off for seen in residuals for off in seen.values())),
        epipolar_px=epipolar_error_px(solution.cameras[names[0]], solution.cameras[names[1]], T, pairs),
        baseline_m=float(np.linalg.norm(T[:3, 3])),
        alignment=alignment,
        verdict=verdict,
    )


def _rig(
    solution: Solution,
    surface: Plane | Cylinder | Literal["homography"] | None,
    provenance: Provenance | None,
) -> Rig:
    reference = solution.reference
    chosen: Plane | Cylinder | MatchedHomography
    if surface == "homography":
        other = list(solution.cameras)[1]
        matched = list(solution.matched(other).values())
        chosen = matched_homography(solution.cameras[reference], solution.cameras[other], matched)
    else:
        chosen = surface or Plane(distance_m=REFERENCE_PLANE_M)
    return Rig(
        cameras=solution.cameras,
        reference=reference,
        transforms={name: as_matrix4(T) for name, T in solution.transforms.items()},
        surface=chosen,
        output=own_grid(reference, solution.cameras[reference]),
        covariance=solution.covariance,
        provenance=provenance or Provenance(),
    )


def _why_missing(view: str, who: Sequence[str], unseen: Mapping[str, Mapping[str, str]]) -> str:
    reasons = {name: unseen.get(name, {}).get(view, NOT_FOUND) for name in who}
    if len(set(reasons.values())) == 1:
        return f"{' and '.join(who)}: {next(iter(reasons.values()))}"
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
