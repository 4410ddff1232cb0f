"""Which Debian package brings an element. Elements by plugin: GStreamer's plugin reference."""

from __future__ import annotations

import re

NVIDIA = "nvidia-l4t-gstreamer"
CORE, BASE, GOOD, BAD, UGLY, LIBAV = (
    "libgstreamer1.0-0", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-ugly", "gstreamer1.0-libav",
)  # fmt: skip
_PACKAGES = (
    (
        r"nv(arguscamera|camera|eglstream)src|nvvidconv|nvv4l2\w+|nvjpeg\w+|nvcompositor|nv\w*sink",
        NVIDIA,
    ),
    (r"av(dec|enc|demux|mux)_\w+", LIBAV),
    (r"libcamerasrc", "gstreamer1.0-libcamera"),
    (r"x264enc", UGLY),
    (
        r"queue2?|tee|capsfilter|identity|valve|(file|fd|fake)(src|sink)|multiqueue|(input|output)-selector",
        CORE,
    ),
    (
        r"appsink|appsrc|videotestsrc|videoconvert(scale)?|videoscale|videorate|decodebin3?|playbin3?|"
        r"uridecodebin3?|tcp(client|server)(src|sink)|raw(video)?parse|oggdemux|theoradec",
        BASE,
    ),
    (
        r"v4l2\w+|rtsp\w+|rtp\w+|udp(src|sink)|jpeg(dec|enc)|png(dec|enc)|vp[89](dec|enc)|qtdemux|mp4mux|"
        r"matroska\w+|multi(file|part)\w+|video(crop|flip|box|balance|mixer)|souphttpsrc|imagefreeze|"
        r"avidemux|pulsesrc|ximagesrc|deinterlace",
        GOOD,
    ),
    (
        r"h26[45](parse|timestamper)|(va|msdk|qsv|nv)(h26[45]|jpeg|vp[89]|av1)\w*|openh264(dec|enc)|x265enc|jpegparse|"
        r"srt\w+|webrtc\w+|decklink\w+|uvch264\w+|tsdemux|mpegts\w+|kmssink|wayland\w+|zbar|dtls\w+|ipcpipeline\w+|"
        r"shm(src|sink)|aravissrc",
        BAD,
    ),
)


def package_of(element: str) -> str | None:
    """The package that has an element, None where it is not known.

    >>> package_of("nvarguscamerasrc"), package_of("jpegdec"), package_of("frobnicate")
    ('nvidia-l4t-gstreamer', 'gstreamer1.0-plugins-good', None)
    """
    return next((package for names, package in _PACKAGES if re.fullmatch(names, element)), None)
