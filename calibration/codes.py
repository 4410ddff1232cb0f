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
BOARD_INVALID = define(
    "CAL-010",
    "board.yaml cannot be used",
    "Give kind, columns, rows (inner corners) and square_m (chessboard) or pitch_m (circles), in metres.",
)
PICTURE_UNREADABLE = define(
    "CAL-011",
    "A calibration picture cannot be read",
    "Copy the picture from the camera again, or remove it from the folder.",
)
PICTURES_MISSING = define(
    "CAL-012",
    "No calibration pictures are found",
    "Give a folder, or a quoted pattern such as 'boards/left*.jpg'.",
)
PICTURES_UNPAIRED = define(
    "CAL-013",
    "The pictures of the two cameras do not pair",
    "Name pictures of one instant alike: equal stems, or equal last numbers (left07.jpg, right07.jpg).",
)
PICTURES_OF_MIXED_SIZE = define(
    "CAL-014",
    "The pictures of one camera differ in size",
    "Calibrate one camera at one resolution; remove the pictures of another size.",
)
BOARD_NOT_FOUND = define(
    "CAL-015",
    "The board is found in no picture",
    "Check kind, columns and rows in board.yaml (inner corners count) and that the whole board is seen.",
)
TOO_FEW_VIEWS = define(
    "CAL-016",
    "Too few views of the board are usable",
    "Take at least 6, better 15, pictures with the whole board at different places, distances and tilts.",
)
SOLVE_DEGENERATE = define(
    "CAL-017",
    "The views do not determine the camera",
    "Tilt the board by 20 to 45 degrees in different directions, near enough to fill the picture.",
)
VIEWS_CONTRADICT = define(
    "CAL-018",
    "The views of the two cameras contradict each other",
    "Check that pictures of one name show one instant, that the rig is stiff and the board stands still.",
)
HOMOGRAPHY_FAILED = define(
    "CAL-019",
    "No homography fits the matched board points",
    "Hold the board near the working distance in every picture, or calibrate with a plane surface instead.",
)
