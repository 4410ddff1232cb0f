"""Stamps are Unix time and the input picture's; frames are optical; every picture of a prediction."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import (
    confidence_image,
    epoch_offset_ns,
    frame_header,
    frame_image,
    fused_image,
    grid_header,
    header_at,
    kelvin_image,
    mask_image,
    nanoseconds_of,
    optical_frame,
    picture_of,
    time_of,
)
from tests.edge.messages.made import frames, prediction

OFFSET = 1_700_000_000 * 10**9


@given(st.integers(-(2**31) * 10**9, (2**31) * 10**9 - 1))
def test_times_come_back_to_the_nanosecond(epoch_ns: int) -> None:
    made = time_of(epoch_ns)
    assert 0 <= made.nanosec < 10**9
    assert nanoseconds_of(made) == epoch_ns


def test_the_rigs_clock_becomes_unix_time() -> None:
    header = header_at(time.monotonic_ns(), epoch_offset_ns(), "base_link")
    assert abs(nanoseconds_of(header.stamp) - time.time_ns()) < 10**9


def test_what_the_camera_says_of_its_time_comes_first() -> None:
    frame = frames().frames["rgb"]
    assert nanoseconds_of(frame_header(frame, OFFSET).stamp) == OFFSET + 1_000
    assert nanoseconds_of(frame_header(replace(frame, epoch_ns=77), OFFSET).stamp) == 77


@pytest.mark.parametrize("epoch_ns", [None, OFFSET + 5])
def test_the_masks_stamp_is_the_reference_pictures(epoch_ns: int | None) -> None:
    source = frames(epoch_ns)
    mask = grid_header(source, OFFSET, "rgb")
    assert mask == frame_header(source.frames["rgb"], OFFSET)
    assert mask.stamp != frame_header(source.frames["thermal"], OFFSET).stamp


def test_without_the_reference_picture_the_sets_time_counts() -> None:
    source = frames()
    alone = replace(source, frames={"thermal": source.frames["thermal"]})
    assert nanoseconds_of(grid_header(alone, OFFSET, "rgb").stamp) == OFFSET + 1_000


def test_frames_are_optical_and_may_have_a_prefix() -> None:
    assert optical_frame("thermal", "left_") == "left_thermal_optical_frame"
    assert frame_header(frames().frames["thermal"], 0, "a/").frame_id == "a/thermal_optical_frame"


def test_cameras_pictures() -> None:
    source = frames()
    for role, encoding in (("rgb", "rgb8"), ("thermal", "mono16")):
        message = frame_image(source.frames[role], frame_header(source.frames[role], OFFSET))
        assert message.encoding == encoding
        assert np.array_equal(picture_of(message), source.frames[role].data)


def test_a_frame_whose_data_are_not_what_it_says_is_refused() -> None:
    frame = frames().frames["rgb"]
    with pytest.raises(RigsightError, match="MSG-003: .* cannot be rgb8"):
        frame_image(replace(frame, data=frame.data[:, :, 0]), frame_header(frame, 0))


def test_pictures_of_a_prediction() -> None:
    made = prediction()
    header = grid_header(made.aligned.source, OFFSET, "rgb")
    mask = mask_image(made, header)
    assert mask.encoding == "mono8"
    assert np.array_equal(picture_of(mask), made.mask)
    confidence, fused = confidence_image(made, header), fused_image(made, header)
    kelvin = kelvin_image(made.aligned, header)
    assert confidence is not None
    assert fused is not None
    assert kelvin is not None
    assert np.array_equal(picture_of(confidence), made.confidence)
    assert (fused.encoding, kelvin.encoding) == ("rgb8", "32FC1")
    assert picture_of(kelvin)[0, 0] == pytest.approx(293.15, abs=1e-3)
    assert {message.header for message in (mask, confidence, fused, kelvin)} == {header}


def test_what_nobody_made_is_no_message() -> None:
    made = prediction(full=False)
    header = grid_header(made.aligned.source, OFFSET, "rgb")
    assert confidence_image(made, header) is None
    assert fused_image(made, header) is None
    assert kelvin_image(replace(made.aligned, warp_counts=None), header) is None
