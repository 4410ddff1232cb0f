"""Board pictures -> rig: detection, intrinsics, extrinsics, surface, output grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rigsight.calibration import codes
from rigsight.calibration.align import Aligner, largest_rectangle
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import Detection, detect
from rigsight.calibration.extrinsics import calibrate_extrinsics
from rigsight.calibration.homography import matched_homography
from rigsight.calibration.intrinsics import FEWEST_VIEWS, CameraSolution, Model, Spectrum, calibrate_camera
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

NOT_FOUND = "the board is not found"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibration:
    """A rig and how well it fits its views.

    ``rms_px`` holds each camera's own reprojection error; the three stereo figures are None for a single
    camera. A small error is necessary, not sufficient: see :mod:`rigsight.calibration.accuracy`.
    """

    rig: Rig
    rms_px: dict[str, float]
    stereo_rms_px: float | None
    epipolar_px: float | None
    baseline_m: float | None
    views_used: tuple[str, ...]
    views_rejected: dict[str, str]
    views_reordered: tuple[str, ...] = ()
    points: dict[str, dict[str, Float64]] = field(default_factory=dict, repr=False)


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
        provenance: stored in the rig.
        progress: called with (pictures done, pictures in all).

    Raises:
        RigsightError: CAL-011 unreadable picture, CAL-013 numbers of pictures differ, CAL-014 mixed sizes,
            CAL-015 board in no picture, CAL-016 too few views, CAL-017 camera not determined, CAL-018 views
            contradict each other, CAL-019 no homography fits.
    """
    if len(reference_pictures) != len(camera_pictures):
        raise codes.PICTURES_UNPAIRED(
            f"{len(reference_pictures)} pictures of '{names[0]}' and {len(camera_pictures)} of '{names[1]}'"
        )
    views = _view_names(view_names, len(reference_pictures))
    total = 2 * len(views)
    sides = (reference_pictures, camera_pictures)
    found: list[dict[str, Detection]] = []
    for index, (name, pictures) in enumerate(zip(names, sides, strict=True)):
        found.append(_detect_all(pictures, views, board, name, progress, index * len(views), total))
    rejected: dict[str, str] = {}
    for view in views:
        missing = [name for name, side in zip(names, found, strict=True) if view not in side]
        if missing:
            rejected[view] = f"{' and '.join(missing)}: {NOT_FOUND}"
    common = len(views) - len(rejected)
    if common < FEWEST_VIEWS:
        raise codes.TOO_FEW_VIEWS(
            f"both cameras see the board in {common} of {len(views)} pairs, {FEWEST_VIEWS} are the least"
        )
    reference, camera = (
        _solve_camera(side, board, spectrum, model, name)
        for side, spectrum, model, name in zip(found, spectra, models, names, strict=True)
    )
    pair = calibrate_extrinsics(reference, camera, board, refine_intrinsics=refine_intrinsics)
    for reasons in (reference.rejected, camera.rejected, pair.rejected):
        rejected |= {view: reason for view, reason in reasons.items() if view not in rejected}
    matched = list(pair.points.values())
    chosen: Plane | Cylinder | MatchedHomography
    if surface == "homography":
        chosen = matched_homography(pair.reference, pair.camera, matched)
    else:
        chosen = surface or Plane(distance_m=10.0)
    rig = Rig(
        cameras={names[0]: pair.reference, names[1]: pair.camera},
        reference=names[0],
        transforms={names[1]: as_matrix4(pair.T_camera_reference)},
        surface=chosen,
        output=_own_grid(names[0], pair.reference),
        provenance=provenance or Provenance(),
    )
    return Calibration(
        rig=with_crop(rig),
        rms_px={names[0]: reference.rms_px, names[1]: camera.rms_px},
        stereo_rms_px=pair.rms_px,
        epipolar_px=pair.epipolar_px,
        baseline_m=float((pair.T_camera_reference[:3, 3] ** 2).sum() ** 0.5),
        views_used=tuple(pair.points),
        views_rejected={view: rejected[view] for view in views if view in rejected},
        views_reordered=pair.reordered,
        points={view: dict(zip(names, points, strict=True)) for view, points in pair.points.items()},
    )


def calibrate_single(
    pictures: Sequence[Picture],
    board: Board,
    *,
    name: str = "rgb",
    spectrum: Spectrum = "rgb",
    model: Model = "pinhole-radtan",
    view_names: Sequence[str] | None = None,
    provenance: Provenance | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate one camera; the rig holds it alone. Arguments and errors as in :func:`calibrate_pair`."""
    views = _view_names(view_names, len(pictures))
    found = _detect_all(pictures, views, board, name, progress, 0, len(views))
    solution = _solve_camera(found, board, spectrum, model, name)
    rig = Rig(
        cameras={name: solution.camera},
        reference=name,
        output=_own_grid(name, solution.camera),
        provenance=provenance or Provenance(),
    )
    rejected = {view: f"{name}: {NOT_FOUND}" for view in views if view not in found} | solution.rejected
    return Calibration(
        rig=with_crop(rig),
        rms_px={name: solution.rms_px},
        stereo_rms_px=None,
        epipolar_px=None,
        baseline_m=None,
        views_used=tuple(solution.poses),
        views_rejected={view: rejected[view] for view in views if view in rejected},
        points={view: {name: points} for view, points in solution.points.items()},
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


def _view_names(names: Sequence[str] | None, count: int) -> list[str]:
    return list(names) if names is not None else [f"{index:03d}" for index in range(count)]


def _detect_all(
    pictures: Sequence[Picture],
    views: Sequence[str],
    board: Board,
    name: str,
    progress: Progress | None,
    done: int,
    total: int,
) -> dict[str, Detection]:
    """View -> detection, for the views in which the board is found."""
    found: dict[str, Detection] = {}
    size: tuple[int, int] | None = None
    for index, (view, picture) in enumerate(zip(views, pictures, strict=True)):
        image = as_image(picture)
        its = (image.shape[1], image.shape[0])
        if size is not None and its != size:
            place = picture if isinstance(picture, (str, Path)) else view
            raise codes.PICTURES_OF_MIXED_SIZE(
                f"camera '{name}' has a picture of {its[0]}x{its[1]} after others of {size[0]}x{size[1]}",
                where=place,
            )
        size = its
        detection = detect(image, board)
        if detection is not None:
            found[view] = detection
        if progress:
            progress(done + index + 1, total)
    if not found:
        raise codes.BOARD_NOT_FOUND(
            f"{board.kind} of {board.columns} x {board.rows} in none of {len(pictures)} pictures of camera "
            f"'{name}'"
        )
    return found


def _solve_camera(
    found: dict[str, Detection], board: Board, spectrum: Spectrum, model: Model, name: str
) -> CameraSolution:
    size = next(iter(found.values())).size
    points = {view: detection.points for view, detection in found.items()}
    return calibrate_camera(points, board, size, spectrum=spectrum, model=model, name=name)


def _own_grid(name: str, camera: Camera) -> OutputGrid:
    return OutputGrid(camera=name, width=camera.width, height=camera.height, K=as_matrix3(camera.matrix))
