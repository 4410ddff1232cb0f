"""V4L2's numbers and structures on 64-bit Linux.

Facts: the kernel's ``include/uapi/linux/videodev2.h``, ``linux/usbdevice_fs.h`` and ``asm-generic/ioctl.h``.
A request's number holds the size of its structure, so a structure that is laid out wrongly has a number that
the kernel does not know.
"""

from __future__ import annotations

from ctypes import Structure, Union, c_char, c_int, c_int64, c_uint8, c_uint32, c_uint64, sizeof

WRITE, READ = 1, 2

CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
MEMORY_MMAP = 1
FIELD_NONE = 1

CAP_VIDEO_CAPTURE = 0x00000001
CAP_VIDEO_CAPTURE_MPLANE = 0x00001000
CAP_META_CAPTURE = 0x00800000
CAP_STREAMING = 0x04000000
CAP_DEVICE_CAPS = 0x80000000
CAP_TIMEPERFRAME = 0x1000  # of v4l2_captureparm

BUFFER_ERROR = 0x00000040
TIMESTAMP_MASK = 0x0000E000
TIMESTAMP_MONOTONIC = 0x00002000

SIZE_DISCRETE = INTERVAL_DISCRETE = 1
BIG_ENDIAN = 1 << 31  # in a fourcc


def ioc(direction: int, kind: str, number: int, size: int) -> int:
    """A request's number, as the macro ``_IOC`` makes it.

    >>> hex(ioc(READ, "V", 0, 104))
    '0x80685600'
    """
    return direction << 30 | size << 16 | ord(kind) << 8 | number


class Capability(Structure):
    """``v4l2_capability``."""

    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FormatDescription(Structure):
    """``v4l2_fmtdesc``."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class PixelLayout(Structure):
    """``v4l2_pix_format``."""

    _fields_ = tuple(
        (name, c_uint32)
        for name in (
            "width", "height", "pixelformat", "field", "bytesperline", "sizeimage", "colorspace", "priv",
            "flags", "ycbcr_enc", "quantization", "xfer_func",
        )
    )  # fmt: skip


class _FormatUnion(Union):
    # The pointer in one of its members aligns the union to eight bytes.
    _fields_ = (("pix", PixelLayout), ("raw", c_uint8 * 200), ("_align", c_uint64))


class Format(Structure):
    """``v4l2_format``."""

    _fields_ = (("type", c_uint32), ("fmt", _FormatUnion))


class Fraction(Structure):
    """``v4l2_fract``."""

    _fields_ = (("numerator", c_uint32), ("denominator", c_uint32))


class _CaptureParameters(Structure):
    _fields_ = (
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("timeperframe", Fraction),
        ("extendedmode", c_uint32),
        ("readbuffers", c_uint32),
        ("reserved", c_uint32 * 4),
    )


class _ParametersUnion(Union):
    _fields_ = (("capture", _CaptureParameters), ("raw", c_uint8 * 200))


class StreamParameters(Structure):
    """``v4l2_streamparm``."""

    _fields_ = (("type", c_uint32), ("parm", _ParametersUnion))


class RequestBuffers(Structure):
    """``v4l2_requestbuffers``."""

    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class _Timecode(Structure):
    _fields_ = (("type", c_uint32), ("flags", c_uint32), ("rest", c_uint8 * 8))


class Buffer(Structure):
    """``v4l2_buffer``. ``offset`` lies in a union with a pointer, hence eight bytes."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("seconds", c_int64),
        ("microseconds", c_int64),
        ("timecode", _Timecode),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("offset", c_uint64),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int),
    )


class FrameSizes(Structure):
    """``v4l2_frmsizeenum``; ``values``: width, height, or min, max, step of width, then of height."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("values", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


class FrameIntervals(Structure):
    """``v4l2_frmivalenum``; ``values``: one fraction of a second, or min, max, step."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("values", Fraction * 3),
        ("reserved", c_uint32 * 2),
    )


QUERYCAP = ioc(READ, "V", 0, sizeof(Capability))
ENUM_FMT = ioc(READ | WRITE, "V", 2, sizeof(FormatDescription))
G_FMT = ioc(READ | WRITE, "V", 4, sizeof(Format))
S_FMT = ioc(READ | WRITE, "V", 5, sizeof(Format))
REQBUFS = ioc(READ | WRITE, "V", 8, sizeof(RequestBuffers))
QUERYBUF = ioc(READ | WRITE, "V", 9, sizeof(Buffer))
QBUF = ioc(READ | WRITE, "V", 15, sizeof(Buffer))
DQBUF = ioc(READ | WRITE, "V", 17, sizeof(Buffer))
STREAMON = ioc(WRITE, "V", 18, sizeof(c_int))
STREAMOFF = ioc(WRITE, "V", 19, sizeof(c_int))
G_PARM = ioc(READ | WRITE, "V", 21, sizeof(StreamParameters))
S_PARM = ioc(READ | WRITE, "V", 22, sizeof(StreamParameters))
ENUM_FRAMESIZES = ioc(READ | WRITE, "V", 74, sizeof(FrameSizes))
ENUM_FRAMEINTERVALS = ioc(READ | WRITE, "V", 75, sizeof(FrameIntervals))
USB_RESET = ioc(0, "U", 20, 0)  # USBDEVFS_RESET


def fourcc(name: str) -> int:
    """A pixel format's number; ``_BE`` after it stands for big-endian.

    >>> hex(fourcc("YUYV")), hex(fourcc("Y16")), hex(fourcc("Y16_BE"))
    ('0x56595559', '0x20363159', '0xa0363159')
    """
    plain = name.removesuffix("_BE")
    code = int.from_bytes(plain.ljust(4).encode("ascii", "replace")[:4], "little")
    return code | BIG_ENDIAN if plain != name else code


def fourcc_name(code: int) -> str:
    """The name of a pixel format's number.

    >>> fourcc_name(0x47504A4D), fourcc_name(fourcc("Y16_BE"))
    ('MJPG', 'Y16_BE')
    """
    name = (code & ~BIG_ENDIAN).to_bytes(4, "little").decode("ascii", "replace").rstrip()
    return f"{name}_BE" if code & BIG_ENDIAN else name
