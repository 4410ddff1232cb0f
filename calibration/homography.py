"""The FMB rig's way to align: one homography from the matched board points of all views."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.rig import Camera, MatchedHomography, as_matrix3
from rigsight.calibration.solve.epipolar import to_ideal

THRESHOLD_PX = 3.0
LEAST_INLIERS = 0.3


def matched_homography(
    reference: Camera,
    camera: Camera,
    pairs: list[tuple[Float64, Float64]],
    threshold_px: float = THRESHOLD_PX,
) -> MatchedHomography:
    """RANSAC homography, undistorted reference pixel -> undistorted camera pixel.

    Exact only for points at the boards' common distance; boards at other distances become outliers or bend
    the result, so hold them near the working distance. See :func:`rigsight.calibration.accuracy.parallax_px`
    for what it leaves at others.

    Args:
        reference: intrinsics of the reference camera.
        camera: intrinsics of the other.
        pairs: matching distorted points of reference and camera, float64 [N,2] each, pixels, one a view.
        threshold_px: reprojection distance up to which a match counts as an inlier, pixels.

    Raises:
        RigsightError: CAL-019 when fewer than 30 % of the points fit one homography.
    """
    source = np.concatenate([to_ideal(reference, first) for first, _ in pairs])
    target = np.concatenate([to_ideal(camera, second) for _, second in pairs])
    H, mask = cv2.findHomography(source, target, cv2.RANSAC, threshold_px, maxIters=5000, confidence=0.9999)
    inlier = np.zeros(len(source), dtype=bool) if mask is None else np.asarray(mask).reshape(-1) > 0
    if H is None or inlier.mean() < LEAST_INLIERS:
        raise codes.HOMOGRAPHY_FAILED(
            f"{100 * inlier.mean():.0f} % of {len(source)} matched points fit one homography within "
            f"{threshold_px:g} px"
        )
    matrix: Float64 = np.asarray(H, dtype=np.float64)
    rays = np.column_stack([source, np.ones(len(source))]) @ matrix.T
    errors = np.linalg.norm(rays[:, :2] / rays[:, 2:] - target, axis=1)[inlier]
    return MatchedHomography(H=as_matrix3(matrix), inlier_rms_px=float(np.sqrt(np.mean(errors**2))))
