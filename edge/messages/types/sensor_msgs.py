"""sensor_msgs: pictures, cameras, positions, distances, temperatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from rigsight.edge.messages.fields import (
    Bool,
    Bytes,
    Float32,
    Float64,
    Floats,
    Int8,
    String,
    UInt8,
    UInt16,
    UInt32,
)
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types.std_msgs import NO_HEADER, Header

EYE9 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Image(Message):
    """``height`` rows of ``step`` bytes, of which the first ``width`` pixels count; see ``images.py``."""

    header: Header = NO_HEADER
    height: UInt32 = 0
    width: UInt32 = 0
    encoding: String = ""
    is_bigendian: UInt8 = 0
    step: UInt32 = 0
    data: Bytes = b""


@dataclass(frozen=True, slots=True)
class CompressedImage(Message):
    """``format`` as image_transport writes it: ``mono8; png compressed ``, ``rgb8; jpeg compressed bgr8``."""

    header: Header = NO_HEADER
    format: String = ""
    data: Bytes = b""


@dataclass(frozen=True, slots=True)
class RegionOfInterest(Message):
    """Pixels of the whole picture; all zero means all of it."""

    x_offset: UInt32 = 0
    y_offset: UInt32 = 0
    height: UInt32 = 0
    width: UInt32 = 0
    do_rectify: Bool = False


@dataclass(frozen=True, slots=True)
class CameraInfo(Message):
    """A lens: ``k`` [3,3] raw, ``d`` by ``distortion_model``, ``r`` [3,3], ``p`` [3,4] rectified."""

    header: Header = NO_HEADER
    height: UInt32 = 0
    width: UInt32 = 0
    distortion_model: String = ""
    d: Annotated[Floats, "float64[]"] = ()
    k: Annotated[Floats, "float64[9]"] = (0.0,) * 9
    r: Annotated[Floats, "float64[9]"] = EYE9
    p: Annotated[Floats, "float64[12]"] = (0.0,) * 12
    binning_x: UInt32 = 0
    binning_y: UInt32 = 0
    roi: RegionOfInterest = RegionOfInterest()


@dataclass(frozen=True, slots=True)
class NavSatStatus(Message):
    """Which kind of fix; the two UNKNOWN came after Humble, where -2 has no name."""

    STATUS_UNKNOWN: ClassVar[Int8] = -2
    STATUS_NO_FIX: ClassVar[Int8] = -1
    STATUS_FIX: ClassVar[Int8] = 0
    STATUS_SBAS_FIX: ClassVar[Int8] = 1
    STATUS_GBAS_FIX: ClassVar[Int8] = 2
    SERVICE_UNKNOWN: ClassVar[UInt16] = 0
    SERVICE_GPS: ClassVar[UInt16] = 1
    SERVICE_GLONASS: ClassVar[UInt16] = 2
    SERVICE_COMPASS: ClassVar[UInt16] = 4
    SERVICE_GALILEO: ClassVar[UInt16] = 8

    status: Int8 = -2
    service: UInt16 = 0


@dataclass(frozen=True, slots=True)
class NavSatFix(Message):
    """WGS 84 degrees; ``altitude`` in metres above the ellipsoid, NaN where unknown; covariance ENU in m²."""

    COVARIANCE_TYPE_UNKNOWN: ClassVar[UInt8] = 0
    COVARIANCE_TYPE_APPROXIMATED: ClassVar[UInt8] = 1
    COVARIANCE_TYPE_DIAGONAL_KNOWN: ClassVar[UInt8] = 2
    COVARIANCE_TYPE_KNOWN: ClassVar[UInt8] = 3

    header: Header = NO_HEADER
    status: NavSatStatus = NavSatStatus()
    latitude: Float64 = 0.0
    longitude: Float64 = 0.0
    altitude: Float64 = 0.0
    position_covariance: Annotated[Floats, "float64[9]"] = (0.0,) * 9
    position_covariance_type: UInt8 = 0


@dataclass(frozen=True, slots=True)
class Range(Message):
    """Metres along x of its frame, radians; ``variance`` in m², 0 where unknown (not in Humble's type)."""

    ULTRASOUND: ClassVar[UInt8] = 0
    INFRARED: ClassVar[UInt8] = 1

    header: Header = NO_HEADER
    radiation_type: UInt8 = 0
    field_of_view: Float32 = 0.0
    min_range: Float32 = 0.0
    max_range: Float32 = 0.0
    range: Float32 = 0.0
    variance: Float32 = 0.0


@dataclass(frozen=True, slots=True)
class Temperature(Message):
    """Degrees Celsius; ``variance`` 0 where unknown."""

    header: Header = NO_HEADER
    temperature: Float64 = 0.0
    variance: Float64 = 0.0
