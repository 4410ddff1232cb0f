"""Board pictures -> rig: the board in every picture, then all that follows from the detections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rigsight.calibration import codes
from rigsight.calibration.boards import Board
from rigsight.calibration.checks.pairing import swapped_folders
from rigsight.calibration.checks.pictures import false_colours
from rigsight.calibration.detect_views import Progress, detect_views
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.from_detections import TOLERANCE_PX, solve_detected
from rigsight.calibration.pictures import Picture, as_image
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Cylinder, Plane, Provenance
from rigsight.calibration.solve.first_guess import Model, Spectrum
from rigsight.calibration.solve.joint import Setup


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


def _view_names(names: Sequence[str] | None, count: int) -> list[str]:
    return list(names) if names is not None else [f"{index:03d}" for index in range(count)]
