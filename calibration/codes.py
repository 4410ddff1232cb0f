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
NO_COVARIANCE = define(
    "CAL-006",
    "The rig states no covariance",
    "Calibrate again with this release; rigs made by hand or imported carry none.",
)
NOT_USABLE = define(
    "CAL-007",
    "The calibration is not usable",
    "Follow the advice, or add --force to write the rig all the same.",
)
ORDER_AMBIGUOUS = define(
    "CAL-009",
    "The board looks the same after a turn, and the views do not tell which way round it was",
    "Turn the board about its own normal between views, or use one without symmetry: asymmetric circles with "
    "an odd number of rows, ChArUco or AprilGrid.",
)
BOARD_INVALID = define(
    "CAL-010",
    "board.yaml cannot be used",
    "Give kind, columns, rows and square_m (chessboard, charuco) or pitch_m (circles), in metres; 'rigsight "
    "board' writes one.",
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
BOARD_TOO_LARGE = define(
    "CAL-020",
    "The board does not fit on the page",
    "Take a larger page or a smaller board.",
)
PAGE_UNKNOWN = define(
    "CAL-021",
    "The page is not known",
    "Name A0 to A5, letter, legal or tabloid, give width and height as 600x400 (mm), or take 'fit'.",
)
TARGET_FORMAT = define(
    "CAL-022",
    "A board cannot be drawn in this format",
    "Let the file's name end in .pdf, .svg, .dxf or .png.",
)
BOARD_KEPT = define(
    "CAL-023",
    "A board.yaml is there already and describes another board",
    "Name another file with --yaml, or draw the board that it describes with --board.",
)
NO_DISTANCE = define(
    "CAL-030",
    "A distance is no distance",
    "Give metres above zero; skip the frame when the range finder has no echo.",
)
OUTSIDE_THE_PIPE = define(
    "CAL-031",
    "The camera is outside the pipe that the rig describes",
    "Correct radius_m, point_m and direction of the cylinder: its axis in the reference camera's frame.",
)
DEPTH_UNUSABLE = define(
    "CAL-032",
    "A depth picture cannot be used",
    "Give depth along the optical axis on the output grid: 16-bit millimetres (PNG, TIFF) or float metres "
    "(.npy, TIFF), 0 or NaN where unknown.",
)
NO_PIPE_TO_UNROLL = define(
    "CAL-033",
    "There is no pipe to unroll",
    "Give the rig a surface of kind cylinder (radius_m, point_m, direction), and a section ahead of it.",
)
RANGE_TOO_WIDE = define(
    "CAL-034",
    "No few maps cover the range of distances",
    "Narrow the range of distances, or allow a larger error.",
)
OFFSET_UNDETERMINED = define(
    "CAL-040",
    "The clip does not determine the time offset of the cameras",
    "Wave the board for 20 s in front of both cameras, fast, in changing directions and without rhythm.",
)
CLIP_UNUSABLE = define(
    "CAL-041",
    "A clip cannot be used for the time offset",
    "Record both cameras together for 20 s and give the stamps of their own clocks (timestamps.csv, a "
    "video's, or --rate).",
)
DRIFT_BASELINE_INVALID = define(
    "CAL-042",
    "The drift baseline cannot be used",
    "Take it again right after calibrating: 'rigsight check-rig RIG --source URI --baseline'.",
)
RIG_NOT_CHECKABLE = define(
    "CAL-043",
    "The rig cannot be checked for drift",
    "The check compares an RGB and a thermal camera of one rig.yaml; calibrate both together.",
)
RIG_DRIFTED = define(
    "CAL-044",
    "The cameras have moved against each other since the calibration",
    "Fasten them and calibrate again; the check changes nothing by itself.",
    3,
)
DRIFT_UNKNOWN = define(
    "CAL-045",
    "The pictures do not tell whether the cameras have moved",
    "Take at least 50 pairs on the move, of scenes with edges that both cameras see (buildings, trees, "
    "vehicles).",
    4,
)
EXCHANGE_UNREADABLE = define(
    "CAL-060",
    "A calibration file of another tool cannot be read",
    "Check the path and that the file is whole; write it again with the tool that made it.",
)
EXCHANGE_GARBLED = define(
    "CAL-061",
    "A calibration file of another tool lacks an entry or holds a wrong one",
    "Correct the named entry, or write the file again with the tool that made it.",
)
EXCHANGE_UNSUPPORTED = define(
    "CAL-062",
    "A calibration file of another tool holds a camera that a rig cannot",
    "Calibrate with a pinhole (radtan) or Kannala-Brandt lens in that tool, or with 'rigsight calibrate'.",
)
EXPORT_LOSSY = define(
    "CAL-063",
    "The format cannot hold this rig without loss",
    "Choose another format; docs/exchange.md says what each can hold.",
)
EXCHANGE_FORMAT = define(
    "CAL-064",
    "The format of a calibration is not known",
    "Give --format kalibr, ros, opencv, colmap or mrcal.",
)
EXCHANGE_INCOMPLETE = define(
    "CAL-065",
    "The files of another tool do not say all that a rig needs",
    "Give what is missing as an option; 'rigsight rig import --help' lists them.",
)
EXCHANGE_IMPLAUSIBLE = define(
    "CAL-066",
    "The files of another tool describe a rig that cannot be",
    "Check the transform and its unit (metres), and write the file again.",
)
THERMAL_IN_COLOUR = define(
    "CAL-070",
    "Pictures of a thermal camera are drawn in false colours",
    "Record the raw counts (16 bit) or switch the camera's palette to white-hot.",
)
SEVERAL_PAGES = define(
    "CAL-071",
    "A picture file holds several pictures",
    "Write each picture into a file of its own; one of both cameras for each instant.",
)
PICTURE_TURNED = define(
    "CAL-072",
    "A picture file asks viewers to turn it",
    "The rig must hold for the sensor's own pixels: switch automatic rotation off in the camera, or remove "
    "the tag ('exiftool -Orientation= FILE') if the video is not turned either.",
)
FOLDERS_SWAPPED = define(
    "CAL-073",
    "The folders of the two cameras seem swapped",
    "Give the reference camera's folder first, in the order of --names and --spectra.",
)
MIRRORED = define(
    "CAL-074",
    "The pictures of one camera are mirrored",
    "Switch mirroring (selfie view, horizontal flip) off in the camera or its driver and take them again.",
)
PAIRS_SHIFTED = define(
    "CAL-075",
    "The pictures are paired with those of the instant before or after",
    "Rename the pictures of one camera so that equal names show one instant.",
)
MOVED_BETWEEN_EXPOSURES = define(
    "CAL-076",
    "The board moved between the exposures of the two cameras",
    "Hold the board still on a stand or table for each pair, or trigger the cameras together.",
)
