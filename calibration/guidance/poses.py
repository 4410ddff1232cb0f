"""Where a board may be held: over the picture, at several distances and tilts, seen by both cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.solve.state import State, rotation_matrices

MARGIN = 0.03  # of the picture's longer side that stays free round the points
OUTLINE_STEPS = 12  # points a side: lenses bend the board's edges

# Candidates: places across the picture, share of the picture that the board fills, tilt (direction, degrees)
# and turn in the picture's plane.
PLACES = (-0.8, -0.4, 0.0, 0.4, 0.8)
FILLS = (0.45, 0.65, 0.8, 0.95)
TILTS_DEG = (25.0, 45.0)
TILT_DIRECTIONS = 8
ROLLS_DEG = (0.0, 90.0)  # the second for boards whose first point is known in any position


@dataclass(frozen=True)
class Wish:
    """A pose in terms of the picture.

    Attributes:
        place: of the board's middle, -1 to 1 over the picture's width and height.
        fill: part of the picture, in the camera where it looks largest, that the board's points span.
        tilt_deg: angle between board and picture.
        towards_deg: which side goes away from the cameras: 0 right, 90 bottom, 180 left, 270 top.
        roll_deg: turn in the picture's plane, clockwise.
    """

    place: tuple[float, float]
    fill: float
    tilt_deg: float
    towards_deg: float
    roll_deg: float = 0.0


# The first view, before anything is known: in the middle and not near, so that both cameras see it.
FIRST = (
    Wish((0.0, 0.0), 0.5, 30, 270),
    Wish((0.0, 0.0), 0.4, 30, 0),
    Wish((0.0, 0.0), 0.33, 30, 90),
    Wish((0.0, 0.0), 0.25, 30, 180),
)


def wishes(board: Board) -> list[Wish]:
    """All candidates."""
    rolls = ROLLS_DEG if len(board.orders()) == 1 else ROLLS_DEG[:1]
    directions = np.arange(TILT_DIRECTIONS) * 360 / TILT_DIRECTIONS
    return [
        Wish((x, y), fill, tilt, float(towards), roll)
        for x in PLACES
        for y in PLACES
        for fill in FILLS
        for tilt in TILTS_DEG
        for towards in directions
        for roll in rolls
    ]


def poses_of(rig: State, board: Board, wanted: Sequence[Wish]) -> Float64:
    """T_reference_board of wishes, float64 [N,4,4]; whether they are seen is another question."""
    points = board.object_points()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    extent = np.ptp(points[:, :2], axis=0)
    reference = rig.cameras[0]
    half = (np.array(reference.size) - 1) / 2
    places = np.array([wish.place for wish in wanted]) * half + half
    rays = np.column_stack([undistort(reference, places), np.ones(len(places))])
    towards = np.radians([wish.towards_deg for wish in wanted])
    tilt = np.radians([wish.tilt_deg for wish in wanted])
    # Turning by +x brings the bottom away, by -y the right side.
    axis = np.column_stack([np.sin(towards), -np.cos(towards), np.zeros(len(tilt))]) * tilt[:, None]
    roll = np.radians([wish.roll_deg for wish in wanted])
    spin = np.column_stack([np.zeros((len(roll), 2)), roll])
    poses = np.tile(np.eye(4), (len(wanted), 1, 1))
    poses[:, :3, :3] = rotation_matrices(axis) @ rotation_matrices(spin)
    # At unit distance a board fills focal * extent / size of a picture.
    c, s = np.abs(np.cos(roll)), np.abs(np.sin(roll))
    across = np.column_stack([c * extent[0] + s * extent[1], s * extent[0] + c * extent[1]])
    largest = max(
        (np.array([camera.K[0][0], camera.K[1][1]]) / np.array(camera.size) for camera in rig.cameras),
        key=lambda share: float((share * extent).max()),
    )
    depth = (across * largest).max(axis=1) / np.array([wish.fill for wish in wanted])
    poses[:, :3, 3] = rays * depth[:, None] - poses[:, :3, :3] @ middle
    return poses


def seen_by_all(rig: State, board: Board, poses: Float64, margin: float = MARGIN) -> np.ndarray:
    """Whether every camera sees the whole pattern with a margin, bool [N]."""
    points = board.object_points()
    # Detectors need all of the outer squares or circles.
    beyond = board.circle_m / 2 or board.step_m
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    points = points + beyond * np.sign(points - middle)
    seen = np.ones(len(poses), dtype=bool)
    for camera, extrinsic in zip(rig.cameras, rig.extrinsics, strict=True):
        T = extrinsic @ poses
        inside = project(camera, points @ T[:, :3, :3].transpose(0, 2, 1) + T[:, None, :3, 3])
        free = margin * max(camera.size)
        inside_ok = (inside >= free) & (inside <= np.array(camera.size) - 1 - free)  # NaN is not inside
        seen &= inside_ok.all(axis=(1, 2))
    return seen


def first_poses(rig: State, board: Board) -> list[Float64]:
    """T_reference_board of the first view and of what to try instead, as far as they are seen."""
    middle = common_middle(rig, board)
    poses = poses_of(rig, board, [replace(wish, place=middle) for wish in FIRST])
    return list(poses[seen_by_all(rig, board, poses)])


def common_middle(rig: State, board: Board) -> tuple[float, float]:
    """Middle of what all cameras see at the board's range, in the reference picture (-1 to 1)."""
    reference = rig.cameras[0]
    half = (np.array(reference.size) - 1) / 2
    depth = 2 * float(np.linalg.norm(np.ptp(board.object_points(), axis=0)))
    middles = [np.zeros(2)]
    for camera, extrinsic in zip(rig.cameras[1:], rig.extrinsics[1:], strict=True):
        centre = undistort(camera, (np.array([camera.size]) - 1) / 2.0)[0]
        point = np.linalg.inv(extrinsic) @ np.array([centre[0] * depth, centre[1] * depth, depth, 1.0])
        pixel = project(reference, point[None, :3])[0]
        middles.append(np.nan_to_num((pixel - half) / half))
    x, y = np.clip(np.mean(middles, axis=0), -1, 1)
    return float(x), float(y)


def outline(rig: State, camera: int, board: Board, pose: Float64) -> Float64:
    """The board's edge in a camera's picture, pixels float64 [4*OUTLINE_STEPS,2], from the first corner on.

    NaN where the camera does not see it.
    """
    x0, y0, x1, y1 = board.outline_m
    corners = np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]])
    along = np.arange(OUTLINE_STEPS)[:, None] / OUTLINE_STEPS
    edge = np.concatenate(
        [a + along * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    T = rig.extrinsics[camera] @ pose
    return project(rig.cameras[camera], edge @ T[:3, :3].T + T[:3, 3])
