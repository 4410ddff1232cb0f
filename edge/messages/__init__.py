"""Our types as ROS 2 messages, without ROS: plain typed values, their bytes, their definitions and hashes."""

from rigsight.edge.messages.cameras import camera_info, grid_info, static_transforms
from rigsight.edge.messages.compressed import compressed_of, decompressed
from rigsight.edge.messages.definitions import TYPES, definition_of, type_hash, type_named
from rigsight.edge.messages.diagnostics import Counts, counts_of, diagnostics
from rigsight.edge.messages.headers import (
    epoch_offset_ns,
    frame_header,
    grid_header,
    header_at,
    nanoseconds_of,
    optical_frame,
    time_of,
)
from rigsight.edge.messages.images import Encoding, image_of, picture_of, rgb_of
from rigsight.edge.messages.labels import detections, label_info
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.pictures import (
    confidence_image,
    frame_image,
    fused_image,
    kelvin_image,
    mask_image,
)
from rigsight.edge.messages.places import nav_sat_fix, range_of, temperature_of
from rigsight.edge.messages.reading import deserialise
from rigsight.edge.messages.ros import from_ros, to_ros
from rigsight.edge.messages.writing import serialise

__all__ = [
    "TYPES",
    "Counts",
    "Encoding",
    "Message",
    "camera_info",
    "compressed_of",
    "confidence_image",
    "counts_of",
    "decompressed",
    "definition_of",
    "deserialise",
    "detections",
    "diagnostics",
    "epoch_offset_ns",
    "frame_header",
    "frame_image",
    "from_ros",
    "fused_image",
    "grid_header",
    "grid_info",
    "header_at",
    "image_of",
    "kelvin_image",
    "label_info",
    "mask_image",
    "nanoseconds_of",
    "nav_sat_fix",
    "optical_frame",
    "picture_of",
    "range_of",
    "rgb_of",
    "serialise",
    "static_transforms",
    "temperature_of",
    "time_of",
    "to_ros",
    "type_hash",
    "type_named",
]
