"""A running pipeline that ends in an appsink: pictures out of it, with the time at which they were taken.

Times: the pipeline is made to run on GStreamer's system clock, which is CLOCK_MONOTONIC. A buffer's running
time (its timestamp within its segment) plus the pipeline's base time is the instant on that clock to which a
live source stamped it (GStreamer's application development manual, "Clocks and synchronization").
"""

from __future__ import annotations

import re
from ctypes import POINTER, byref, c_int, c_uint64, c_void_p
from dataclasses import dataclass

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras import codes
from rigsight.edge.cameras.decode import Bytes, Layout
from rigsight.edge.cameras.gst import library as api
from rigsight.edge.cameras.gst.library import GStreamer
from rigsight.edge.cameras.gst.troubles import bus_error, parse_error

SINK = "rigsight"
APPENDED = f" ! appsink name={SINK} sync=false max-buffers=1 drop=true"
# GStreamer's names -> V4L2's, which decode.py knows; those that lose least stand first.
NAMES = {
    "RGB": "RGB3", "BGR": "BGR3", "BGRx": "BGRX", "NV12": "NV12", "I420": "YU12", "YUY2": "YUYV",
    "UYVY": "UYVY", "GRAY8": "GREY", "GRAY16_LE": "Y16", "GRAY16_BE": "Y16_BE",
}  # fmt: skip
THERMAL_ONLY = ("GRAY16_LE", "GRAY16_BE")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, until the next is pulled. ``data`` is uint8 [N], laid out as ``how`` says.

    ``clock_ns`` is CLOCK_MONOTONIC, None where the buffer has no time; ``offset`` is what the source counts,
    None where it does not; ``period_ns`` is what the format says, 0 where it varies.
    """

    data: Bytes
    how: Layout
    clock_ns: int | None
    offset: int | None
    period_ns: int


class Pipeline:
    """See the module. One thread uses it."""

    def __init__(self, gst: GStreamer, text: str, role: str, where: str) -> None:
        self._gst, self._role, self._where = gst, role, where
        self._text = text if has_appsink(text) else text + APPENDED
        self._pipeline: int | None = None
        self._sink: int | None = None
        self._bus: int | None = None
        self._sample: int | None = None
        self._buffer: int | None = None
        self._map = api.MapInfo()
        self._running = False

    def open(self) -> None:
        """Make it of its text and start it. Raises RigsightError CAM-001 to CAM-006, CAM-008."""
        gst = self._gst
        error = POINTER(api.GError)()
        self._pipeline = gst.gst_parse_launch(self._text.encode(), byref(error))
        if error or not self._pipeline:
            raise parse_error(gst, gst.taken(error), self._where)
        self._sink = gst.gst_bin_get_by_name(self._pipeline, SINK.encode())
        if not self._sink:
            raise codes.BAD_CAMERA_URI(
                "the pipeline's appsink has another name",
                where=self._where,
                fix=f"Write 'appsink name={SINK}', or leave the appsink out: it is added.",
            )
        formats = [name for name in NAMES if self._role == "thermal" or name not in THERMAL_ONLY]
        if self._role == "thermal":
            formats.sort(key=lambda name: not name.startswith("GRAY"))
        caps = gst.gst_caps_from_string(f"video/x-raw, format=(string){{ {', '.join(formats)} }}".encode())
        gst.gst_app_sink_set_caps(self._sink, caps)
        gst.gst_mini_object_unref(caps)
        clock = gst.gst_system_clock_obtain()
        gst.gst_pipeline_use_clock(self._pipeline, clock)
        gst.gst_object_unref(clock)
        self._bus = gst.gst_element_get_bus(self._pipeline)
        if gst.gst_element_set_state(self._pipeline, api.PLAYING) == api.FAILURE:
            raise self._reported() or codes.CAMERA_LOST("the pipeline does not start", where=self._where)

    def pull(self, timeout_s: float) -> Picture | None:
        """The newest picture, None where none came in time. Raises RigsightError CAM-006 at its end."""
        gst = self._gst
        self._let_go()
        self._sample = gst.gst_app_sink_try_pull_sample(self._sink, max(0, round(timeout_s * 1e9)))
        if not self._sample:
            reported = self._reported()
            # The bus hears of the end a little after the sink does.
            if reported is None and gst.gst_app_sink_is_eos(self._sink):
                reported = self._ended()
            if reported is not None:
                raise reported
            return None
        self._running = True
        info = api.VideoInfo()
        caps = gst.gst_sample_get_caps(self._sample)
        address = gst.gst_sample_get_buffer(self._sample)
        if not caps or not address or not gst.gst_video_info_from_caps(byref(info), caps):
            raise codes.CAMERA_FORMAT("the appsink got something that is no picture", where=self._where)
        if not gst.gst_buffer_map(address, byref(self._map), api.MAP_READ):
            raise codes.CAMERA_LOST("a buffer of the pipeline cannot be read", where=self._where)
        self._buffer = address
        return self._picture(info, api.Buffer.from_address(address))

    def is_live(self) -> bool:
        """Whether its source is a clock of its own (a camera), not a file. Asked once it runs."""
        gst, live = self._gst, c_int()
        # Not the sink: one that does not wait for the clock says that nothing is live.
        pad, query = gst.gst_element_get_static_pad(self._sink, b"sink"), gst.gst_query_new_latency()
        if gst.gst_pad_peer_query(pad, query):
            gst.gst_query_parse_latency(query, byref(live), byref(c_uint64()), byref(c_uint64()))
        gst.gst_mini_object_unref(query)
        gst.gst_object_unref(pad)
        return bool(live)

    def close(self) -> None:
        """Stop it and let go of everything. Closing twice is harmless."""
        gst = self._gst
        self._let_go()
        if self._pipeline:
            gst.gst_element_set_state(self._pipeline, api.NULL)
        for held in (self._bus, self._sink, self._pipeline):
            if held:
                gst.gst_object_unref(held)
        self._bus = self._sink = self._pipeline = None

    def _picture(self, info: api.VideoInfo, buffer: api.Buffer) -> Picture:
        name = info.finfo.contents.name.decode()
        kind = NAMES.get(name)
        if kind is None:
            raise codes.CAMERA_FORMAT(f"{name} is not read", where=self._where)
        count = {"NV12": 2, "YU12": 3}.get(kind, 1)
        planes = tuple((int(info.offset[i]), int(info.stride[i])) for i in range(count))
        data = (
            np.ctypeslib.as_array(self._map.data, (self._map.size,))
            if self._map.size
            else np.zeros(0, np.uint8)
        )
        period = round(1e9 * info.fps_d / info.fps_n) if info.fps_n > 0 else 0
        return Picture(
            data,
            Layout(kind, info.width, info.height, planes),
            self._clock_ns(buffer.pts),
            None if buffer.offset == api.NONE else int(buffer.offset),
            period,
        )

    def _clock_ns(self, pts: int) -> int | None:
        gst = self._gst
        if pts == api.NONE:
            return None
        segment = gst.gst_sample_get_segment(self._sample)
        running = gst.gst_segment_to_running_time(segment, api.FORMAT_TIME, pts) if segment else pts
        base = gst.gst_element_get_base_time(self._pipeline)
        return None if api.NONE in (running, base) else int(running + base)

    def _let_go(self) -> None:
        if self._buffer:
            self._gst.gst_buffer_unmap(self._buffer, byref(self._map))
        if self._sample:
            self._gst.gst_mini_object_unref(self._sample)
        self._buffer = self._sample = None

    def _reported(self) -> RigsightError | None:
        """The error that the pipeline reported, or its end; None where it reported neither."""
        gst = self._gst
        message = gst.gst_bus_timed_pop_filtered(self._bus, 0, api.ERROR | api.EOS)
        if not message:
            return None
        try:
            if api.Message.from_address(message).type == api.EOS:
                return self._ended()
            error, detail = POINTER(api.GError)(), c_void_p()
            gst.gst_message_parse_error(message, byref(error), byref(detail))
            return bus_error(gst, gst.taken(error), gst.text(detail.value), self._running, self._where)
        finally:
            gst.gst_mini_object_unref(message)

    def _ended(self) -> RigsightError:
        return codes.CAMERA_LOST("the pipeline has ended", where=self._where)


def has_appsink(text: str) -> bool:
    """Whether a pipeline's text has a sink of its own for the pictures.

    >>> has_appsink("videotestsrc ! appsink name=rigsight"), has_appsink("videotestsrc ! videoconvert")
    (True, False)
    """
    return re.search(r"(^|!)\s*appsink\b", text) is not None
