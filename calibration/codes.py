"""Error codes of the calibration room."""

from rigsight.base.errors import define

RIG_UNREADABLE = define(
    "CAL-001",
    "rig.yaml cannot be read",
    "Check the path, or write the file again with 'rigsight calibrate'.",
)
RIG_VERSION = define(
    "CAL-002",
    "rig.yaml has another schema version",
    "Calibrate again with this release, or use the release that wrote the file.",
)
RIG_NOT_A_ROTATION = define(
    "CAL-003",
    "A transform of rig.yaml is not a rigid motion",
    "The upper-left 3x3 block must be a rotation (orthonormal, determinant +1) and the last row 0 0 0 1; "
    "calibrate again.",
)
RIG_INCONSISTENT = define(
    "CAL-004",
    "rig.yaml contradicts itself",
    "Correct the named entry, or calibrate again.",
)
PICTURE_OF_ANOTHER_CAMERA = define(
    "CAL-005",
    "A picture does not have the size that rig.yaml gives its camera",
    "Check that the cameras are not swapped and that the stream is not resized; rig.yaml holds for one "
    "resolution.",
)
