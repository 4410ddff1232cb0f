"""Where a flat board lies in a picture: a homography behind a radially distorted lens, fitted to its points.

One view does not tell the lens from the pose, and need not: the map only has to follow the points
smoothly, so that a wrong one stands out, a missing one can be predicted, and the shape of a circle is
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from rigsight.calibration.boards import Float64

ROUNDS = 8
# Priors (sigma) of the radial coefficients, radius 1 at half the picture's diagonal, and of the lens's
# centre, of that radius: they hold where few points do not show them.
RADIAL_SIGMA = np.array([0.5, 0.2, 0.03])
CENTRE_SIGMA = 0.02
POINT_SIGMA_PX = 0.2
SETTLED_PX = 2e-3
FEWEST_TO_DROP = 20
TABLE = np.linspace(0, 1.6, 400)  # undistorted radii


@dataclass(frozen=True)
class BoardMap:
    """Board to picture: u = H board, pixel = centre + reach u (1 + k0 r^2 + k1 r^4 + k2 r^6), r = |u|.

    ``H`` float64 [3,3], ``radial`` float64 [3], ``centre`` (x, y) and ``reach`` in pixels.
    """

    H: Float64
    radial: Float64
    centre: Float64
    reach: float

    def to_picture(self, points: Float64) -> Float64:
        """Points float64 [...,2] of the board's plane to pixels."""
        u = points @ self.H[:, :2].T + self.H[:, 2]
        u = u[..., :2] / u[..., 2:]
        pixels: Float64 = self.centre + self.reach * u * _bend((u * u).sum(axis=-1), self.radial)[..., None]
        return pixels

    @cached_property
    def _straight(self) -> tuple[Float64, Float64]:
        """Distorted radius and undistorted over distorted, up to where the lens's polynomial turns back."""
        bent = TABLE * _bend(TABLE**2, self.radial)
        turned = np.flatnonzero(np.diff(bent) <= 0)
        end = int(turned[0]) + 1 if len(turned) else len(bent)
        ratio = np.ones(end)
        ratio[1:] = TABLE[1:end] / bent[1:end]
        return bent[:end], ratio

    @cached_property
    def _back(self) -> Float64:
        return np.asarray(np.linalg.inv(self.H))

    def to_board(self, pixels: Float64) -> Float64:
        """Pixels float64 [...,2] to the board's plane, in the units of the fitted points."""
        x = (pixels[..., 0] - self.centre[0]) / self.reach
        y = (pixels[..., 1] - self.centre[1]) / self.reach
        ratio = np.interp(np.hypot(x, y), *self._straight)
        x *= ratio
        y *= ratio
        a = self._back
        depth = a[2, 0] * x + a[2, 1] * y + a[2, 2]
        return np.stack(
            [
                (a[0, 0] * x + a[0, 1] * y + a[0, 2]) / depth,
                (a[1, 0] * x + a[1, 1] * y + a[1, 2]) / depth,
            ],
            axis=-1,
        )

    def jacobian(self, pixels: Float64, step_px: float = 0.5) -> Float64:
        """Derivative of the board's point by the pixel, float64 [...,2,2] (board axis, pixel axis)."""
        shifts = step_px * np.eye(2)
        columns = [(self.to_board(pixels + s) - self.to_board(pixels - s)) / (2 * step_px) for s in shifts]
        return np.stack(columns, axis=-1)

    def residuals_px(self, pixels: Float64, points: Float64) -> Float64:
        """How far each pixel lies from where the map has its point, float64 [N,2], pixels."""
        return pixels - self.to_picture(points)


def fit_board_map(
    pixels: Float64, points: Float64, size: tuple[int, int], sigma_px: float = POINT_SIGMA_PX
) -> BoardMap | None:
    """Least squares over points: pixels [N,2], board points [N,2] (any unit), picture (width, height).

    ``sigma_px`` is the points' uncertainty, against the priors of the lens. None when the points lie on a
    line or the fit turns the board inside out.
    """
    middle = (np.array(size, dtype=np.float64) - 1) / 2
    reach = float(np.hypot(*size)) / 2
    start, _ = cv2.findHomography(points, (pixels - middle) / reach, 0)
    if start is None or abs(start[2, 2]) < 1e-12:
        return None
    H, radial, off_centre = np.asarray(start / start[2, 2], dtype=np.float64), np.zeros(3), np.zeros(2)
    w = np.column_stack([points, np.ones(len(points))])
    count = len(points)
    prior = sigma_px / np.concatenate([RADIAL_SIGMA, np.full(2, CENTRE_SIGMA * reach)])
    design = np.zeros((2 * count + 5, 13))
    design[2 * count :, 8:] = np.diag(prior)
    design[:count, 11] = design[count : 2 * count, 12] = 1
    for _ in range(ROUNDS):
        mapped = w @ H.T
        depth = mapped[:, 2:]
        if not np.isfinite(mapped).all() or depth.min() * depth.max() <= 0 or np.abs(depth).min() < 1e-9:
            return None
        u = mapped[:, :2] / depth
        r2 = (u * u).sum(axis=1)
        bend, slope = _bend(r2, radial), radial[0] + r2 * (2 * radial[1] + 3 * r2 * radial[2])
        by_u = reach * (
            bend[:, None, None] * np.eye(2) + 2 * slope[:, None, None] * u[:, :, None] * u[:, None]
        )
        ahead = w / depth
        for axis in (0, 1):
            rows = slice(axis * count, (axis + 1) * count)
            design[rows, 0:3] = by_u[:, axis, :1] * ahead
            design[rows, 3:6] = by_u[:, axis, 1:] * ahead
            design[rows, 6:8] = -(by_u[:, axis] * u).sum(axis=1)[:, None] * ahead[:, :2]
            design[rows, 8:11] = reach * u[:, axis, None] * r2[:, None] ** np.arange(1, 4)
        off = pixels - (middle + off_centre + reach * u * bend[:, None])
        right = np.concatenate([off.T.reshape(-1), -prior * np.concatenate([radial, off_centre])])
        step = np.linalg.lstsq(design, right, rcond=None)[0]
        H = H + np.append(step[:8], 0.0).reshape(3, 3)
        radial, off_centre = radial + step[8:11], off_centre + step[11:]
        if np.abs(design[: 2 * count] @ step).max() < SETTLED_PX:
            break
    if not np.isfinite(H).all() or abs(np.linalg.det(H)) < 1e-12:
        return None
    return BoardMap(H, radial, middle + off_centre, reach)


def robust_board_map(
    pixels: Float64, points: Float64, size: tuple[int, int], sigma_px: float = POINT_SIGMA_PX
) -> BoardMap | None:
    """As :func:`fit_board_map`, fitted again without points that lie far off the first fit."""
    first = fit_board_map(pixels, points, size, sigma_px)
    if first is None:
        return None
    off = np.linalg.norm(first.residuals_px(pixels, points), axis=1)
    kept = off <= max(4 * float(np.median(off)), 0.3)
    if kept.all() or kept.sum() < FEWEST_TO_DROP:
        return first
    return fit_board_map(pixels[kept], points[kept], size, sigma_px) or first


def _bend(r2: Float64, radial: Float64) -> Float64:
    bend: Float64 = 1 + r2 * (radial[0] + r2 * (radial[1] + r2 * radial[2]))
    return bend
