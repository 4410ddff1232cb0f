"""The numbers and structures are the kernel's: published values, and its own header where it is installed."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from rigsight.edge.cameras.v4l2 import ioctls

# As strace and the kernel's compat tables print them for 64-bit machines.
PUBLISHED = {
    "QUERYCAP": 0x80685600, "ENUM_FMT": 0xC0405602, "G_FMT": 0xC0D05604, "S_FMT": 0xC0D05605,
    "REQBUFS": 0xC0145608, "QUERYBUF": 0xC0585609, "QBUF": 0xC058560F, "DQBUF": 0xC0585611,
    "STREAMON": 0x40045612, "STREAMOFF": 0x40045613, "G_PARM": 0xC0CC5615, "S_PARM": 0xC0CC5616,
    "ENUM_FRAMESIZES": 0xC02C564A, "ENUM_FRAMEINTERVALS": 0xC034564B, "USB_RESET": 0x5514,
}  # fmt: skip
HEADER = Path("/usr/include/linux/videodev2.h")
# Ours -> the header's structure, and our fields -> its members.
STRUCTURES = {
    ioctls.Capability: ("v4l2_capability", {"card": "card", "device_caps": "device_caps"}),
    ioctls.FormatDescription: ("v4l2_fmtdesc", {"description": "description", "pixelformat": "pixelformat"}),
    ioctls.PixelLayout: (
        "v4l2_pix_format",
        {"pixelformat": "pixelformat", "bytesperline": "bytesperline", "sizeimage": "sizeimage"},
    ),
    ioctls.Format: ("v4l2_format", {"type": "type", "fmt": "fmt"}),
    ioctls.RequestBuffers: ("v4l2_requestbuffers", {"memory": "memory", "capabilities": "capabilities"}),
    ioctls.Buffer: (
        "v4l2_buffer",
        {
            "bytesused": "bytesused",
            "flags": "flags",
            "seconds": "timestamp.tv_sec",
            "microseconds": "timestamp.tv_usec",
            "sequence": "sequence",
            "memory": "memory",
            "offset": "m.offset",
            "length": "length",
        },
    ),
    ioctls.StreamParameters: ("v4l2_streamparm", {"parm": "parm.capture"}),
    ioctls.FrameSizes: ("v4l2_frmsizeenum", {"type": "type", "values": "discrete.width"}),
    ioctls.FrameIntervals: (
        "v4l2_frmivalenum",
        {"width": "width", "type": "type", "values": "discrete.numerator"},
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_numbers_are_the_published_ones(name: str) -> None:
    assert getattr(ioctls, name) == PUBLISHED[name]


def test_structures_lie_as_in_the_kernels_header(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not HEADER.exists():
        pytest.skip("no C compiler, or no linux/videodev2.h (apt: gcc linux-libc-dev)")
    asked, expected = [], []
    for ours, (theirs, members) in STRUCTURES.items():
        asked.append(f"sizeof(struct {theirs})")
        expected.append(ctypes.sizeof(ours))
        for field, member in members.items():
            asked.append(f"offsetof(struct {theirs}, {member})")
            expected.append(getattr(ours, field).offset)
    constants = {
        "V4L2_BUF_TYPE_VIDEO_CAPTURE": ioctls.CAPTURE,
        "V4L2_MEMORY_MMAP": ioctls.MEMORY_MMAP,
        "V4L2_FIELD_NONE": ioctls.FIELD_NONE,
        "V4L2_CAP_VIDEO_CAPTURE": ioctls.CAP_VIDEO_CAPTURE,
        "V4L2_CAP_VIDEO_CAPTURE_MPLANE": ioctls.CAP_VIDEO_CAPTURE_MPLANE,
        "V4L2_CAP_META_CAPTURE": ioctls.CAP_META_CAPTURE,
        "V4L2_CAP_STREAMING": ioctls.CAP_STREAMING,
        "V4L2_CAP_DEVICE_CAPS": ioctls.CAP_DEVICE_CAPS,
        "V4L2_CAP_TIMEPERFRAME": ioctls.CAP_TIMEPERFRAME,
        "V4L2_BUF_FLAG_ERROR": ioctls.BUFFER_ERROR,
        "V4L2_BUF_FLAG_TIMESTAMP_MASK": ioctls.TIMESTAMP_MASK,
        "V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC": ioctls.TIMESTAMP_MONOTONIC,
        "V4L2_FRMSIZE_TYPE_DISCRETE": ioctls.SIZE_DISCRETE,
        "V4L2_FRMIVAL_TYPE_DISCRETE": ioctls.INTERVAL_DISCRETE,
        "V4L2_PIX_FMT_Y16": ioctls.fourcc("Y16"),
        "V4L2_PIX_FMT_Y16_BE": ioctls.fourcc("Y16_BE"),
        "V4L2_PIX_FMT_MJPEG": ioctls.fourcc("MJPG"),
        "V4L2_PIX_FMT_YUV420": ioctls.fourcc("YU12"),
        "V4L2_PIX_FMT_RGB24": ioctls.fourcc("RGB3"),
        "V4L2_PIX_FMT_BGR24": ioctls.fourcc("BGR3"),
        "USBDEVFS_RESET": ioctls.USB_RESET,
    }
    asked += constants
    expected += constants.values()
    source = tmp_path / "ask.c"
    source.write_text(
        "#include <linux/videodev2.h>\n#include <linux/usbdevice_fs.h>\n"
        "#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n"
        + "".join(f'printf("%lu\\n", (unsigned long)({a}));\n' for a in asked)
        + "}\n"
    )
    subprocess.run([compiler, "-o", tmp_path / "ask", source], check=True)
    told = subprocess.run([tmp_path / "ask"], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(asked, map(int, told), strict=True)) == dict(zip(asked, expected, strict=True))


def test_fourccs_go_there_and_back() -> None:
    for name in ("Y16", "Y16_BE", "YUYV", "MJPG", "NV12", "GREY"):
        assert ioctls.fourcc_name(ioctls.fourcc(name)) == name
