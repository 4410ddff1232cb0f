"""Float or fixed-point maps: which of the two ``cv2.remap`` is faster with differs between its versions.

OpenCV 5 is faster with float maps for one channel and with fixed-point maps for three 8-bit channels; OpenCV
4 rounds float maps to the same 1/32 px, so that fixed-point costs nothing there. As the two give slightly
different pixels in OpenCV 5, what promises the same output for the same input keeps to that rule; live
pipelines measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Maps = Literal["rule", "measured", "float", "fixed"]

ROUNDS = 5
CLEARLY = 0.9  # the rule stands unless the other kind takes less than this share of its time
_OPENCV_5 = int(cv2.__version__.split(".")[0]) >= 5

_measured: dict[tuple[object, ...], bool] = {}
_default: ContextVar[Maps] = ContextVar("maps", default="rule")


def default_maps() -> Maps:
    """How aligners made from now on choose where they are not told."""
    return _default.get()


@contextmanager
def maps_chosen_by(maps: Maps) -> Iterator[None]:
    """Aligners made inside choose their maps this way.

    >>> with maps_chosen_by("measured"):
    ...     default_maps()
    'measured'
    >>> default_maps()
    'rule'
    """
    token = _default.set(maps)
    try:
        yield
    finally:
        _default.reset(token)


def float_by_rule(image: Image) -> bool:
    """The same answer on every machine with the same OpenCV."""
    return _OPENCV_5 and image.ndim == 2


def float_by_measurement(
    image: Image, float_maps: tuple[Image, Image], make_fixed: Callable[[], tuple[Image, Image]]
) -> bool:
    """Whether float maps are faster here, timed in turns once a process for every kind of picture and map."""
    key = (image.shape, image.dtype, float_maps[0].shape, cv2.__version__, cv2.getNumThreads())
    if key not in _measured:
        _measured[key] = _measure(image, float_maps, make_fixed())
    return _measured[key]


def _measure(image: Image, float_maps: tuple[Image, Image], fixed_maps: tuple[Image, Image]) -> bool:
    out = np.empty((*float_maps[0].shape, *image.shape[2:]), image.dtype)

    def ns(maps: tuple[Image, Image]) -> int:
        start = perf_counter_ns()
        cv2.remap(image, *maps, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_CONSTANT)
        return perf_counter_ns() - start

    return faster(lambda: ns(float_maps), lambda: ns(fixed_maps), float_by_rule(image))


def faster(first: Callable[[], int], second: Callable[[], int], rule: bool) -> bool:
    """Whether ``first`` is the faster of two calls that return their nanoseconds; near ties follow ``rule``.

    >>> faster(lambda: 100, lambda: 95, rule=True), faster(lambda: 100, lambda: 80, rule=True)
    (True, False)
    """
    times = [(first(), second()) for _ in range(ROUNDS + 1)][1:]  # the first turn warms up
    a, b = min(t[0] for t in times), min(t[1] for t in times)
    return not b < CLEARLY * a if rule else a < CLEARLY * b
