"""Pairs that do not show one instant: swapped folders, names shifted by one, a mirrored camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.checks.pictures import is_coloured
from rigsight.calibration.pictures import Image
from rigsight.calibration.solve.orders import agree_on_orders

SHIFTS = (-2, -1, 1, 2)
FEWEST_AGREEING = 6
CLEARLY = 2.0  # times the support that the pairs have as they are


def swapped_folders(
    first: Image, second: Image, names: Sequence[str], spectra: Sequence[str]
) -> RigsightError | None:
    """CAL-073 when the camera said to be thermal sends colours and the one said to see light sends none.

    Args:
        first: a picture of the reference camera.
        second: one of the other.
        names: of both cameras.
        spectra: said of them.
    """
    if set(spectra) != {"rgb", "thermal"}:
        return None
    rgb, thermal = (first, second) if spectra[0] == "rgb" else (second, first)
    if rgb.ndim != 2 or thermal.ndim != 3 or not (rgb.dtype == np.uint16 or is_coloured(thermal)):
        return None
    kind = "16-bit " if rgb.dtype == np.uint16 else ""
    who = dict(zip(spectra, names, strict=True))
    return codes.FOLDERS_SWAPPED(
        f"the folders seem swapped: '{who['thermal']}' (thermal) has pictures in colour and '{who['rgb']}' "
        f"(rgb) {kind}grey ones"
    )


@dataclass(frozen=True)
class Poses:
    """The board's poses in both cameras, each camera solved alone; a view may be missing in either.

    Attributes:
        order: all views, in the order of the recording.
        reference: view -> T_reference_board, float64 [4,4].
        camera: view -> T_camera_board.
        names: of the reference and the other camera.
    """

    order: Sequence[str]
    reference: Mapping[str, Float64]
    camera: Mapping[str, Float64]
    names: tuple[str, str]


def explained(poses: Poses, board: Board) -> RigsightError | None:
    """Why the views contradict each other, where another pairing or a mirror image would set them right.

    Returns CAL-074 (one camera's pictures are mirrored), CAL-075 (the pictures are paired with those one or
    two instants away), or None.
    """
    as_they_are = support(poses, board)
    needed = max(FEWEST_AGREEING, CLEARLY * as_they_are)
    shifts = {shift: support(_shifted(poses, shift), board) for shift in SHIFTS}
    best = max(shifts, key=lambda shift: shifts[shift])
    if shifts[best] >= needed:
        count = "one view" if abs(best) == 1 else f"{abs(best)} views"
        return codes.PAIRS_SHIFTED(
            f"the pictures of '{poses.names[0]}' fit those that '{poses.names[1]}' took {count} "
            f"{'later' if best > 0 else 'earlier'} ({shifts[best]} views then agree on the relative pose of "
            f"the cameras, {as_they_are} as they are)"
        )
    for side in (1, 0):
        seen = support(_mirrored(poses, board, side), board)
        if seen >= needed:
            return codes.MIRRORED(
                f"the pictures of '{poses.names[side]}' seem mirrored against those of "
                f"'{poses.names[1 - side]}' ({seen} views agree on the relative pose of the cameras when "
                f"turned back, {as_they_are} as they are)"
            )
    return None


def support(poses: Poses, board: Board) -> int:
    """How many views agree on one relative pose of the cameras."""
    common = [view for view in poses.order if view in poses.reference and view in poses.camera]
    if not common:
        return 0
    reference = [poses.reference[view] for view in common]
    return agree_on_orders(reference, [poses.camera[view] for view in common], board).support


def _shifted(poses: Poses, shift: int) -> Poses:
    """Each view with the other camera's picture of ``shift`` views later."""
    later = {
        view: poses.camera[poses.order[index + shift]]
        for index, view in enumerate(poses.order)
        if 0 <= index + shift < len(poses.order) and poses.order[index + shift] in poses.camera
    }
    return Poses(poses.order, poses.reference, later, poses.names)


def _mirrored(poses: Poses, board: Board, side: int) -> Poses:
    """The poses if the pictures of one camera were mirrored: X' = M X in the camera, F on the board.

    The board's points lie the same way after a reflection F of the board, so that a mirrored board is found,
    too, under a wrong name for each point; M T F is the pose behind the mirror.
    """
    reflection = board_reflection(board)
    if reflection is None:
        return Poses(poses.order, {}, {}, poses.names)
    M = np.diag([-1.0, 1.0, 1.0, 1.0])
    sides = [poses.reference, poses.camera]
    sides[side] = {view: M @ T @ reflection for view, T in sides[side].items()}
    return Poses(poses.order, sides[0], sides[1], poses.names)


def board_reflection(board: Board) -> Float64 | None:
    """A reflection within the board's plane that maps its points onto themselves, float64 [4,4], or None.

    >>> F = board_reflection(Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05))
    >>> np.diag(F).tolist()
    [1.0, -1.0, 1.0, 1.0]
    """
    if board.marker_count:
        return None  # mirrored markers are not found in the first place
    points = board.object_points()[:, :2]
    ends = points.min(axis=0) + points.max(axis=0)
    known = {tuple(cell) for cell in np.rint(points / board.step_m).astype(int).tolist()}
    for axis in (0, 1):
        turned = points.copy()
        turned[:, axis] = ends[axis] - points[:, axis]
        if {tuple(cell) for cell in np.rint(turned / board.step_m).astype(int).tolist()} == known:
            reflection = np.eye(4)
            reflection[axis, axis], reflection[axis, 3] = -1.0, ends[axis]
            return reflection
    return None
