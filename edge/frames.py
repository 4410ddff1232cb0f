"""The types that travel: Frame -> FrameSet -> Aligned -> Prediction.

Times are nanoseconds of the rig's monotonic clock. Pictures are row-major [height, width(, channel)],
RGB in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rigsight.edge.devices.instruments import Readings
    from rigsight.edge.instances import Instance

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Image = NDArray[Any]

UNLABELLED = 255


def as_uint8(image: Image) -> UInt8:
    """Name what OpenCV returned as the uint8 picture that it is (no copy)."""
    return cast(UInt8, image)


class TimeSource(str, Enum):
    """What stamped a frame, best first."""

    TRIGGER = "trigger"
    DRIVER = "driver"
    ARRIVAL = "arrival"


class Flag(str, Enum):
    """What is known to be wrong with a frame."""

    SHUTTER = "shutter"
    FROZEN = "frozen"
    LATE = "late"
    CORRUPT = "corrupt"


class PixelFormat(str, Enum):
    """How ``Frame.data`` is to be read."""

    RGB8 = "rgb8"
    MONO8 = "mono8"
    MONO16 = "mono16"


class Lease(Protocol):
    """Keeps a pooled buffer alive; see ``edge/pool.py``."""

    def hold(self) -> None:
        """Add one holder."""

    def release(self) -> None:
        """Let go; the buffer returns to its pool with the last holder."""


class Radiometry(Protocol):
    """What a thermal camera's counts mean: :class:`CountsToKelvin` where they are linear in the temperature,
    :class:`rigsight.edge.radiometry.planck.PlanckToKelvin` where they are in the radiation."""

    def __call__(self, counts: Image) -> Float32:
        """Counts of any shape as kelvin, float32 of the same shape."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, of which ``kind`` tells which of the two it is."""


@dataclass(frozen=True, slots=True)
class CountsToKelvin:
    """Linear radiometry: kelvin = gain * counts + offset."""

    gain: float
    offset: float

    def __call__(self, counts: Image) -> Float32:
        """Counts of any shape as kelvin, float32 of the same shape."""
        return np.asarray(counts, dtype=np.float32) * np.float32(self.gain) + np.float32(self.offset)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "linear", "gain": self.gain, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Depth:
    """Distances along the optical axis of a frame's pixels: ``counts`` uint16 [H,W], 0 where unknown."""

    counts: Image
    metres_per_count: float

    def metres(self) -> Float32:
        """float32 [H,W], 0 where unknown."""
        return self.counts.astype(np.float32) * np.float32(self.metres_per_count)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera. ``data`` is read-only: RGB uint8 [H,W,3] or thermal uint16/uint8 [H,W].

    Of a camera that sees depth ``distance_m`` is that of the picture's middle, ``depth`` that of every pixel.
    """

    camera: str
    data: Image
    captured_ns: int
    sequence: int
    pixel_format: PixelFormat
    time_source: TimeSource = TimeSource.ARRIVAL
    epoch_ns: int | None = None
    counts_to_kelvin: Radiometry | None = None
    flags: frozenset[Flag] = frozenset()
    lease: Lease | None = None
    distance_m: float | None = None
    depth: Depth | None = None

    def release(self) -> None:
        """Give the buffer back to its pool, if it came from one."""
        if self.lease is not None:
            self.lease.release()


@dataclass(frozen=True, slots=True)
class FrameSet:
    """The frames of one instant.

    ``frames`` maps role (``rgb``, ``thermal``) to frame; ``missing`` maps an absent role to the reason.
    ``captured_ns`` is the reference camera's stamp, ``skew_ns`` maps role to stamp minus reference stamp.
    ``name`` is a file stem where the set has one. ``truth`` is filled by the simulated rig only. ``readings``
    is what range finder and navigation knew of ``captured_ns``, or what the pictures' file says of it.
    """

    index: int
    captured_ns: int
    frames: Mapping[str, Frame]
    missing: Mapping[str, str] = field(default_factory=dict)
    skew_ns: Mapping[str, int] = field(default_factory=dict)
    name: str | None = None
    truth: Any | None = None
    readings: Readings | None = None

    def release(self) -> None:
        """Give every frame's buffer back."""
        for frame in self.frames.values():
            frame.release()


@dataclass(frozen=True, slots=True)
class Aligned:
    """RGB and thermal on one pixel grid.

    ``rgb`` uint8 [H,W,3] and ``thermal`` uint8 [H,W] (after AGC) are what the network sees; a missing
    modality is all zero. ``valid`` uint8 [H,W] is 255 where every present camera sees the surface. ``K``
    float64 [3,3] belongs to the grid, ``T_native_grid`` float64 [3,3] maps grid pixels to the native
    (undistorted) RGB picture. ``agc_bounds`` are the counts mapped to 0 and 255, None for 8-bit input.
    """

    source: FrameSet
    rgb: UInt8
    thermal: UInt8
    valid: UInt8
    K: Float64
    T_native_grid: Float64
    agc_bounds: tuple[float, float] | None
    warp_counts: Callable[[], Image] | None = None

    def kelvin(self) -> Float32 | None:
        """Temperature on the grid in kelvin, float32 [H,W], warped from the raw counts only now.

        None where the camera is not radiometric or missing.
        """
        thermal = self.source.frames.get("thermal")
        if thermal is None or thermal.counts_to_kelvin is None or self.warp_counts is None:
            return None
        return thermal.counts_to_kelvin(self.warp_counts())


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network says of one Aligned.

    ``mask`` uint8 [H,W] of class ids, 255 = unlabelled (also outside the validity mask); ``confidence`` uint8
    [H,W] (0..255 for 0..1) or None when nobody asked; ``probability`` uint8 [H,W] of class 1 where binary;
    ``fused`` uint8 [H,W,3] or None; ``instances`` best first, None where the bundle does not look for them.
    ``degraded`` says which modality was missing, None in normal
    running. ``stage_ns`` maps stage to its duration.
    """

    aligned: Aligned
    mask: UInt8
    confidence: UInt8 | None = None
    probability: UInt8 | None = None
    fused: UInt8 | None = None
    instances: tuple[Instance, ...] | None = None
    degraded: str | None = None
    bundle_id: str = ""
    stage_ns: Mapping[str, int] = field(default_factory=dict)
