"""The pose between two cameras from views of one board seen by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.intrinsics import (
    CRITERIA,
    FEWEST_VIEWS,
    MAX_REJECTED,
    OUTLIER_AT_LEAST_PX,
    OUTLIER_OF_MEDIAN,
    CameraSolution,
)
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera, as_matrix3

# A wrong order of the points turns the relative pose by 90 or 180 degrees, noise by a few.
AGREEMENT_DEG = 10.0
AGREEMENT_OF_DEPTH = 0.2


@dataclass(frozen=True)
class PairSolution:
    """Two calibrated cameras and their relative pose.

    Attributes:
        reference: intrinsics of the reference camera.
        camera: intrinsics of the other.
        T_camera_reference: float64 [4,4], metres.
        rms_px: root mean square reprojection error over both cameras, pixels.
        epipolar_px: mean distance of undistorted points to their epipolar lines, both directions, pixels.
        points: view -> matching points of reference and camera, float64 [N,2] each, pixels.
        rejected: view -> reason.
        reordered: views in which the two detections disagreed about the order of the points.
    """

    reference: Camera
    camera: Camera
    T_camera_reference: Float64
    rms_px: float
    epipolar_px: float
    points: dict[str, tuple[Float64, Float64]]
    rejected: dict[str, str]
    reordered: tuple[str, ...]


def calibrate_extrinsics(
    reference: CameraSolution, camera: CameraSolution, board: Board, *, refine_intrinsics: bool = True
) -> PairSolution:
    """Solve the relative pose over the views that both solutions used.

    With ``refine_intrinsics`` both cameras' intrinsics are optimised jointly with it (pinhole-radtan
    only). The pictures of the two cameras may differ in size.

    Raises:
        RigsightError: CAL-016 fewer than 6 common views, CAL-018 the views contradict each other.
    """
    common = [view for view in reference.poses if view in camera.poses]
    if len(common) < FEWEST_VIEWS:
        raise codes.TOO_FEW_VIEWS(
            f"both cameras see the board in {len(common)} pairs, {FEWEST_VIEWS} are the least"
        )
    orders = agree_on_orders(
        [reference.poses[view] for view in common], [camera.poses[view] for view in common], board
    )
    points = {
        view: (reference.points[view], camera.points[view][order])
        for view, order in zip(common, orders, strict=True)
        if order is not None
    }
    reason = "the relative pose of the cameras differs from that of the other views"
    rejected = {view: reason for view, order in zip(common, orders, strict=True) if order is None}
    if len(points) < max(FEWEST_VIEWS, len(common) / 2):
        raise codes.VIEWS_CONTRADICT(
            f"only {len(points)} of {len(common)} pairs agree on the relative pose of the cameras"
        )
    identity = board.orders()[0]
    reordered = tuple(
        view
        for view, order in zip(common, orders, strict=True)
        if order is not None and not np.array_equal(order, identity)
    )
    while True:
        cameras, pose, rms, errors = _solve(reference.camera, camera.camera, points, board, refine_intrinsics)
        worst = max(errors, key=lambda view: errors[view])
        median = float(np.median(list(errors.values())))
        limit = max(OUTLIER_OF_MEDIAN * median, OUTLIER_AT_LEAST_PX)
        enough = len(points) > FEWEST_VIEWS and len(rejected) + 1 <= MAX_REJECTED * len(common)
        if errors[worst] <= limit or not enough:
            break
        rejected[worst] = f"pair: error {errors[worst]:.2f} px, the median pair has {median:.2f} px"
        del points[worst]
    epipolar = epipolar_error_px(*cameras, pose, list(points.values()))
    return PairSolution(*cameras, pose, rms, epipolar, points, rejected, reordered)


def agree_on_orders(
    reference_poses: list[Float64], camera_poses: list[Float64], board: Board
) -> list[NDArray[np.intp] | None]:
    """For each view the order of the camera's points under which all views agree on one relative pose.

    Where a board looks the same after a turn, the two detections may start at different corners; the solver
    then returns a wrong pose without complaint. Each view proposes a relative pose for each of the board's
    orders, and the proposal that most views support wins. None stands for a view that supports it in no
    order.

    Args:
        reference_poses: T_reference_board of each view.
        camera_poses: T_camera_board of each view, of the points in their detected order.
        board: which orders there are.
    """
    orders = board.orders()
    turns = [_board_turn(board, order) for order in orders]
    proposals = np.array(
        [
            [camera @ turn @ np.linalg.inv(reference) for turn in turns]
            for reference, camera in zip(reference_poses, camera_poses, strict=True)
        ]
    )
    depths = np.array([np.linalg.norm(pose[:3, 3]) for pose in reference_poses])
    best: Float64 | None = None
    lowest = np.inf
    for proposal in proposals.reshape(-1, 4, 4):
        costs = _disagreement(proposals, proposal, depths)
        total = float(np.minimum(costs.min(axis=1), 1).sum())
        if total < lowest:
            best, lowest = costs, total
    if best is None:
        return []
    return [orders[int(np.argmin(cost))] if cost.min() < 1 else None for cost in best]


def _board_turn(board: Board, order: NDArray[np.intp]) -> Float64:
    """The motion F of the board with F X_k = X_order[k]."""
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


def _solve(
    reference: Camera,
    camera: Camera,
    points: dict[str, tuple[Float64, Float64]],
    board: Board,
    refine: bool,
) -> tuple[tuple[Camera, Camera], Float64, float, dict[str, float]]:
    """Cameras, T_camera_reference, rms and error of each view, pixels."""
    cameras = reference, camera
    ideal = "fisheye" in (reference.model, camera.model)
    sides = [[pair[side] for pair in points.values()] for side in (0, 1)]
    if ideal:  # OpenCV solves no mixed pairs: take the lenses' distortion out first
        sides = [[to_ideal(cam, pixels) for pixels in side] for cam, side in zip(cameras, sides, strict=True)]
    world = [board.object_points().astype(np.float32)] * len(points)
    pixels = [[p.astype(np.float32).reshape(-1, 1, 2) for p in side] for side in sides]
    lenses = [np.zeros(5) if ideal else np.resize((*cam.D, 0.0), 5) for cam in cameras]
    fixed = ideal or not refine
    flags = cv2.CALIB_FIX_INTRINSIC if fixed else cv2.CALIB_USE_INTRINSIC_GUESS
    coefficients = max(len(cam.D) for cam in cameras)  # OpenCV has one choice for both
    if not fixed and coefficients == 4:
        flags |= cv2.CALIB_FIX_K3
    answer = cv2.stereoCalibrateExtended(
        world,
        pixels[0],
        pixels[1],
        reference.matrix,
        lenses[0],
        camera.matrix,
        lenses[1],
        reference.size,  # only used to guess intrinsics, which are given
        np.eye(3),
        np.zeros(3),
        flags=flags,
        criteria=CRITERIA,
    )
    rms, K1, D1, K2, D2, R, t = answer[:7]
    each = np.asarray(answer[-1]).reshape(len(points), 2)
    errors = dict(zip(points, np.sqrt((each**2).mean(axis=1)).tolist(), strict=True))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = R, np.asarray(t).reshape(3)
    if fixed:
        return cameras, pose, float(rms), errors
    refined = _refined(reference, K1, D1, coefficients), _refined(camera, K2, D2, coefficients)
    return refined, pose, float(rms), errors


def _refined(camera: Camera, K: Any, D: Any, coefficients: int) -> Camera:
    lens = tuple(float(value) for value in np.asarray(D).reshape(-1)[:coefficients])
    return camera.model_copy(update={"K": as_matrix3(K), "D": lens})


def to_ideal(camera: Camera, pixels: Float64) -> Float64:
    """Pixels float64 [N,2] -> where a camera with the same K and no distortion would see them."""
    rays = np.column_stack([undistort(camera, pixels), np.ones(len(pixels))])
    ideal: Float64 = (rays @ camera.matrix.T)[:, :2]
    return ideal


def epipolar_error_px(
    reference: Camera, camera: Camera, pose: Float64, pairs: list[tuple[Float64, Float64]]
) -> float:
    """Mean distance of undistorted points to their epipolar lines, both directions, pixels.

    F = K_c^-T [t]x R K_r^-1 (Hartley and Zisserman, Multiple View Geometry, eq. 9.12). NaN when the
    cameras share one centre, where there are no epipolar lines.
    """
    tx, ty, tz = pose[:3, 3]
    if np.hypot(np.hypot(tx, ty), tz) < 1e-9:
        return float("nan")
    cross = np.array([[0, -tz, ty], [tz, 0, -tx], [-ty, tx, 0]])
    F = np.linalg.inv(camera.matrix).T @ cross @ pose[:3, :3] @ np.linalg.inv(reference.matrix)
    distances = []
    for first, second in pairs:
        a = np.column_stack([to_ideal(reference, first), np.ones(len(first))])
        b = np.column_stack([to_ideal(camera, second), np.ones(len(second))])
        for points, lines in ((b, a @ F.T), (a, b @ F)):
            distances.append(np.abs((points * lines).sum(1)) / np.hypot(lines[:, 0], lines[:, 1]))
    return float(np.mean(distances))
