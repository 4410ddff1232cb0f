"""Asking an open device what it is and what it offers."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from ctypes import Structure
from dataclasses import dataclass
from typing import TypeVar

from rigsight.edge.cameras.v4l2 import ioctls
from rigsight.edge.cameras.v4l2.formats import Offer, Size, Span
from rigsight.edge.cameras.v4l2.kernel import Kernel

S = TypeVar("S", bound=Structure)
MOST = 256  # a driver that never says "no more" would be asked for ever


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself. ``capabilities`` are those of this node, not of the whole device."""

    driver: str
    card: str
    bus: str
    capabilities: int

    @property
    def is_camera(self) -> bool:
        """It gives pictures in one plane into mapped buffers."""
        needed = ioctls.CAP_VIDEO_CAPTURE | ioctls.CAP_STREAMING
        return self.capabilities & needed == needed


def identify(kernel: Kernel, descriptor: int) -> Identity:
    """Who it is. Raises OSError: ENOTTY where it is no video device."""
    found = ioctls.Capability()
    kernel.ioctl(descriptor, ioctls.QUERYCAP, found)
    own = found.capabilities & ioctls.CAP_DEVICE_CAPS
    return Identity(
        driver=_text(found.driver),
        card=_text(found.card),
        bus=_text(found.bus_info),
        capabilities=found.device_caps if own else found.capabilities,
    )


def list_offers(kernel: Kernel, descriptor: int) -> list[Offer]:
    """Formats, sizes and rates. What a driver does not enumerate is left out. Raises OSError ENODEV."""
    offers = []
    for found in _each(kernel, descriptor, ioctls.ENUM_FMT, _description):
        code = found.pixelformat
        sizes, span = _sizes(kernel, descriptor, code)
        offers.append(Offer(ioctls.fourcc_name(code), _text(found.description), sizes, span))
    return offers


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace")


def _description(index: int) -> ioctls.FormatDescription:
    return ioctls.FormatDescription(index=index, type=ioctls.CAPTURE)


def _sizes(kernel: Kernel, descriptor: int, code: int) -> tuple[tuple[Size, ...], Span | None]:
    sizes = []
    for found in _each(
        kernel,
        descriptor,
        ioctls.ENUM_FRAMESIZES,
        lambda index: ioctls.FrameSizes(index=index, pixel_format=code),
    ):
        v = list(found.values)
        if found.type != ioctls.SIZE_DISCRETE:
            return (), Span((v[0], v[3]), (v[1], v[4]), (v[2], v[5]))
        sizes.append(Size(v[0], v[1], _rates(kernel, descriptor, code, v[0], v[1])))
    return tuple(sizes), None


def _rates(kernel: Kernel, descriptor: int, code: int, width: int, height: int) -> tuple[float, ...]:
    rates = []
    for found in _each(
        kernel,
        descriptor,
        ioctls.ENUM_FRAMEINTERVALS,
        lambda index: ioctls.FrameIntervals(index=index, pixel_format=code, width=width, height=height),
    ):
        interval = found.values[0]
        if found.type != ioctls.INTERVAL_DISCRETE:
            return ()  # any rate: the camera takes the nearest
        if interval.numerator:
            rates.append(interval.denominator / interval.numerator)
    return tuple(sorted(set(rates), reverse=True))


def _each(kernel: Kernel, descriptor: int, request: int, make: Callable[[int], S]) -> Iterator[S]:
    """What a request enumerates; EINVAL ends it, ENOTTY says that it is not enumerated."""
    for index in range(MOST):
        found = make(index)
        try:
            kernel.ioctl(descriptor, request, found)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise
            return
        yield found
