"""Board pictures -> rig: detection, joint solution, uncertainty, surface, output grid, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.align import Aligner, largest_rectangle
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.checks.model import model_objections
from rigsight.calibration.checks.pairing import swapped_folders
from rigsight.calibration.checks.pictures import false_colours
from rigsight.calibration.checks.repeats import repeated_views, require_two_cameras
from rigsight.calibration.detect_views import NOT_FOUND, Progress, detect_views
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.homography import matched_homography
from rigsight.calibration.pictures import Picture, as_image
from rigsight.calibration.rig import (
    Camera,
    Cylinder,
    MatchedHomography,
    OutputGrid,
    Plane,
    Provenance,
    Rig,
    as_matrix3,
    as_matrix4,
)
from rigsight.calibration.solve.camera import FEWEST_VIEWS, rms
from rigsight.calibration.solve.epipolar import epipolar_error_px
from rigsight.calibration.solve.first_guess import Model, Spectrum
from rigsight.calibration.solve.held_out import HeldOut, held_out_error
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import View
from rigsight.calibration.uncertainty import PredictedError
from rigsight.calibration.verdict import Verdict, judge, judge_camera

REFERENCE_PLANE_M = 10.0
TOLERANCE_PX = 1.0
DISTANCES_OF_SURFACE = (0.5, 1.0, 2.0)  # judged at these times the reference distance unless told


@dataclass(frozen=True)
class Calibration:
    """A rig, how well it fits its views, and what it is good for.

    The reprojection and epipolar errors say how well the model fits; ``alignment`` and ``verdict`` say what
    counts. The stereo figures, alignment and verdict are None or empty for a single camera.

    Attributes:
        rig: with covariance.
        rms_px: each camera's reprojection error, root mean square of the point distances, pixels.
        stereo_rms_px: the same over both cameras.
        epipolar_px: mean distance of undistorted points to their epipolar lines, both directions, pixels.
        baseline_m: distance of the cameras, metres.
        views_used: views with both cameras (all used views for a single one).
        views_rejected: view -> reason.
        views_reordered: views in which the cameras disagreed about the order of the points.
        points: view -> camera -> points that the solution rests on, pixels, float64 [N,2].
        alignment: predicted error at the judged distances.
        verdict: what the rig may be used for.
        solution: everything the solver knows: residuals, board poses, noise, bend.
        held_out: error on views left out, None with too few views.
    """

    rig: Rig
    rms_px: dict[str, float]
    stereo_rms_px: float | None
    epipolar_px: float | None
    baseline_m: float | None
    views_used: tuple[str, ...]
    views_rejected: dict[str, str]
    views_reordered: tuple[str, ...]
    solution: Solution = field(repr=False)
    held_out: HeldOut | None = None
    points: dict[str, dict[str, Float64]] = field(default_factory=dict, repr=False)
    alignment: tuple[PredictedError, ...] = ()
    verdict: Verdict | None = None

    @property
    def residuals(self) -> Mapping[str, Mapping[str, Float64]]:
        """View -> camera -> observed minus predicted, pixels, float64 [N,2]."""
        return self.solution.residuals

    @property
    def poses(self) -> dict[str, Float64]:
        """View -> T_<reference>_board, float64 [4,4]."""
        return self.solution.poses

    @property
    def noise_px(self) -> dict[str, float]:
        """Camera -> standard deviation of a point along one axis, pixels."""
        return self.solution.noise_px


def calibrate_pair(
    reference_pictures: Sequence[Picture],
    camera_pictures: Sequence[Picture],
    board: Board,
    *,
    names: tuple[str, str] = ("rgb", "thermal"),
    spectra: tuple[Spectrum, Spectrum] = ("rgb", "thermal"),
    models: tuple[Model, Model] = ("pinhole-radtan", "pinhole-radtan"),
    surface: Plane | Cylinder | Literal["homography"] | None = None,
    view_names: Sequence[str] | None = None,
    refine_intrinsics: bool = True,
    bend: bool = False,
    distances_m: Sequence[float] | None = None,
    tolerance_px: float = TOLERANCE_PX,
    provenance: Provenance | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate two cameras from pictures of a board taken at the same instants.

    A view that only one camera sees still serves that camera's intrinsics. The output grid is the
    reference camera without its distortion, cropped to the largest rectangle that both cameras fill.

    Args:
        reference_pictures: arrays uint8 or uint16 [H,W] or [H,W,3], or paths, of the reference camera.
        camera_pictures: those of the other camera, in the same order.
        board: the board in them.
        names: of the reference and the other camera.
        spectra: likewise.
        models: likewise.
        surface: reference surface stored in the rig (a plane at 10 m when None); ``"homography"`` fits a
            RANSAC homography to the matched points instead.
        view_names: for the lists of used and rejected views; numbers when None.
        refine_intrinsics: optimise intrinsics jointly with the pose.
        bend: estimate how the board deviates from flat.
        distances_m: where the rig will be used, for the verdict; around the reference plane when None.
        tolerance_px: largest bearable alignment error, for the verdict.
        provenance: stored in the rig.
        progress: called with (pictures done, pictures in all).

    Raises:
        RigsightError: CAL-011 unreadable picture, CAL-013 numbers of pictures differ, CAL-014 mixed sizes,
            CAL-015 board in no picture, CAL-016 too few views, CAL-017 camera not determined, CAL-018 views
            contradict each other, CAL-019 no homography fits, CAL-009 the board's symmetry leaves two poses,
            CAL-070 thermal pictures in false colours, CAL-073 swapped, CAL-074 mirrored, CAL-075 shifted or
            CAL-076 unsynchronised cameras.
    """
    if len(reference_pictures) != len(camera_pictures):
        raise codes.PICTURES_UNPAIRED(
            f"{len(reference_pictures)} pictures of '{names[0]}' and {len(camera_pictures)} of '{names[1]}'"
        )
    order = _view_names(view_names, len(reference_pictures))
    _check_kinds((reference_pictures, camera_pictures), names, spectra)
    found: dict[str, dict[str, Detection]] = {}
    unseen: dict[str, dict[str, str]] = {name: {} for name in names}
    for name, pictures in zip(names, (reference_pictures, camera_pictures), strict=True):
        done = len(found) * len(order)
        found[name] = detect_views(pictures, order, board, name, progress, done, 2 * len(order), unseen[name])
    setups = [
        Setup(name, spectrum, model) for name, spectrum, model in zip(names, spectra, models, strict=True)
    ]
    return solve_detected(
        found,
        order,
        board,
        setups,
        unseen=unseen,
        surface=surface,
        refine_intrinsics=refine_intrinsics,
        bend=bend,
        distances_m=distances_m,
        tolerance_px=tolerance_px,
        provenance=provenance,
    )


def calibrate_single(
    pictures: Sequence[Picture],
    board: Board,
    *,
    name: str = "rgb",
    spectrum: Spectrum = "rgb",
    model: Model = "pinhole-radtan",
    view_names: Sequence[str] | None = None,
    bend: bool = False,
    provenance: Provenance | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate one camera; the rig holds it alone. Arguments and errors as in :func:`calibrate_pair`."""
    order = _view_names(view_names, len(pictures))
    _check_kinds((pictures,), (name,), (spectrum,))
    unseen: dict[str, str] = {}
    found = {name: detect_views(pictures, order, board, name, progress, unseen=unseen)}
    setups = [Setup(name, spectrum, model)]
    return solve_detected(
        found, order, board, setups, unseen={name: unseen}, bend=bend, provenance=provenance
    )


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
    :func:`calibrate_pair`.
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
        output=_own_grid(reference, solution.cameras[reference]),
        covariance=solution.covariance,
        provenance=provenance or Provenance(),
    )


def with_crop(rig: Rig) -> Rig:
    """The rig with its output cropped to the largest rectangle that every camera fills."""
    aligners = [Aligner(rig, name) for name in rig.cameras]
    valid = aligners[0].valid
    for aligner in aligners[1:]:
        valid = valid & aligner.valid
    crop = largest_rectangle(valid)
    if crop[2] == 0 or crop[3] == 0:
        raise codes.VIEWS_CONTRADICT(
            "the calibrated cameras would see nothing in common on the reference surface"
        )
    return rig.model_copy(update={"output": rig.output.model_copy(update={"crop": crop})})


def _check_kinds(
    sides: Sequence[Sequence[Picture]], names: Sequence[str], spectra: Sequence[Spectrum]
) -> None:
    """The first picture of each camera must be of its spectrum's kind. Raises CAL-070, CAL-073."""
    if not all(len(side) for side in sides):
        return
    first = [as_image(side[0]) for side in sides]
    swapped = swapped_folders(first[0], first[1], names, spectra) if len(first) > 1 else None
    if swapped:
        raise swapped
    for image, side, name, spectrum in zip(first, sides, names, spectra, strict=True):
        where = side[0] if isinstance(side[0], (str, Path)) else None
        error = false_colours(image, name, where) if spectrum == "thermal" else None
        if error:
            raise error


def _why_missing(view: str, who: Sequence[str], unseen: Mapping[str, Mapping[str, str]]) -> str:
    reasons = {name: unseen.get(name, {}).get(view, NOT_FOUND) for name in who}
    if len(set(reasons.values())) == 1:
        return f"{' and '.join(who)}: {next(iter(reasons.values()))}"
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _view_names(names: Sequence[str] | None, count: int) -> list[str]:
    return list(names) if names is not None else [f"{index:03d}" for index in range(count)]


def _own_grid(name: str, camera: Camera) -> OutputGrid:
    return OutputGrid(camera=name, width=camera.width, height=camera.height, K=as_matrix3(camera.matrix))
