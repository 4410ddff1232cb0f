"""Error codes of live cameras (CAM)."""

from rigsight.base.errors import ENVIRONMENT, define

BAD_CAMERA_URI = define(
    "CAM-001",
    "A camera's URI is not understood",
    "Write kind:place?key=value, for example v4l2:/dev/video0?format=Y16; docs/cameras.md lists the keys.",
)
CAMERA_ABSENT = define(
    "CAM-002",
    "There is no such camera",
    "Plug it in; 'rigsight doctor' lists the cameras that are there.",
    ENVIRONMENT,
)
CAMERA_FORBIDDEN = define(
    "CAM-003",
    "The camera may not be opened by this user",
    "sudo usermod -aG video $USER, then log in again.",
    ENVIRONMENT,
)
CAMERA_BUSY = define(
    "CAM-004",
    "Another program holds the camera",
    "End the program that holds it; 'fuser -v DEVICE' names it.",
    ENVIRONMENT,
)
CAMERA_FORMAT = define(
    "CAM-005",
    "The camera does not offer that format",
    "Choose one that it offers: 'rigsight doctor' lists formats and sizes.",
)
CAMERA_LOST = define(
    "CAM-006",
    "The connection to the camera is lost",
    "Check plug, cable and power; a running program opens the camera again by itself.",
    ENVIRONMENT,
)
NO_FRAME = define(
    "CAM-007",
    "The camera gives no frame",
    "Check plug, cable and power; for a triggered camera, whether the trigger runs.",
    ENVIRONMENT,
)
PART_MISSING = define(
    "CAM-008",
    "Something that this camera needs is not installed",
    "Install what is named here; 'rigsight doctor' lists what is missing.",
    ENVIRONMENT,
)
USB_FULL = define(
    "CAM-009",
    "The camera gets no room on its USB bus",
    "Plug it into another USB controller, or ask for less: format=MJPG, a smaller size, a lower fps.",
    ENVIRONMENT,
)
