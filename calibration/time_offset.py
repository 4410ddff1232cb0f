"""The fixed time offset between two cameras, from the motion that both saw.

Each camera gives a motion signal (where the board is, or how much the picture changes) at its own stamps.
The denser signal becomes a smoothing spline S, as smooth as predicts the other camera best; the samples y_j
of the other are explained by it as

    y_j = W f(S(t_j - offset)) + noise

with a linear map W that stands for the cameras' projection and gain, and is solved along. The offset is first
searched on a grid, then refined by Gauss-Newton with W projected out (variable projection, Golub and Pereyra
1973).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.rig import Float64

NS_PER_S = 1e9
MAX_OFFSET_S = 0.5
MIN_OVERLAP_S = 3.0
MIN_SAMPLES = 20
MAX_SIGMA_S = 0.010
LEAST_EXPLAINED = 0.3
# A rival offset must be so much less likely (ratio of the unexplained variances, and of the likelihoods), and
# must not explain nearly everything itself: then small errors of the model decide between the two.
RIVAL_RATIO = 1.3
RIVAL_LOG_LIKELIHOOD = 10.0
RIVAL_UNEXPLAINED = 0.05
MAX_GAP_PERIODS = 3.5
BLOCKS = 12
STEPS = 12
HUBER = 2.0
CUTOFFS_HZ = (2.0, 4.0, 7.0, 12.0, 25.0)


@dataclass(frozen=True)
class Motion:
    """What one camera saw move.

    Attributes:
        stamps_ns: int64 [N], rising, the camera's own clock.
        values: float64 [N,C]; positions in any unit (columns x, y, size), or the strength of the change
            in the picture and where it is.
        tracked: whether the values are positions of one thing, which the other camera sees at a smooth
            function of them; otherwise a linear one is fitted.
    """

    stamps_ns: NDArray[np.int64]
    values: Float64
    tracked: bool


@dataclass(frozen=True)
class TimeOffset:
    """The estimate: t_other = t_reference + ``offset_s``.

    Attributes:
        offset_s: seconds.
        sigma_s: its standard error, seconds.
        explained: share of the variance of one camera's motion that the other explains, 0 to 1.
        rival: the same for the next best offset.
        samples: how many samples of the sparser camera were compared.
    """

    offset_s: float
    sigma_s: float
    explained: float
    rival: float
    samples: int


def estimate_offset(
    reference: Motion,
    other: Motion,
    *,
    max_offset_s: float = MAX_OFFSET_S,
    names: tuple[str, str] = ("A", "B"),
) -> TimeOffset:
    """Estimate the offset of two motion signals, at most ``max_offset_s`` either way.

    Raises:
        RigsightError: CAL-040 when the motion does not determine it (too little, periodic, not shared),
            CAL-041 when the clips are too short, do not overlap or have bad stamps.
    """
    for motion, name in zip((reference, other), names, strict=True):
        _check_stamps(motion, name)
    origin = int(reference.stamps_ns[0])
    t_ref, t_other = ((m.stamps_ns - origin) / NS_PER_S for m in (reference, other))
    shared = min(t_ref[-1], t_other[-1] + max_offset_s) - max(t_ref[0], t_other[0] - max_offset_s)
    if shared < MIN_OVERLAP_S:
        raise codes.CLIP_UNUSABLE(f"the two clips share {max(shared, 0):.1f} s")
    # The denser signal is interpolated, at the samples of the other; ``sign`` says which way time shifts.
    reference_is_denser = np.median(np.diff(t_ref)) <= 1.05 * np.median(np.diff(t_other))
    if reference_is_denser:
        fit = _Fit(t_ref, reference, t_other, other, -1.0)
    else:
        fit = _Fit(t_other, other, t_ref, reference, 1.0)
    return _solve(fit, max_offset_s)


def _check_stamps(motion: Motion, name: str) -> None:
    if len(motion.stamps_ns) < MIN_SAMPLES:
        raise codes.CLIP_UNUSABLE(
            f"{len(motion.stamps_ns)} usable pictures, at least {MIN_SAMPLES} are needed", where=name
        )
    if (np.diff(motion.stamps_ns) <= 0).any():
        raise codes.CLIP_UNUSABLE("the time stamps do not rise", where=name)
    if not np.isfinite(motion.values).all():
        raise codes.CLIP_UNUSABLE("the motion holds NaN", where=name)


class _Fit:
    """The regression of one camera's samples on the spline of the other, for any offset."""

    def __init__(
        self, dense_t: Float64, dense: Motion, sparse_t: Float64, sparse: Motion, sign: float
    ) -> None:
        self.sign = sign
        self.t, self.y = sparse_t, sparse.values
        self.tracked = dense.tracked and sparse.tracked
        self._dense = dense_t, _standardised(dense.values)
        self.smooth(CUTOFFS_HZ[1])
        self._from, self._to = dense_t[0], dense_t[-1]
        gap_s = MAX_GAP_PERIODS * float(np.median(np.diff(dense_t)))
        gaps = np.flatnonzero(np.diff(dense_t) > gap_s)
        self._gaps = [(dense_t[k], dense_t[k + 1]) for k in gaps]

    def smooth(self, cutoff_hz: float) -> None:
        """Follow the dense signal up to about this frequency."""
        self._spline = _smoothing_spline(*self._dense, cutoff_hz)

    def usable(self, offset: float) -> NDArray[np.bool_]:
        """Which samples fall where the spline is supported."""
        at = self.t + self.sign * offset
        inside: NDArray[np.bool_] = (at >= self._from) & (at <= self._to)
        for start, end in self._gaps:
            inside &= (at <= start) | (at >= end)
        return inside

    def regressors(self, offset: float, rows: NDArray[np.bool_]) -> Float64:
        """f(S(t - offset)) with a constant, float64 [n,K]."""
        values = self._spline(self.t[rows] + self.sign * offset)
        columns = [np.ones(len(values)), *values.T]
        if self.tracked:  # perspective and distortion bend the map from one picture to the other
            count = values.shape[1]
            columns += [values[:, i] * values[:, k] for i in range(count) for k in range(i, count)]
        return np.stack(columns, axis=1)

    def unexplained(self, offset: float) -> tuple[float, int]:
        """Unexplained share of the variance, multiplied over the columns (a likelihood); and the samples."""
        rows = self.usable(offset)
        X, y = self.regressors(offset, rows), self.y[rows]
        if len(y) < max(MIN_SAMPLES, 2 * X.shape[1]):
            return 1.0, len(y)
        W = np.linalg.lstsq(X, y, rcond=1e-9)[0]
        residual = ((y - X @ W) ** 2).sum(axis=0) / (len(y) - X.shape[1])
        total = np.maximum(((y - y.mean(axis=0)) ** 2).sum(axis=0) / (len(y) - 1), 1e-30)
        return float(np.maximum(residual / total, 1e-9).prod()), len(y)

    def explained(self, unexplained: float) -> float:
        """The product over the columns as the share that a typical column has explained."""
        return float(1 - unexplained ** (1 / self.y.shape[1]))


def _solve(fit: _Fit, max_offset_s: float) -> TimeOffset:
    step = min(0.01, float(np.median(np.diff(fit.t))) / 2)
    grid = np.arange(-max_offset_s, max_offset_s + step / 2, step)
    left, counts = _search(fit, grid)
    fit.smooth(min(CUTOFFS_HZ, key=lambda hz: _unexplained_at(fit, float(grid[np.argmin(left)]), hz)))
    left, counts = _search(fit, grid)
    if counts.max() < MIN_SAMPLES:
        raise codes.CLIP_UNUSABLE(f"{counts.max()} pictures can be compared, {MIN_SAMPLES} are needed")
    best = int(np.argmin(left))
    explained = fit.explained(float(left[best]))
    if explained < LEAST_EXPLAINED:
        raise codes.OFFSET_UNDETERMINED(
            f"one camera's motion explains {max(explained, 0):.0%} of the other's at best"
        )
    if best in (0, len(grid) - 1):
        raise codes.OFFSET_UNDETERMINED(
            f"the best offset lies at the end of the searched range, {grid[best]:+.2f} s",
            fix="Search farther with --max-offset, or check that both clips show the same motion.",
        )
    valleys = np.flatnonzero((left[1:-1] < left[:-2]) & (left[1:-1] <= left[2:])) + 1
    rivals = [k for k in valleys if abs(k - best) > 1]
    rival = min((float(left[k]) for k in rivals), default=1.0)
    lead = np.log(rival / left[best])
    alike = lead < max(np.log(RIVAL_RATIO), 2 * RIVAL_LOG_LIKELIHOOD / counts[best])
    if alike or 1 - fit.explained(rival) < RIVAL_UNEXPLAINED:
        other = next(grid[k] for k in rivals if left[k] == rival)
        raise codes.OFFSET_UNDETERMINED(
            f"the motion repeats: {1e3 * grid[best]:+.0f} ms and {1e3 * other:+.0f} ms explain it alike"
        )
    offset, sigma, samples = _refine(fit, float(grid[best]), step)
    if sigma > MAX_SIGMA_S:
        raise codes.OFFSET_UNDETERMINED(f"the offset is known to {1e3 * sigma:.0f} ms only")
    return TimeOffset(offset, sigma, fit.explained(fit.unexplained(offset)[0]), fit.explained(rival), samples)


def _search(fit: _Fit, grid: Float64) -> tuple[Float64, NDArray[np.int64]]:
    left, counts = zip(*(fit.unexplained(float(offset)) for offset in grid), strict=True)
    return np.array(left), np.array(counts)


def _unexplained_at(fit: _Fit, offset: float, cutoff_hz: float) -> float:
    fit.smooth(cutoff_hz)
    return fit.unexplained(offset)[0]


def _refine(fit: _Fit, offset: float, step: float) -> tuple[float, float, int]:
    """Gauss-Newton on the offset alone, the linear map projected out; its standard error."""
    start, h = offset, min(1e-3, step / 4)
    weights: Float64 | None = None
    for _ in range(STEPS):
        rows = fit.usable(offset)
        X, y = fit.regressors(offset, rows), fit.y[rows]
        slope = (fit.regressors(offset + h, rows) - fit.regressors(offset - h, rows)) / (2 * h)
        if weights is None or len(weights) != len(y):
            weights = np.ones(len(y))
        root = np.sqrt(weights)[:, None]
        Q = np.linalg.qr(X * root)[0]
        W = np.linalg.lstsq(X * root, y * root, rcond=1e-9)[0]
        residual = y - X @ W
        freedom = max(weights.sum() - X.shape[1] - 1, 1.0)
        noise = np.sqrt((weights[:, None] * residual**2).sum(axis=0) / freedom) + 1e-12
        tangent = (slope @ W) * root / noise
        tangent -= Q @ (Q.T @ tangent)
        pull = (tangent * residual * root / noise).sum(axis=1)
        stiffness = (tangent**2).sum(axis=1)
        change = pull.sum() / max(stiffness.sum(), 1e-12)
        offset = float(np.clip(offset + change, start - 4 * step, start + 4 * step))
        size = np.sqrt(((residual / noise) ** 2).mean(axis=1))
        typical = np.median(size) * 1.5 + 1e-12  # a false detection must not pull
        weights = np.minimum(1.0, HUBER * typical / np.maximum(size, 1e-12))
        if abs(change) < 1e-7:
            break
    analytic = 1 / np.sqrt(max(stiffness.sum(), 1e-12))
    return offset, max(analytic, _jackknife(pull, stiffness)), len(y)


def _jackknife(pull: Float64, stiffness: Float64) -> float:
    """Standard error from leaving out one stretch of the clip at a time: residuals are not independent."""
    blocks = np.arange(len(pull)) * BLOCKS // len(pull)
    left_out = [blocks != k for k in range(BLOCKS)]
    estimates = np.array([pull[kept].sum() / max(stiffness[kept].sum(), 1e-12) for kept in left_out])
    return float(np.sqrt((BLOCKS - 1) / BLOCKS * ((estimates - estimates.mean()) ** 2).sum()))


def _standardised(values: Float64) -> Float64:
    spread = values.std(axis=0)
    scaled: Float64 = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def _smoothing_spline(t: Float64, values: Float64, cutoff_hz: float) -> Callable[[Float64], Float64]:
    """Cubic smoothing spline of the columns.

    Minimising sum (y - S)^2 + lam int S''^2 over samples dt apart damps the angular frequency w by
    1 / (1 + lam dt w^4): lam puts one half at the cutoff.
    """
    from scipy.interpolate import make_smoothing_spline

    lam = 1 / (float(np.median(np.diff(t))) * (2 * np.pi * cutoff_hz) ** 4)
    columns: list[Any] = [make_smoothing_spline(t, column, lam=lam) for column in values.T]
    return lambda at: np.stack([column(at) for column in columns], axis=1)
