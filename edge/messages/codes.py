"""Error codes of ROS 2 messages (MSG)."""

from rigsight.base.errors import define

BYTES = define(
    "MSG-001",
    "Bytes are not a ROS 2 message of their type",
    "Check the topic's type and whether the recording is whole; 'ros2 bag info' or 'mcap doctor' tell.",
)
VALUE = define(
    "MSG-002",
    "A value does not fit the field of a ROS 2 message",
    "Give a value that the field's type can hold; docs/messages.md lists fields and units.",
)
PICTURE = define(
    "MSG-003",
    "A picture and a ROS 2 image do not fit each other",
    "Publish mono8, mono16, 16UC1, 32FC1, rgb8, bgr8, rgba8 or bgra8, or PNG and JPEG when compressed.",
)
LENS = define(
    "MSG-004",
    "A lens cannot be said in a camera_info",
    "Calibrate without skew; camera_info has no place for it.",
)
UNKNOWN_TYPE = define(
    "MSG-005",
    "A ROS 2 message type is not known here",
    "Leave the topic out, or convert it to a type that docs/messages.md lists.",
)
