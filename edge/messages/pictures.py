"""Frames and predictions as pictures that ROS knows."""

from __future__ import annotations

from rigsight.edge.frames import Aligned, Frame, PixelFormat, Prediction
from rigsight.edge.messages.images import Encoding, image_of
from rigsight.edge.messages.types.sensor_msgs import Image
from rigsight.edge.messages.types.std_msgs import Header

_ENCODINGS: dict[PixelFormat, Encoding] = {
    PixelFormat.RGB8: "rgb8",
    PixelFormat.MONO8: "mono8",
    PixelFormat.MONO16: "mono16",
}


def frame_image(frame: Frame, header: Header) -> Image:
    """A camera's own picture: rgb8, mono8, or a thermal camera's counts as mono16.

    The message looks at the frame's buffer: serialise it before the frame is released.

    Raises:
        RigsightError: MSG-003 where the data are not what the frame's pixel format says.
    """
    return image_of(frame.data, header, _ENCODINGS[frame.pixel_format])


def mask_image(prediction: Prediction, header: Header) -> Image:
    """mono8 class ids on the aligned grid; 255 is unlabelled, also where a camera does not see."""
    return image_of(prediction.mask, header, "mono8")


def confidence_image(prediction: Prediction, header: Header) -> Image | None:
    """mono8, 0 to 255 for 0 to 1; None where the pipeline was not asked for it."""
    return None if prediction.confidence is None else image_of(prediction.confidence, header, "mono8")


def fused_image(prediction: Prediction, header: Header) -> Image | None:
    """rgb8; None where the model does not fuse."""
    return None if prediction.fused is None else image_of(prediction.fused, header, "rgb8")


def kelvin_image(aligned: Aligned, header: Header) -> Image | None:
    """32FC1 temperature in kelvin on the aligned grid; None without a radiometric camera."""
    kelvin = aligned.kelvin()
    return None if kelvin is None else image_of(kelvin, header, "32FC1")
