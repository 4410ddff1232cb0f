"""Which cameras there are and what they offer; whether GStreamer is there, and what it lacks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras.v4l2.device import CaptureDevice
from rigsight.edge.cameras.v4l2.formats import Offer
from rigsight.edge.cameras.v4l2.kernel import Kernel, Linux

DEV = Path("/dev")
SYS = Path("/sys")
# Element -> what it is for; without the last ones only some pipelines work.
ELEMENTS = {
    "videoconvert": "formats", "appsink": "pictures", "v4l2src": "V4L2 cameras", "jpegdec": "JPEG",
    "rtspsrc": "RTSP", "h264parse": "H.264 streams", "avdec_h264": "H.264 in software",
}  # fmt: skip
ON_JETSON = {"nvarguscamerasrc": "CSI cameras", "nvvidconv": "formats of CSI cameras"}
MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One V4L2 camera. ``path`` survives replugging where ``/dev/v4l/by-id`` has it."""

    path: str
    node: str
    name: str
    offers: tuple[Offer, ...] = ()
    problem: RigsightError | None = None

    def words(self) -> str:
        """Name, path, and what it offers, on one line."""
        offered = "; ".join(map(offer_words, self.offers)) or "no formats"
        return f"{self.name} (v4l2:{self.path}): {offered}"


@dataclass(frozen=True, slots=True)
class GstreamerInfo:
    """``version`` is empty where it is not installed, and ``missing`` then says so."""

    version: str
    missing: dict[str, str]
    fix: str = ""


def list_cameras(kernel: Kernel | None = None, dev: Path = DEV, sys: Path = SYS) -> list[CameraInfo]:
    """All video devices that give pictures; those that cannot be opened come with their problem."""
    kernel = kernel or Linux()
    links = {os.path.realpath(link): str(link) for link in sorted((dev / "v4l" / "by-id").glob("*"))}
    found = []
    for node in sorted(dev.glob("video*"), key=_number):
        if not re.fullmatch(r"video\d+", node.name):
            continue
        path = links.get(os.path.realpath(node), str(node))
        device = CaptureDevice(str(node), kernel)
        try:
            identity = device.open()
            found.append(CameraInfo(path, str(node), identity.card, tuple(device.offers())))
        except RigsightError as error:
            # A node that opens and is no camera: the metadata of one, a codec.
            if error.code != "CAM-002":
                found.append(CameraInfo(path, str(node), _kernels_name(sys, node), (), error))
        finally:
            device.close()
    return found


def offer_words(offer: Offer) -> str:
    """Such as ``Y16 640x512 at 60, 30 Hz``; the largest sizes where there are many."""
    if offer.span is not None:
        (w0, h0), (w1, h1) = offer.span.low, offer.span.high
        return f"{offer.format} {w0}x{h0} to {w1}x{h1}"
    sizes = sorted(offer.sizes, key=lambda size: -size.width * size.height)
    more = f", {len(sizes) - MOST_WORDS} more sizes" if len(sizes) > MOST_WORDS else ""
    return f"{offer.format} {', '.join(size.words() for size in sizes[:MOST_WORDS])}{more}".strip()


def look_at_gstreamer(jetson: bool, elements: Sequence[str] | None = None) -> GstreamerInfo:
    """The version, and which elements are not there, with what they are for and the command that mends it."""
    from rigsight.edge.cameras.gst.library import library
    from rigsight.edge.cameras.gst.packages import package_of

    try:
        gst = library()
        version = gst.start()
    except RigsightError as error:
        return GstreamerInfo("", {"GStreamer": error.what}, error.fix)
    uses = ELEMENTS | (ON_JETSON if jetson else {})
    missing = {name: uses.get(name, "") for name in elements or uses if not gst.has(name)}
    packages = sorted({package for name in missing if (package := package_of(name)) is not None})
    return GstreamerInfo(version, missing, f"sudo apt install {' '.join(packages)}" if packages else "")


def _number(node: Path) -> int:
    digits = node.name.removeprefix("video")
    return int(digits) if digits.isdigit() else 0


def _kernels_name(sys: Path, node: Path) -> str:
    try:
        return (sys / "class" / "video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "a camera"
