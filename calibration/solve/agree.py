"""Views put together: one order of the points, one relative pose on which they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.checks.pairing import Poses, explained
from rigsight.calibration.solve.camera import FEWEST_VIEWS, CameraSolution
from rigsight.calibration.solve.orders import Consensus, agree_on_orders, board_turn
from rigsight.calibration.solve.views import View, reordered

AMBIGUOUS = 0.8  # support of a contradicting relative pose, as a part of the best one's
OTHER_POSE = "the relative pose of the cameras differs from that of the other views"


@dataclass(frozen=True)
class Agreed:
    """Views that fit together.

    Attributes:
        views: with the points in orders that agree.
        camera_poses: view -> T_camera_board in those orders, of the views that the other camera saw.
        pose: T_camera_reference on which they agree, float64 [4,4].
        reordered: views in which the two detections began at different corners.
        contradicting: view -> reason.
    """

    views: list[View]
    camera_poses: dict[str, Float64]
    pose: Float64
    reordered: tuple[str, ...]
    contradicting: dict[str, str]


def agree(
    views: Sequence[View],
    board: Board,
    reference: CameraSolution,
    other: CameraSolution,
    names: tuple[str, str],
) -> Agreed:
    """Find the relative pose that the views share, and bring their points into agreeing orders.

    Raises:
        RigsightError: CAL-016 too few pairs, CAL-018 they contradict each other (CAL-074, CAL-075 where the
            reason is known), CAL-009 two poses fit equally well.
    """
    common = [view.name for view in views if view.name in reference.poses and view.name in other.poses]
    if len(common) < FEWEST_VIEWS:
        raise codes.TOO_FEW_VIEWS(
            f"both cameras see the board in {len(common)} pairs, {FEWEST_VIEWS} are the least"
        )
    consensus = agree_on_orders(
        [reference.poses[view] for view in common], [other.poses[view] for view in common], board
    )
    offered = Poses([view.name for view in views], reference.poses, other.poses, names)
    _require_agreement(consensus, len(common), offered, board)
    orders = dict(zip(common, consensus.orders, strict=True))
    identity = board.orders()[0]
    camera_poses = dict(other.poses)
    agreed, swapped, contradicting = [], [], {}
    for view in views:
        order = orders.get(view.name, identity)
        if order is None:
            contradicting[view.name] = OTHER_POSE
            continue
        if not np.array_equal(order, identity):
            swapped.append(view.name)
            camera_poses[view.name] = other.poses[view.name] @ board_turn(board, order)
            seen = reordered(view.seen[names[1]], board, order)
            view = View(view.name, {**view.seen, names[1]: seen})
        agreed.append(view)
    return Agreed(agreed, camera_poses, consensus.pose, tuple(swapped), contradicting)


def _require_agreement(consensus: Consensus, count: int, poses: Poses, board: Board) -> None:
    if consensus.support < max(FEWEST_VIEWS, count / 2):
        raise explained(poses, board) or codes.VIEWS_CONTRADICT(
            f"only {consensus.support} of {count} pairs agree on the relative pose of the cameras"
        )
    if consensus.rival_support >= AMBIGUOUS * consensus.support:
        raise codes.ORDER_AMBIGUOUS(
            f"two relative poses of the cameras fit {consensus.support} and {consensus.rival_support} of "
            f"{count} pairs"
        )
