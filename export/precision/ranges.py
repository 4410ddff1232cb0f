"""The range of every activation on calibration pictures: what INT8's 256 steps are spread over.

MinMax, percentile and entropy are ONNX Runtime's own calibrators; the smallest mean square error is ours.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.engines.base import Array
from rigsight.export import codes
from rigsight.export.precision.recorder import Feeds

Method = Literal["minmax", "percentile", "entropy", "mse"]
METHODS: tuple[Method, ...] = get_args(Method)
BINS = 2048
PERCENTILE = 99.999
STEPS = 255
# What share of the largest value the best range may be cut to.
_FACTORS = np.linspace(0.3, 1.0, 71)


@dataclass(frozen=True)
class Ranges:
    """``limits``: tensor -> (lowest, highest) for INT8; ``largest``: tensor -> largest absolute value."""

    method: Method
    limits: dict[str, tuple[float, float]]
    largest: dict[str, float]


def collect_ranges(
    graph: bytes,
    feeds: Iterable[Feeds],
    method: Method = "mse",
    progress: Callable[[int], None] = lambda done: None,
) -> Ranges:
    """Run ``feeds`` through the float32 ``graph`` and find the range of every float tensor.

    Memory is that of one picture's activations and a histogram a tensor, however many feeds there are;
    ``progress`` is told how many are done.

    Raises:
        RigsightError: EXP-101 where a value is not finite.
    """
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    entropy = method == "entropy"
    with tempfile.TemporaryDirectory(prefix="rigsight-ranges-") as folder, _silent():
        path = Path(folder, "graph.onnx")
        path.write_bytes(graph)
        calibrator: Any = create_calibrator(
            path,
            augmented_model_path=Path(folder, "augmented.onnx").as_posix(),
            calibrate_method=CalibrationMethod.Entropy if entropy else CalibrationMethod.Percentile,
            extra_options={"symmetric": False, "num_bins": BINS // 16 if entropy else BINS}
            | ({} if entropy else {"percentile": PERCENTILE}),
        )
        for done, feed in enumerate(feeds):
            try:
                calibrator.collect_data(_One(feed))
            except ValueError as error:  # of numpy's histogram
                raise codes.CALIBRATION_SET(
                    f"the network gives values that are not finite on input {done + 1}",
                    fix="Look at what the checkpoint gives in PyTorch: it has no ranges to find.",
                ) from error
            progress(done + 1)
        histograms: dict[str, Any] = calibrator.collector.get_histogram_dict()
        seen = {name: (float(entry[2]), float(entry[3])) for name, entry in histograms.items()}
        if method == "minmax":
            limits = seen
        elif method == "mse":
            limits = {name: best_limits(entry[0], entry[1]) for name, entry in histograms.items()}
        else:
            found = calibrator.compute_data()
            limits = {
                name: (float(found[name].range_value[0]), float(found[name].range_value[1])) for name in seen
            }
    return Ranges(method, limits, {name: max(abs(a), abs(b)) for name, (a, b) in seen.items()})


def best_limits(counts: NDArray[Any], edges: NDArray[Any]) -> tuple[float, float]:
    """The part of a histogram's range whose 255 even steps give the smallest mean square error.

    Values inside err by a uniform rounding error, step^2 / 12; values outside by their distance to the end.
    Both ends are cut by the same factor, zero stays inside.

    Args:
        counts: [N] values a bin.
        edges: [N + 1] ascending borders of the bins.

    >>> counts, edges = np.zeros(100), np.linspace(0, 100, 101)
    >>> counts[:10], counts[99] = 1000, 1
    >>> low, high = best_limits(counts, edges)
    >>> low, 30 <= high < 100
    (0.0, True)
    """
    used = np.flatnonzero(counts)
    if used.size == 0:
        return 0.0, 0.0
    low, high = min(0.0, float(edges[used[0]])), max(0.0, float(edges[used[-1] + 1]))
    centres, n = (edges[:-1][used] + edges[1:][used]) / 2.0, counts[used].astype(np.float64)
    errors = []
    for factor in _FACTORS:
        bottom, top = low * factor, high * factor
        outside = centres - np.clip(centres, bottom, top)
        rounding = ((top - bottom) / STEPS) ** 2 / 12.0
        errors.append(float((n * np.where(outside == 0, rounding, outside**2)).sum()))
    factor = float(_FACTORS[int(np.argmin(errors))])
    return low * factor, high * factor


class _One:
    """ONNX Runtime's reader of calibration data, for one feed."""

    def __init__(self, feed: Feeds) -> None:
        self._feed: dict[str, Array] | None = dict(feed)

    def get_next(self) -> dict[str, Array] | None:
        feed, self._feed = self._feed, None
        return feed


@contextlib.contextmanager
def _silent() -> Any:
    """The calibrators print their settings."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
