"""The normal equations of one step: the problem linearised at a state, gathered view by view.

A board's pose touches only its own view, so the normal matrix is an arrow: a small shared block, one 6x6
block a view and what joins them. Eliminating the poses (Schur complement) leaves the shared block: the
information that each view holds about the rig, which simply adds up over views.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.solve.lens import project_with_derivatives
from rigsight.calibration.solve.state import State, bend_shapes, cross_matrices
from rigsight.calibration.solve.views import Observations

HUBER = 3.0  # whitened distance from which a point counts less (1.1 % of normal errors lie beyond)


@dataclass(frozen=True)
class Target:
    """The board as the solver needs it."""

    points: Float64  # [N,3], metres
    shapes: Float64  # [N,2], see bend_shapes

    @classmethod
    def of(cls, board: Board) -> Target:
        """Points and bend of a board."""
        return cls(board.object_points(), bend_shapes(board))


@dataclass(frozen=True)
class Arrow:
    """Normal equations. ``shared`` [S,S], ``joint`` [V,S,6], ``own`` [V,6,6]; right sides [S] and [V,6]."""

    shared: Float64
    joint: Float64
    own: Float64
    shared_side: Float64
    own_side: Float64

    def __add__(self, other: Arrow) -> Arrow:
        return Arrow(
            self.shared + other.shared,
            self.joint + other.joint,
            self.own + other.own,
            self.shared_side + other.shared_side,
            self.own_side + other.own_side,
        )


def residuals(state: State, camera: int, seen: Observations, target: Target) -> Float64:
    """Observed minus predicted, pixels, float64 [M,2]."""
    points, _ = _in_camera(state, camera, seen, target)
    lens = state.cameras[camera]
    predicted: Float64 = seen.pixels - project_with_derivatives(lens, points).pixels
    return predicted


def cost_and_weights(state: State, camera: int, seen: Observations, target: Target) -> tuple[float, Float64]:
    """Huber cost of whitened residuals, and the weight of every point, float64 [M]."""
    points, _ = _in_camera(state, camera, seen, target)
    if (points[:, 2] <= 0).any():
        return float("inf"), np.ones(len(points))
    off = seen.pixels - project_with_derivatives(state.cameras[camera], points).pixels
    length = np.linalg.norm((seen.whiten @ off[:, :, None])[:, :, 0], axis=1)
    large = length > HUBER
    cost = np.where(large, HUBER * (2 * length - HUBER), length**2).sum()
    return float(cost), np.where(large, HUBER / np.maximum(length, HUBER), 1.0)


def linearise(state: State, camera: int, seen: Observations, target: Target, weights: Float64) -> Arrow:
    """One camera's share of the normal equations at a state."""
    points, on_board = _in_camera(state, camera, seen, target)
    projected = project_with_derivatives(state.cameras[camera], points)
    root = np.sqrt(weights)[:, None, None] * seen.whiten
    off = (root @ (seen.pixels - projected.pixels)[:, :, None])[:, :, 0]
    by_point = root @ projected.by_point

    extrinsic = state.extrinsics[camera]
    rotation = extrinsic[:3, :3]
    board_rotation = state.poses[seen.view, :3, :3]
    turned_point = (board_rotation @ on_board[:, :, None])[:, :, 0]
    by_reference = by_point @ rotation
    by_pose = np.concatenate([-by_reference @ cross_matrices(turned_point), by_reference], axis=2)

    by_shared = np.zeros((len(off), 2, state.shared_count))
    by_shared[:, :, state.lens_columns(camera)] = (root @ projected.by_lens)[:, :, state.free[camera]]
    if camera:
        arm = points - extrinsic[:3, 3]
        by_extrinsic = np.concatenate([-by_point @ cross_matrices(arm), by_point], axis=2)
        by_shared[:, :, state.pose_columns(camera)] = by_extrinsic
    if state.bend is not None:
        outward = by_reference @ board_rotation[:, :, 2:]
        by_shared[:, :, -2:] = outward * target.shapes[seen.ids][:, None, :]

    views, starts = np.unique(seen.view, return_index=True)
    count = len(state.poses)
    joint, own, own_side = (np.zeros((count, *shape)) for shape in ((state.shared_count, 6), (6, 6), (6,)))
    joint[views] = _by_view(by_shared, by_pose, starts)
    own[views] = _by_view(by_pose, by_pose, starts)
    own_side[views] = np.add.reduceat((by_pose * off[:, :, None]).sum(axis=1), starts)
    flat = by_shared.reshape(-1, state.shared_count)
    return Arrow(flat.T @ flat, joint, own, flat.T @ off.reshape(-1), own_side)


def _by_view(first: Float64, second: Float64, starts: NDArray[np.intp]) -> Float64:
    """Sums of first^T second over the points of each view, float64 [views,P,Q]."""
    ends = [*starts[1:], len(first)]
    sums = [
        first[a:b].reshape(-1, first.shape[2]).T @ second[a:b].reshape(-1, second.shape[2])
        for a, b in zip(starts, ends, strict=True)
    ]
    return np.array(sums)


def _in_camera(state: State, camera: int, seen: Observations, target: Target) -> tuple[Float64, Float64]:
    """Points in the camera's frame and on the board, metres, float64 [M,3] each."""
    on_board = target.points[seen.ids]
    if state.bend is not None:
        on_board = on_board + np.array([0, 0, 1.0]) * (target.shapes[seen.ids] @ state.bend)[:, None]
    pose = state.extrinsics[camera] @ state.poses[seen.view]
    points: Float64 = (pose[:, :3, :3] @ on_board[:, :, None])[:, :, 0] + pose[:, :3, 3]
    return points, on_board
