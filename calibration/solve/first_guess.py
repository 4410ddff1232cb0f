"""A first guess of one camera's lens and of the board's poses: OpenCV's closed forms and a short solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import cv2
import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera, as_matrix3

MOST_VIEWS = 16  # of the guess; the adjustment takes all
CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-6)
FISHEYE_FOCALS = (0.32, 0.5, 0.8, 1.3)  # of the longer side

Model = Literal["pinhole-radtan", "fisheye"]
Spectrum = Literal["rgb", "thermal", "nir"]


def guess_camera(
    seen: Mapping[str, Detection], board: Board, spectrum: Spectrum, model: Model, name: str
) -> Camera:
    """Lens of a camera from some of its views.

    Raises:
        RigsightError: CAL-017 when the solver gives up or its answer is no camera.
    """
    size = next(iter(seen.values())).size
    every = max(1, -(-len(seen) // MOST_VIEWS))
    chosen = list(seen.values())[::every]
    world = [board.object_points()[d.ids] for d in chosen]
    pixels = [d.points for d in chosen]
    try:
        K, D = (_fisheye if model == "fisheye" else _pinhole)(world, pixels, size)
    except cv2.error as error:
        raise codes.SOLVE_DEGENERATE(
            f"the solver gives up on the views of camera '{name}' ({str(error.err).strip()})"
        ) from error
    if not (np.isfinite(K).all() and np.isfinite(D).all()):
        raise codes.SOLVE_DEGENERATE(f"the solver finds no lens for camera '{name}'")
    lens = tuple(float(value) for value in D)
    return checked_lens(
        Camera.model_construct(
            model=model, width=size[0], height=size[1], K=as_matrix3(K), D=lens, spectrum=spectrum
        ),
        name,
    )


def checked_lens(camera: Camera, name: str) -> Camera:
    """The camera, if a real one may have its lens; raises CAL-017 otherwise."""
    K, longest = camera.matrix, max(camera.size)
    centre = K[:2, 2] / np.array(camera.size)
    if not (0.1 * longest < K[0, 0] < 50 * longest and K[1, 1] > 0) or np.abs(centre - 0.5).max() > 0.5:
        raise codes.SOLVE_DEGENERATE(
            f"camera '{name}' would have a focal length of {K[0, 0]:.0f} px and its axis at "
            f"({K[0, 2]:.0f}, {K[1, 2]:.0f}) px"
        )
    return camera


def board_pose(detection: Detection, board: Board, camera: Camera) -> Float64:
    """T_camera_board of one view, float64 [4,4], from its undistorted points.

    A plane seen by a weak lens has two poses that look nearly alike; the better one is taken.
    """
    rays = undistort(camera, detection.points)
    # Points beyond what the lens reaches have no ray; the rest must do.
    known = np.isfinite(rays).all(axis=1)
    world = board.object_points()[detection.ids][known]
    count, rotations, translations, errors = cv2.solvePnPGeneric(
        world, np.ascontiguousarray(rays[known])[:, None], np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
    )
    best = int(np.argmin(np.asarray(errors).reshape(-1)[:count]))
    return pose_matrix(rotations[best], translations[best])


def pose_matrix(rotation_vector: Any, translation: Any) -> Float64:
    """Rotation vector (radians) and translation (metres) as a rigid motion float64 [4,4]."""
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.asarray(rotation_vector, dtype=np.float64).reshape(3, 1))[0]
    pose[:3, 3] = np.asarray(translation, dtype=np.float64).reshape(3)
    return pose


def _pinhole(world: Sequence[Float64], pixels: Sequence[Float64], size: tuple[int, int]) -> Any:
    """K and k1 k2 p1 p2."""
    answer = cv2.calibrateCamera(
        [points.astype(np.float32) for points in world],
        [points.astype(np.float32).reshape(-1, 1, 2) for points in pixels],
        size,
        np.eye(3),
        np.zeros(5),
        flags=cv2.CALIB_FIX_K3,
        criteria=CRITERIA,
    )
    return answer[1], np.asarray(answer[2]).reshape(-1)[:4]


def _fisheye(world: Sequence[Float64], pixels: Sequence[Float64], size: tuple[int, int]) -> Any:
    """K and k1 to k4. The solver diverges from a bad start: begin at several fields of view."""
    flags = sum(  # OpenCV 5 moved them out of cv2.fisheye
        getattr(cv2.fisheye, flag, None) or getattr(cv2, flag)
        for flag in ("CALIB_RECOMPUTE_EXTRINSIC", "CALIB_FIX_SKEW", "CALIB_USE_INTRINSIC_GUESS")
    )
    best: Any = None
    for focal in max(size) * np.array(FISHEYE_FOCALS):
        K = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
        try:
            answer = cv2.fisheye.calibrate(
                [points.reshape(1, -1, 3) for points in world],
                [points.reshape(1, -1, 2) for points in pixels],
                size,
                K,
                np.zeros(4),
                flags=flags,
                criteria=CRITERIA,
            )
        except cv2.error as error:
            failure = error
            continue
        if np.isfinite(answer[0]) and (best is None or answer[0] < best[0]):
            best = answer
    if best is None:
        raise failure
    return best[1], np.asarray(best[2]).reshape(-1)
