"""Which point is the first: two cameras may disagree where a board looks the same after a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64

# A wrong order of the points turns the relative pose by 90 or 180 degrees, noise by a few.
AGREEMENT_DEG = 10.0
AGREEMENT_OF_DEPTH = 0.2


@dataclass(frozen=True)
class Consensus:
    """One relative pose on which the views agree.

    Attributes:
        orders: for each view the order of the camera's points, or None where no order supports the pose.
        pose: T_camera_reference that most views support, float64 [4,4].
        support: how many views support it.
        rival_support: how many support the best pose that contradicts it; equal support is ambiguity.
    """

    orders: list[NDArray[np.intp] | None]
    pose: Float64
    support: int
    rival_support: int


def agree_on_orders(
    reference_poses: Sequence[Float64], camera_poses: Sequence[Float64], board: Board
) -> Consensus:
    """The orders of the camera's points under which all views agree on one relative pose.

    Where a board looks the same after a turn, the two detections may start at different corners; a solver
    then returns a wrong pose without complaint. Each view proposes a relative pose for each of the board's
    orders, and the proposal that most views support wins.

    Args:
        reference_poses: T_reference_board of each view, at least one.
        camera_poses: T_camera_board of each view, of the points in their detected order.
        board: which orders there are.
    """
    orders = board.orders()
    turns = [board_turn(board, order) for order in orders]
    proposals = np.array(
        [
            [camera @ turn @ np.linalg.inv(reference) for turn in turns]
            for reference, camera in zip(reference_poses, camera_poses, strict=True)
        ]
    )
    depths = np.array([np.linalg.norm(pose[:3, 3]) for pose in reference_poses])
    candidates = proposals.reshape(-1, 4, 4)
    costs = np.array([_disagreement(proposals, candidate, depths).min(axis=1) for candidate in candidates])
    totals = np.minimum(costs, 1).sum(axis=1)
    best = int(np.argmin(totals))
    pose = candidates[best]
    apart = _disagreement(candidates[:, None], pose, np.full(len(candidates), np.median(depths)))[:, 0] >= 1
    rivals = (costs[apart] < 1).sum(axis=1)
    each = _disagreement(proposals, pose, depths)
    return Consensus(
        orders=[orders[int(np.argmin(cost))] if cost.min() < 1 else None for cost in each],
        pose=pose,
        support=int((costs[best] < 1).sum()),
        rival_support=int(rivals.max(initial=0)),
    )


def board_turn(board: Board, order: NDArray[np.intp]) -> Float64:
    """The motion F of the board with F X_k = X_order[k], float64 [4,4]."""
    points = board.object_points()[:, :2]
    middle = points.mean(axis=0)
    rotation = np.linalg.lstsq(points - middle, points[order] - middle, rcond=None)[0].T
    turn = np.eye(4)
    turn[:2, :2] = rotation
    turn[:2, 3] = middle - rotation @ middle
    return turn


def _disagreement(proposals: Float64, pose: Float64, depths: Float64) -> Float64:
    """How far poses [V,O,4,4] are from ``pose``: 1 at the limit of agreement, float64 [V,O]."""
    traces = np.einsum("voij,ij->vo", proposals[..., :3, :3], pose[:3, :3])
    angles = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))
    shifts = np.linalg.norm(proposals[..., :3, 3] - pose[:3, 3], axis=-1) / depths[:, None]
    worse: Float64 = np.maximum(angles / AGREEMENT_DEG, shifts / AGREEMENT_OF_DEPTH)
    return worse
