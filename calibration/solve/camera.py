"""One camera from views of a board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.first_guess import Model, Spectrum, board_pose, checked_lens, guess_camera
from rigsight.calibration.solve.lens import lens_names
from rigsight.calibration.solve.noise import covariance_of
from rigsight.calibration.solve.refine import Refined, refine, view_errors
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.third_radial import with_significant_k3
from rigsight.calibration.solve.views import View

FEWEST_VIEWS = 6
MAX_REJECTED = 0.3  # part of the views
OUTLIER_OF_MEDIAN = 3.0
OUTLIER_AT_LEAST_PX = 0.3
LEAST_TILT_DEG = 8.0
LARGEST_FOCAL_SIGMA = 0.03


@dataclass(frozen=True)
class CameraSolution:
    """One calibrated camera.

    Attributes:
        camera: its lens.
        rms_px: reprojection error over the used views, root mean square of the point distances, pixels.
        poses: view -> T_camera_board, float64 [4,4].
        residuals: view -> observed minus predicted, float64 [N,2], pixels.
        rejected: view -> reason.
        focal_sigma: standard deviation of fx as a part of fx.
        refined: the minimum itself; the views are those of ``poses``, in that order.
    """

    camera: Camera
    rms_px: float
    poses: dict[str, Float64]
    residuals: dict[str, Float64]
    rejected: dict[str, str]
    focal_sigma: float
    refined: Refined


def solve_camera(
    seen: Mapping[str, Detection],
    board: Board,
    *,
    spectrum: Spectrum = "rgb",
    model: Model = "pinhole-radtan",
    name: str = "camera",
) -> CameraSolution:
    """Calibrate one camera; views that fit far worse than the rest are dropped, worst first.

    Args:
        seen: view -> detection.
        board: what was detected.
        spectrum: stored with the camera.
        model: pinhole-radtan has k1 k2 p1 p2, and k3 where the views show it; fisheye has k1 to k4.
        name: for messages.

    Raises:
        RigsightError: CAL-016 fewer than 6 views, CAL-017 the views do not determine the camera.
    """
    enough_views(len(seen), name)
    camera = guess_camera(seen, board, spectrum, model, name)
    used = {view: board_pose(detection, board, camera) for view, detection in seen.items()}
    rejected: dict[str, str] = {}
    while True:
        views = [View(view, {name: seen[view]}) for view in used]
        refined = refine(single_state(name, camera, list(used.values())), views, board)
        refined = with_significant_k3(refined, views, board)
        residuals = {view: off[name] for view, off in view_errors(refined, views, board).items()}
        errors = {view: rms(off) for view, off in residuals.items()}
        worst = max(errors, key=lambda view: errors[view])
        median = float(np.median(list(errors.values())))
        limit = max(OUTLIER_OF_MEDIAN * median, OUTLIER_AT_LEAST_PX)
        if errors[worst] <= limit or len(rejected) + 1 > MAX_REJECTED * len(seen):
            break
        rejected[worst] = (
            f"{name}: reprojection error {errors[worst]:.2f} px, the median view has {median:.2f} px"
        )
        camera = refined.state.cameras[0]
        used = dict(zip(used, refined.state.poses, strict=True))
        del used[worst]
        enough_views(len(used), name)
    state = refined.state
    checked_lens(state.cameras[0], name)
    poses = dict(zip(used, state.poses, strict=True))
    sigma = focal_sigma(refined)
    check_conditioning(poses, sigma, name)
    return CameraSolution(
        state.cameras[0], rms(*residuals.values()), poses, residuals, rejected, sigma, refined
    )


def single_state(name: str, camera: Camera, poses: list[Float64]) -> State:
    """The unknowns of one camera."""
    free = np.ones(len(lens_names(camera)), dtype=np.bool_)
    return State((name,), (camera,), (free,), np.eye(4)[None], np.array(poses))


def rms(*residuals: Float64) -> float:
    """Root mean square length of vectors [N,2]; infinity where one is not finite."""
    off = np.concatenate(residuals)
    value = float(np.sqrt((off**2).sum(axis=1).mean()))
    return value if np.isfinite(value) else float("inf")


def enough_views(count: int, name: str) -> None:
    """Raises CAL-016 when a camera has too few views."""
    if count < FEWEST_VIEWS:
        raise codes.TOO_FEW_VIEWS(f"camera '{name}' has {count} usable views, {FEWEST_VIEWS} are the least")


def focal_sigma(refined: Refined) -> float:
    """Standard deviation of the first camera's fx as a part of fx; infinity where it is undetermined."""
    try:
        variance = covariance_of(refined.found.arrow)[0, 0]
    except np.linalg.LinAlgError:
        return float("inf")
    if not variance > 0:
        return float("inf")
    return float(np.sqrt(variance)) / refined.state.cameras[0].K[0][0]


def check_conditioning(poses: Mapping[str, Float64], sigma: float, name: str) -> None:
    """A good RMS proves nothing: boards that all stand alike leave focal length and distance free.

    Raises:
        RigsightError: CAL-017.
    """
    normals = np.array([pose[:3, 2] for pose in poses.values()])
    angles = np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1)))
    if angles.max() < LEAST_TILT_DEG:
        raise codes.SOLVE_DEGENERATE(
            f"in the views of camera '{name}' the board's tilt varies by {angles.max():.1f} degrees only"
        )
    if sigma > LARGEST_FOCAL_SIGMA:
        raise codes.SOLVE_DEGENERATE(
            f"the focal length of camera '{name}' is uncertain by {100 * sigma:.1f} %"
        )
