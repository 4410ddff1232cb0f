"""The few functions of GStreamer that a camera needs, called through ctypes.

Facts: GStreamer 1.x API reference (gstreamer.freedesktop.org/documentation); the layout of the public
structures is part of its ABI since 1.0, and is read here for 64-bit machines only.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

from rigsight.edge.cameras import codes

NONE = 0xFFFFFFFFFFFFFFFF  # GST_CLOCK_TIME_NONE, GST_BUFFER_OFFSET_NONE
FORMAT_TIME = 3
MAP_READ = 1
NULL, PLAYING = 1, 4
FAILURE = 0
EOS, ERROR = 1 << 0, 1 << 1

_MINI_OBJECT = 64  # bytes of GstMiniObject, with which the structures below begin


class GError(Structure):
    """``GError``."""

    _fields_ = (("domain", c_uint32), ("code", c_int), ("message", c_char_p))


class Buffer(Structure):
    """``GstBuffer`` as far as its times and count."""

    _fields_ = (
        ("mini_object", c_uint8 * _MINI_OBJECT),
        ("pool", c_void_p),
        ("pts", c_uint64),
        ("dts", c_uint64),
        ("duration", c_uint64),
        ("offset", c_uint64),
    )


class Message(Structure):
    """``GstMessage`` as far as its type."""

    _fields_ = (("mini_object", c_uint8 * _MINI_OBJECT), ("type", c_int))


class MapInfo(Structure):
    """``GstMapInfo``."""

    _fields_ = (
        ("memory", c_void_p),
        ("flags", c_int),
        ("data", POINTER(c_uint8)),
        ("size", c_size_t),
        ("maxsize", c_size_t),
        ("user_data", c_void_p * 4),
        ("reserved", c_void_p * 4),
    )


class FormatInfo(Structure):
    """``GstVideoFormatInfo`` as far as its name."""

    _fields_ = (("format", c_int), ("name", c_char_p))


class VideoInfo(Structure):
    """``GstVideoInfo``."""

    _fields_ = (
        ("finfo", POINTER(FormatInfo)),
        ("interlace_mode", c_int),
        ("flags", c_int),
        ("width", c_int),
        ("height", c_int),
        ("size", c_size_t),
        ("views", c_int),
        ("chroma_site", c_int),
        ("colorimetry", c_int * 4),
        ("par", c_int * 2),
        ("fps_n", c_int),
        ("fps_d", c_int),
        ("offset", c_size_t * 4),
        ("stride", c_int * 4),
        ("reserved", c_void_p * 4),
    )


# function -> result, arguments; every pointer to an object is a plain address.
_FUNCTIONS: dict[str, dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "libgstreamer-1.0.so.0": {
        "gst_init_check": (c_int, (c_void_p, c_void_p, POINTER(POINTER(GError)))),
        "gst_deinit": (None, ()),
        "gst_version_string": (c_void_p, ()),
        "gst_parse_launch": (c_void_p, (c_char_p, POINTER(POINTER(GError)))),
        "gst_parse_error_quark": (c_uint32, ()),
        "gst_core_error_quark": (c_uint32, ()),
        "gst_resource_error_quark": (c_uint32, ()),
        "gst_stream_error_quark": (c_uint32, ()),
        "gst_element_factory_find": (c_void_p, (c_char_p,)),
        "gst_bin_get_by_name": (c_void_p, (c_void_p, c_char_p)),
        "gst_pipeline_use_clock": (None, (c_void_p, c_void_p)),
        "gst_system_clock_obtain": (c_void_p, ()),
        "gst_element_set_state": (c_int, (c_void_p, c_int)),
        "gst_element_get_base_time": (c_uint64, (c_void_p,)),
        "gst_element_get_bus": (c_void_p, (c_void_p,)),
        "gst_element_get_static_pad": (c_void_p, (c_void_p, c_char_p)),
        "gst_pad_peer_query": (c_int, (c_void_p, c_void_p)),
        "gst_query_new_latency": (c_void_p, ()),
        "gst_query_parse_latency": (
            None,
            (c_void_p, POINTER(c_int), POINTER(c_uint64), POINTER(c_uint64)),
        ),
        "gst_bus_timed_pop_filtered": (c_void_p, (c_void_p, c_uint64, c_int)),
        "gst_message_parse_error": (None, (c_void_p, POINTER(POINTER(GError)), POINTER(c_void_p))),
        "gst_caps_from_string": (c_void_p, (c_char_p,)),
        "gst_caps_to_string": (c_void_p, (c_void_p,)),
        "gst_sample_get_buffer": (c_void_p, (c_void_p,)),
        "gst_sample_get_caps": (c_void_p, (c_void_p,)),
        "gst_sample_get_segment": (c_void_p, (c_void_p,)),
        "gst_segment_to_running_time": (c_uint64, (c_void_p, c_int, c_uint64)),
        "gst_buffer_map": (c_int, (c_void_p, POINTER(MapInfo), c_int)),
        "gst_buffer_unmap": (None, (c_void_p, POINTER(MapInfo))),
        "gst_mini_object_unref": (None, (c_void_p,)),
        "gst_object_unref": (None, (c_void_p,)),
    },
    "libgstapp-1.0.so.0": {
        "gst_app_sink_try_pull_sample": (c_void_p, (c_void_p, c_uint64)),
        "gst_app_sink_is_eos": (c_int, (c_void_p,)),
        "gst_app_sink_set_caps": (None, (c_void_p, c_void_p)),
    },
    "libgstvideo-1.0.so.0": {
        "gst_video_info_from_caps": (c_int, (POINTER(VideoInfo), c_void_p)),
    },
    "libglib-2.0.so.0": {
        "g_error_free": (None, (POINTER(GError),)),
        "g_free": (None, (c_void_p,)),
    },
}


class GStreamer:
    """The loaded library. Its functions are attributes: ``gst.gst_parse_launch(…)``."""

    def __init__(self) -> None:
        """Load it, without starting it. Raises RigsightError CAM-008 where it is not installed."""
        for name, functions in _FUNCTIONS.items():
            try:
                library = ctypes.CDLL(name)
            except OSError:
                raise codes.PART_MISSING(
                    f"GStreamer is not installed ({name})",
                    fix="sudo apt install libgstreamer-plugins-base1.0-0 gstreamer1.0-plugins-base "
                    "gstreamer1.0-plugins-good",
                ) from None
            for function, (result, arguments) in functions.items():
                found = getattr(library, function)
                found.restype, found.argtypes = result, arguments
                setattr(self, function, found)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            name
        )  # the functions are set by __init__; this tells type checkers that there are

    def start(self) -> str:
        """Initialise it; its version. Raises CAM-008 where it cannot be."""
        error = POINTER(GError)()
        if not self.gst_init_check(None, None, ctypes.byref(error)):
            raise codes.PART_MISSING(f"GStreamer does not start: {self.taken(error)[2]}")
        return self.text(self.gst_version_string())

    def has(self, element: str) -> bool:
        """Whether there is such an element, once started."""
        factory = self.gst_element_factory_find(element.encode())
        if factory:
            self.gst_object_unref(factory)
        return bool(factory)

    def taken(self, error: Any) -> tuple[int, int, str]:
        """Domain, code and message of a GError, which is freed."""
        if not error:
            return 0, 0, "for no reason that it gives"
        found = error.contents
        words = (found.message or b"").decode("utf-8", "replace")
        answer = (int(found.domain), int(found.code), words)
        self.g_error_free(error)
        return answer

    def text(self, address: int | None) -> str:
        """A string that GStreamer gave away, which is freed."""
        if not address:
            return ""
        words = ctypes.string_at(address).decode("utf-8", "replace")
        self.g_free(address)
        return words


@functools.cache
def library() -> GStreamer:
    """The one loaded library of this process. Raises RigsightError CAM-008 where it is not installed."""
    return GStreamer()
