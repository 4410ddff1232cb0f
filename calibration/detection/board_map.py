"""Where a flat board lies in a picture: a homography behind a radially distorted lens, fitted to its points.

One view does not tell the lens from the pose, and need not: the map only has to follow the points
smoothly, so that a wrong one stands out, a missing one can be predicted, and the shape of a small circle
is known to second order.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Float64

ROUNDS = 6
# Prior of the two radial coefficients (at half the picture's diagonal), against point errors of 3 % of a
# step: holds them near zero where few points do not show them.
PRIOR_SIGMA, POINT_SIGMA = 0.5, 0.03
INVERSION_ROUNDS = 12


@dataclass(frozen=True)
class BoardMap:
    """Picture to board: q = (p - centre)/reach, q' = q (1 + k0 r^2 + k1 r^4), board = H q'.

    ``H`` float64 [3,3], ``radial`` (k0, k1), ``centre`` (x, y) and ``reach`` in pixels.
    """

    H: Float64
    radial: tuple[float, float]
    centre: Float64
    reach: float

    def to_board(self, pixels: Float64) -> Float64:
        """Pixels float64 [...,2] to the board's plane, in the units of the fitted points."""
        q = (pixels - self.centre) / self.reach
        r2 = (q * q).sum(axis=-1, keepdims=True)
        q = q * (1 + r2 * (self.radial[0] + r2 * self.radial[1]))
        mapped: Float64 = q @ self.H[:, :2].T + self.H[:, 2]
        return np.asarray(mapped[..., :2] / mapped[..., 2:])

    def to_picture(self, points: Float64) -> Float64:
        """Points float64 [...,2] of the board's plane to pixels."""
        back = np.linalg.inv(self.H)
        q = points @ back[:, :2].T + back[:, 2]
        q = q[..., :2] / q[..., 2:]
        bent = q
        for _ in range(INVERSION_ROUNDS):
            r2 = (bent * bent).sum(axis=-1, keepdims=True)
            bent = q / np.maximum(1 + r2 * (self.radial[0] + r2 * self.radial[1]), 0.2)
        pixels: Float64 = bent * self.reach + self.centre
        return pixels

    def jacobian(self, pixels: Float64, step_px: float = 0.5) -> Float64:
        """Derivative of the board's point by the pixel, float64 [...,2,2] (board axis, pixel axis)."""
        shifts = step_px * np.eye(2)
        columns = [(self.to_board(pixels + s) - self.to_board(pixels - s)) / (2 * step_px) for s in shifts]
        return np.stack(columns, axis=-1)

    def residuals_px(self, pixels: Float64, points: Float64) -> Float64:
        """How far each point lies from where the map has it, float64 [N,2], pixels (first order)."""
        off = (self.to_board(pixels) - points)[..., None]
        found: Float64 = np.linalg.solve(self.jacobian(pixels), off)[..., 0]
        return found


def fit_board_map(pixels: Float64, points: Float64, size: tuple[int, int]) -> BoardMap | None:
    """Least squares over points: pixels [N,2], board points [N,2] (any unit), picture (width, height).

    None when the points lie on a line or the fit turns the board inside out.
    """
    centre = (np.array(size, dtype=np.float64) - 1) / 2
    reach = float(np.hypot(*size)) / 2
    q = (pixels - centre) / reach
    r2 = (q * q).sum(axis=1)
    start, _ = cv2.findHomography(q, points, 0)
    if start is None or abs(start[2, 2]) < 1e-12:
        return None
    H, radial = np.asarray(start / start[2, 2], dtype=np.float64), np.zeros(2)
    spacing = float(np.median(np.sort(np.linalg.norm(points[:, None] - points, axis=2), axis=1)[:, 1]))
    prior = POINT_SIGMA * spacing / PRIOR_SIGMA
    for _ in range(ROUNDS):
        bend = 1 + r2 * (radial[0] + r2 * radial[1])
        w = np.column_stack([q * bend[:, None], np.ones(len(q))])
        mapped = w @ H.T
        depth = mapped[:, 2:]
        if (np.abs(depth) < 1e-9).any() or (depth.min() < 0 < depth.max()):
            return None
        X = mapped[:, :2] / depth
        design = np.zeros((2 * len(q) + 2, 10))
        design[: len(q), 0:3] = design[len(q) : -2, 3:6] = w / depth
        design[: len(q), 6:8] = -X[:, :1] * w[:, :2] / depth
        design[len(q) : -2, 6:8] = -X[:, 1:] * w[:, :2] / depth
        by_q = (H[None, :2, :2] - X[:, :, None] * H[2, :2]) / depth[:, :, None]  # [N, board, q']
        along = (by_q @ q[:, :, None])[..., 0]
        for k in (0, 1):
            design[:-2, 8 + k] = (along * (r2 ** (k + 1))[:, None]).T.reshape(-1)
            design[2 * len(q) + k, 8 + k] = prior
        off = np.concatenate([(points - X).T.reshape(-1), -prior * radial])
        step = np.linalg.lstsq(design, off, rcond=None)[0]
        H = H + np.append(step[:8], 0.0).reshape(3, 3)
        radial = radial + step[8:]
    if not (np.isfinite(H).all() and np.isfinite(radial).all()) or abs(np.linalg.det(H)) < 1e-12:
        return None
    return BoardMap(H, (float(radial[0]), float(radial[1])), centre, reach)


def robust_board_map(pixels: Float64, points: Float64, size: tuple[int, int]) -> BoardMap | None:
    """As :func:`fit_board_map`, fitted again without points that lie far off the first fit."""
    first = fit_board_map(pixels, points, size)
    if first is None:
        return None
    off = np.linalg.norm(first.residuals_px(pixels, points), axis=1)
    kept = off <= max(4 * float(np.median(off)), 0.3)
    if kept.all() or kept.sum() < 8:
        return first
    return fit_board_map(pixels[kept], points[kept], size) or first
