"""The verdict on a calibration: what it may be used for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rigsight.calibration.rig import Rig
from rigsight.calibration.uncertainty import (
    PredictedError,
    covariance_matrix,
    mean_square_form,
    predicted_alignment_errors,
)

NEAREST_OF, FARTHEST_OF = 0.25, 8.0  # times the user's distances: where the usable range is searched
SEARCHED = 40
GOOD_FOCAL_PERCENT = 1.0
MOST_HELD_OUT_RATIO = 2.0
ADVICE = {
    "lens": "tilt the board by 20 to 45 degrees in different directions, also in the picture's corners",
    "pose": "take more pairs, near and far, with the board in all parts of both pictures",
}


@dataclass(frozen=True)
class Verdict:
    """What a calibration is good for.

    Attributes:
        grade: ``good`` at all of the user's distances, ``usable`` at some, or ``not usable``.
        text: the sentence to print.
        up_to_m: the farthest distance at which the error stays within the tolerance; None where it does at
            all searched ones, or at none.
        from_m: the nearest such distance; None likewise.
        reasons: what limits the calibration, most important first.
    """

    grade: Literal["good", "usable", "not usable"]
    text: str
    up_to_m: float | None = None
    from_m: float | None = None
    reasons: tuple[str, ...] = ()


def judge(
    rig: Rig,
    camera: str,
    distances_m: Sequence[float],
    tolerance_px: float,
    objections: Sequence[str] = (),
) -> tuple[Verdict, tuple[PredictedError, ...]]:
    """Judge a rig by its predicted alignment error: 95 % of such rigs must stay within the tolerance.

    Args:
        rig: with covariance.
        camera: the one that is aligned to the reference.
        distances_m: where it will be used.
        tolerance_px: largest bearable root mean square error, pixels of the output grid.
        objections: reasons, found elsewhere, why the calibration must not be used at all.

    Returns:
        the verdict, and the predictions at the distances.
    """
    at = predicted_alignment_errors(rig, camera, distances_m)
    worst = max(at, key=lambda error: error.bound_px)
    if objections:
        return Verdict("not usable", f"not usable, because {objections[0]}", reasons=tuple(objections)), at
    if worst.bound_px <= tolerance_px:
        where = " and ".join(f"{d:g} m" for d in sorted({min(distances_m), max(distances_m)}))
        between = f"at {where}" if min(distances_m) == max(distances_m) else f"between {where}"
        text = f"good: alignment error below {worst.bound_px:.2f} px {between} (95 %)"
        return Verdict("good", text), at
    limit = limiting(rig, camera, worst.distance_m)
    grid = np.geomspace(NEAREST_OF * min(distances_m), FARTHEST_OF * max(distances_m), SEARCHED)
    searched = predicted_alignment_errors(rig, camera, grid.tolist())
    within = [error.distance_m for error in (*searched, *at) if error.bound_px <= tolerance_px]
    blamed = f"{limit[0]} ({worst.bound_px:.2g} px at {worst.distance_m:g} m): {limit[1]}"
    if not within:
        text = f"not usable, because the views leave too much freedom to {blamed}"
        return Verdict("not usable", text, reasons=(blamed,)), at
    nearest, farthest = min(within), max(within)
    reach = f"up to {farthest:.2g} m" if worst.distance_m > farthest else f"from {nearest:.2g} m"
    text = f"usable {reach}: beyond, the views leave too much freedom to {blamed}"
    if worst.distance_m <= farthest:
        return Verdict("usable", text.replace("beyond", "nearer"), from_m=nearest, reasons=(blamed,)), at
    return Verdict("usable", text, up_to_m=farthest, reasons=(blamed,)), at


def judge_camera(rig: Rig, held_out_ratio: float = 1.0) -> Verdict:
    """Judge a single camera by how well its focal length is known, and whether it fits views left out.

    Args:
        rig: of one camera, with covariance.
        held_out_ratio: reprojection error of views left out over that of the views used.

    Raises:
        RigsightError: CAL-006 when the rig has no covariance.
    """
    matrix = covariance_matrix(rig)
    row = rig.covariance.parameters.index(f"{rig.reference}.fx") if rig.covariance is not None else 0
    percent = 100 * float(np.sqrt(matrix[row, row])) / rig.cameras[rig.reference].K[0][0]
    known = f"the focal length is known to {percent:.2g} %"
    if percent <= GOOD_FOCAL_PERCENT and held_out_ratio > MOST_HELD_OUT_RATIO:
        reason = f"views left out fit {held_out_ratio:.1f} times worse: {ADVICE['lens']}"
        return Verdict("usable", f"usable where the boards were: {known}, but {reason}", reasons=(reason,))
    if percent <= GOOD_FOCAL_PERCENT:
        return Verdict("good", f"good: {known}")
    reason = f"{known} only: {ADVICE['lens']}"
    return Verdict("not usable", f"not usable, because {reason}", reasons=(reason,))


def limiting(rig: Rig, camera: str, distance_m: float) -> tuple[str, str]:
    """What of the rig causes most of the expected error there, and what helps.

    Fixing a group of parameters conditions the others on them; the group whose knowledge would remove most of
    the expected mean square error is the cause.
    """
    covariance = covariance_matrix(rig)
    S = mean_square_form(rig, camera, distance_m)
    names = rig.covariance.parameters if rig.covariance is not None else ()
    transform = f"T_{camera}_{rig.reference}."
    groups = {
        f"the lens of '{camera}'": [i for i, n in enumerate(names) if n.startswith(f"{camera}.")],
        f"the lens of '{rig.reference}'": [
            i for i, n in enumerate(names) if n.startswith(f"{rig.reference}.")
        ],
        "the relative pose": [i for i, n in enumerate(names) if n.startswith(transform)],
    }
    left = {}
    for group, known in groups.items():
        if not known:
            continue
        others = [i for i in range(len(names)) if i not in known]
        joint = covariance[np.ix_(others, known)]
        inside = covariance[np.ix_(known, known)]
        conditioned = covariance[np.ix_(others, others)] - joint @ np.linalg.pinv(inside) @ joint.T
        left[group] = float(np.trace(conditioned @ S[np.ix_(others, others)]))
    cause = min(left, key=lambda group: left[group])
    return cause, ADVICE["pose" if cause == "the relative pose" else "lens"]
