"""GStreamer's errors as ours. Numbers: GstParseError, GstCoreError, GstResourceError, GstStreamError."""

from __future__ import annotations

import re

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras import codes
from rigsight.edge.cameras.gst.library import GStreamer
from rigsight.edge.cameras.gst.packages import package_of

_NO_SUCH_ELEMENT = 1
_NEGOTIATION, _MISSING_PLUGIN = 7, 12
_NOT_FOUND, _BUSY, _OPEN, _NOT_AUTHORIZED = 3, 4, (5, 6, 7), 15
_CODEC_NOT_FOUND = 6
CONVERT = "End the text with '! videoconvert ! video/x-raw,format=RGB' (thermal: GRAY16_LE or GRAY8)."


def parse_error(gst: GStreamer, error: tuple[int, int, str], where: str) -> RigsightError:
    """Why the text of a pipeline is not understood: CAM-008 for a missing element, else CAM-001."""
    domain, code, words = error
    if domain == gst.gst_parse_error_quark() and code == _NO_SUCH_ELEMENT:
        named = re.search(r'"([^"]+)"', words)
        return missing_element(named[1] if named else words, where)
    return codes.BAD_CAMERA_URI(
        f"GStreamer does not understand the pipeline: {words}",
        where=where,
        fix="Try the text with gst-launch-1.0 (apt: gstreamer1.0-tools).",
    )


def missing_element(name: str, where: str) -> RigsightError:
    """CAM-008, naming the package that has an element."""
    package = package_of(name)
    fix = (
        f"sudo apt install {package}"
        if package
        else "'apt-file search' or gst-inspect-1.0 finds its package."
    )
    return codes.PART_MISSING(f"GStreamer has no element '{name}'", where=where, fix=fix)


def bus_error(
    gst: GStreamer, error: tuple[int, int, str], detail: str, running: bool, where: str
) -> RigsightError:
    """What a pipeline reported: CAM-006 once it has given pictures, else what hinders it to."""
    domain, code, words = error
    place = re.search(r"GstPipeline:[^/]*/([^:]+):([\w-]+)", detail)
    said = f"{words} ({place[1]} {place[2]})" if place else words
    if running:
        return codes.CAMERA_LOST(f"the pipeline failed: {said}", where=where)
    resource, stream = gst.gst_resource_error_quark(), gst.gst_stream_error_quark()
    core = gst.gst_core_error_quark()
    if "not-negotiated" in detail or (domain, code) == (core, _NEGOTIATION):
        what = "the elements of the pipeline agree on no format that is read here"
        return codes.CAMERA_FORMAT(what, where=where, fix=CONVERT)
    if (domain, code) in ((core, _MISSING_PLUGIN), (stream, _CODEC_NOT_FOUND)):
        return codes.PART_MISSING(said, where=where, fix="sudo apt install gstreamer1.0-libav")
    if domain == resource:
        if code == _BUSY:
            return codes.CAMERA_BUSY(said, where=where)
        if code == _NOT_AUTHORIZED:
            return codes.CAMERA_FORBIDDEN(said, where=where)
        if code == _NOT_FOUND or code in _OPEN:
            return codes.CAMERA_ABSENT(said, where=where)
    return codes.CAMERA_LOST(f"the pipeline does not start: {said}", where=where)
