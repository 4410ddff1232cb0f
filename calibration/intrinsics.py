"""Intrinsics of one camera from views of a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, as_matrix3

FEWEST_VIEWS = 6
MAX_REJECTED = 0.3  # part of the views
OUTLIER_OF_MEDIAN = 3.0
OUTLIER_AT_LEAST_PX = 0.3
LEAST_TILT_DEG = 8.0
LARGEST_FOCAL_SIGMA = 0.03
BIAS_ROUNDS = 3
# A k3 that the views do not show bends the picture's corners by pixels: it is left out.
SIGNIFICANT_SIGMAS = 3.0

Model = Literal["pinhole-radtan", "fisheye"]
Spectrum = Literal["rgb", "thermal", "nir"]
CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-10)


@dataclass(frozen=True)
class CameraSolution:
    """One calibrated camera.

    Attributes:
        camera: its intrinsics.
        rms_px: reprojection error over the used views, root mean square of the point distances, pixels.
        poses: view -> T_camera_board, float64 [4,4].
        points: view -> the points the solution rests on, float64 [N,2], pixels: as detected, or freed of
            the perspective bias of circles.
        rejected: view -> reason.
        focal_sigma: standard deviation of fx as a part of fx, by the solver's own estimate; NaN for fisheye.
    """

    camera: Camera
    rms_px: float
    poses: dict[str, Float64]
    points: dict[str, Float64]
    rejected: dict[str, str]
    focal_sigma: float


def calibrate_camera(
    views: dict[str, Float64],
    board: Board,
    size: tuple[int, int],
    *,
    spectrum: Spectrum = "rgb",
    model: Model = "pinhole-radtan",
    name: str = "camera",
) -> CameraSolution:
    """Calibrate one camera; views that fit far worse than the rest are dropped, worst first.

    Args:
        views: view name -> detected points float64 [N,2], pixels.
        board: whose points they are.
        size: (width, height) of the pictures.
        spectrum: stored with the camera.
        model: pinhole-radtan has k1 k2 p1 p2, and k3 where the views show it; fisheye has k1 to k4.
        name: for messages.

    Raises:
        RigsightError: CAL-016 fewer than 6 views, CAL-017 the views do not determine the camera.
    """
    _enough(len(views), name)
    used = dict(views)
    rejected: dict[str, str] = {}
    while True:
        solution = _solve(used, board, size, spectrum, model, name)
        errors = view_errors(solution, board)
        worst = max(errors, key=lambda view: errors[view])
        median = float(np.median(list(errors.values())))
        limit = max(OUTLIER_OF_MEDIAN * median, OUTLIER_AT_LEAST_PX)
        if errors[worst] <= limit or len(rejected) + 1 > MAX_REJECTED * len(views):
            break
        rejected[worst] = (
            f"{name}: reprojection error {errors[worst]:.2f} px, the median view has {median:.2f} px"
        )
        del used[worst]
        _enough(len(used), name)
    if board.diameter_m:
        solution = _without_bias(solution, used, board, model, name)
    _check_conditioning(solution, name)
    return replace(solution, rejected=rejected)


def view_errors(solution: CameraSolution, board: Board) -> dict[str, float]:
    """Root mean square reprojection error of each view, pixels."""
    errors = {}
    for view, pose in solution.poses.items():
        off = _projected(solution.camera, pose, board) - solution.points[view]
        error = float(np.sqrt(np.mean((off**2).sum(axis=1))))
        errors[view] = error if np.isfinite(error) else float("inf")  # points behind the camera
    return errors


def circle_bias(camera: Camera, pose: Float64, board: Board) -> Float64:
    """Centre of a circle's picture minus the picture of its centre, float64 [N,2], pixels.

    A tilted circle becomes an ellipse whose centre is not the circle's (Heikkilä, "Geometric camera
    calibration using circular control points", PAMI 2000). Here the rim is projected through the lens and
    the centroid of the polygon's area taken, so that distortion counts too.
    """
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1) * board.circle_m / 2
    points = board.object_points()
    outline = project(camera, (points[:, None] + rim) @ pose[:3, :3].T + pose[:3, 3])
    x, y = outline[..., 0] - outline[:, :1, 0], outline[..., 1] - outline[:, :1, 1]
    x2, y2 = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    cross = x * y2 - x2 * y
    area = cross.sum(axis=1) / 2
    centroid = np.stack([((x + x2) * cross).sum(axis=1), ((y + y2) * cross).sum(axis=1)], axis=1)
    bias: Float64 = centroid / (6 * area[:, None]) + outline[:, 0] - _projected(camera, pose, board)
    return np.nan_to_num(bias)  # NaN where the rim lies beyond what the lens model reaches


def _without_bias(
    solution: CameraSolution, used: dict[str, Float64], board: Board, model: Model, name: str
) -> CameraSolution:
    for _ in range(BIAS_ROUNDS):
        points = {
            view: used[view] - circle_bias(solution.camera, solution.poses[view], board) for view in used
        }
        camera = solution.camera
        solution = _solve(points, board, camera.size, camera.spectrum, model, name)
    return solution


def _projected(camera: Camera, pose: Float64, board: Board) -> Float64:
    return project(camera, board.object_points() @ pose[:3, :3].T + pose[:3, 3])


def _enough(count: int, name: str) -> None:
    if count < FEWEST_VIEWS:
        raise codes.TOO_FEW_VIEWS(f"camera '{name}' has {count} usable views, {FEWEST_VIEWS} are the least")


def _solve(
    views: dict[str, Float64],
    board: Board,
    size: tuple[int, int],
    spectrum: Spectrum,
    model: Model,
    name: str,
) -> CameraSolution:
    solve = _solve_fisheye if model == "fisheye" else _solve_pinhole
    try:
        rms, K, D, rotations, translations, sigma = solve(list(views.values()), board, size)
    except cv2.error as error:
        raise codes.SOLVE_DEGENERATE(
            f"the solver gives up on the views of camera '{name}' ({str(error.err).strip()})"
        ) from error
    longest = max(size)
    centre = K[:2, 2] / np.array(size)
    if not (np.isfinite(K).all() and np.isfinite(D).all() and 0.1 * longest < K[0, 0] < 50 * longest) or (
        np.abs(centre - 0.5).max() > 0.5
    ):
        raise codes.SOLVE_DEGENERATE(
            f"camera '{name}' would have a focal length of {K[0, 0]:.0f} px and its axis at "
            f"({K[0, 2]:.0f}, {K[1, 2]:.0f}) px"
        )
    camera = Camera(
        model=model,
        width=size[0],
        height=size[1],
        K=as_matrix3(K),
        D=tuple(float(value) for value in D),
        spectrum=spectrum,
    )
    poses = {view: pose_matrix(r, t) for view, r, t in zip(views, rotations, translations, strict=True)}
    return CameraSolution(camera, float(rms), poses, dict(views), {}, sigma)


def _solve_pinhole(points: Sequence[Float64], board: Board, size: tuple[int, int]) -> Any:
    world = [board.object_points().astype(np.float32)] * len(points)
    pixels = [p.astype(np.float32).reshape(-1, 1, 2) for p in points]
    for flags in (0, cv2.CALIB_FIX_K3):
        rms, K, D, rotations, translations, deviations, _, _ = cv2.calibrateCameraExtended(
            world, pixels, size, np.eye(3), np.zeros(5), flags=flags, criteria=CRITERIA
        )
        D, sigma = np.asarray(D).reshape(-1), np.asarray(deviations).reshape(-1)
        if abs(D[4]) > SIGNIFICANT_SIGMAS * sigma[8]:  # fx fy cx cy k1 k2 p1 p2 k3
            break
    lens = D[:4] if flags else D[:5]
    return rms, K, lens, rotations, translations, float(sigma[0] / K[0, 0])


def _solve_fisheye(points: Sequence[Float64], board: Board, size: tuple[int, int]) -> Any:
    world = [board.object_points().reshape(1, -1, 3)] * len(points)
    pixels = [p.reshape(1, -1, 2) for p in points]
    flags = sum(  # OpenCV 5 moved them out of cv2.fisheye
        getattr(cv2.fisheye, flag, None) or getattr(cv2, flag)
        for flag in ("CALIB_RECOMPUTE_EXTRINSIC", "CALIB_FIX_SKEW", "CALIB_USE_INTRINSIC_GUESS")
    )
    # The solver diverges from a bad start (OpenCV 4's own one among them): begin at several fields of view.
    best: Any = None
    for focal in max(size) * np.array((0.32, 0.5, 0.8, 1.3)):
        K = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
        try:
            answer = cv2.fisheye.calibrate(
                world, pixels, size, K, np.zeros(4), flags=flags, criteria=CRITERIA
            )
        except cv2.error as error:
            failure = error
            continue
        if np.isfinite(answer[0]) and (best is None or answer[0] < best[0]):
            best = answer
    if best is None:
        raise failure
    rms, K, D, rotations, translations = best
    return rms, K, np.asarray(D).reshape(-1), rotations, translations, float("nan")


def pose_matrix(rotation_vector: Any, translation: Any) -> Float64:
    """Rotation vector (radians) and translation (metres) as a rigid motion float64 [4,4]."""
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.asarray(rotation_vector, dtype=np.float64).reshape(3, 1))[0]
    pose[:3, 3] = np.asarray(translation, dtype=np.float64).reshape(3)
    return pose


def _check_conditioning(solution: CameraSolution, name: str) -> None:
    """A good RMS proves nothing: boards that all stand alike leave focal length and distance free."""
    normals = np.array([pose[:3, 2] for pose in solution.poses.values()])
    angles = np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1)))
    if angles.max() < LEAST_TILT_DEG:
        raise codes.SOLVE_DEGENERATE(
            f"in the views of camera '{name}' the board's tilt varies by {angles.max():.1f} degrees only"
        )
    if solution.focal_sigma > LARGEST_FOCAL_SIGMA:
        raise codes.SOLVE_DEGENERATE(
            f"the focal length of camera '{name}' is uncertain by {100 * solution.focal_sigma:.1f} %"
        )
