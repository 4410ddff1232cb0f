"""Error codes of the edge room: sources (SRC), bundles (BND), profiles (PRF), running (RUN), pages (WEB)."""

from rigsight.base.errors import ENVIRONMENT, define

BUNDLE_UNREADABLE = define(
    "BND-001",
    "The bundle cannot be read",
    "Check the path, or write the bundle again with 'rigsight export'.",
)
BUNDLE_SCHEMA = define(
    "BND-002",
    "bundle.yaml does not fit the schema",
    "Use the release that wrote the bundle, or export again.",
)
BUNDLE_ALTERED = define(
    "BND-003",
    "A file of the bundle was altered, is missing, or is not listed",
    "Copy the bundle again from where it was made; it must hold exactly the files of bundle.yaml.",
)
BUNDLE_CONTRACT = define(
    "BND-004",
    "The bundle breaks the graph contract",
    "Export the checkpoint again; hand-made graphs must follow docs/bundle.md.",
)
GRAPH_UNREADABLE = define(
    "BND-005",
    "The engine cannot load the graph",
    "Export again with this release, or install a newer onnxruntime.",
)
VARIANT_MISSING = define(
    "BND-006",
    "The bundle does not hold that part or variant",
    "'rigsight bundle inspect' lists what it holds.",
)
GOLDEN_FAILED = define(
    "BND-007",
    "The bundle does not compute here what it computed where it was made",
    "Do not use it on this machine; report the bundle, onnxruntime's version and the processor.",
)
FEED_MISMATCH = define(
    "BND-008",
    "A picture does not fit the graph's input",
    "Make the Preprocessor with the bundle's own size.",
)
BUNDLE_UNSIGNED = define(
    "BND-020",
    "The bundle is not signed",
    "Sign it where it was made with 'rigsight bundle sign', or run without --trust if you made it yourself.",
)
SIGNATURE_WRONG = define(
    "BND-021",
    "The signature does not belong to this bundle and this key",
    "Do not use the bundle; get it again, and the public key of whoever signed it by another way.",
)
KEY_UNUSABLE = define(
    "BND-022",
    "A key cannot be used",
    "Keys are ed25519 in PEM, as 'rigsight bundle keygen' makes them.",
)
KEY_EXISTS = define(
    "BND-023",
    "A key would be overwritten",
    "Choose another name; a lost private key cannot be made again.",
)
SIGNING_MISSING = define(
    "BND-024",
    "Signatures need the package 'cryptography'",
    "Install it: pip install 'rigsight[signing]'.",
    ENVIRONMENT,
)
OLDER_RELEASE = define(
    "BND-025",
    "The bundle is older than one that this machine has seen",
    "Use the newest release, 'rigsight bundle rollback', or --allow-downgrade if you mean it.",
)
NOT_INSTALLED = define(
    "BND-026",
    "No such bundle is installed, or it is not in the slot that is needed",
    "'rigsight bundle installed' lists what is there; 'rigsight bundle install' adds to it.",
)
STORE_UNREADABLE = define(
    "BND-027",
    "The store of installed bundles cannot be read",
    "Remove the named folder and install the bundle again.",
)
PROFILE_UNREADABLE = define(
    "PRF-001",
    "The profile cannot be read",
    "Correct the named key; 'profiles/' holds working examples.",
)
RECORDING_UNREADABLE = define(
    "REC-001",
    "The recording's description cannot be read",
    "Record again; the file was made by another tool or release.",
)
THERMAL_DEPTH = define(
    "SRC-101",
    "The thermal pictures do not have the depth that the bundle demands",
    "Record 16-bit counts (Y16), or run with '--thermal-input camera8' and expect a lower accuracy.",
)
RIG_WITHOUT_ROLES = define(
    "SRC-102",
    "The rig does not have the camera that is needed",
    "Name the cameras of rig.yaml 'rgb' and 'thermal'.",
)
BAD_URI = define(
    "SRC-001",
    "A source or sink URI is not understood",
    "Write scheme:path?key=value, for example sim:street?seed=3&pairs=200.",
)
SOURCE_MISSING = define(
    "SRC-002",
    "A source's file or folder is missing or holds no pictures",
    "Check the path; pictures are png, jpg, jpeg, tif, tiff or bmp.",
)
PICTURE_UNREADABLE = define(
    "SRC-003",
    "A picture is corrupt or truncated",
    "Copy the file again or take it out of the folder; a run never leaves a picture out silently.",
)
PAIRS_UNMATCHED = define(
    "SRC-004",
    "Pictures have no partner in the other folder",
    "Both folders must hold the same file stems.",
)
VIDEO_UNREADABLE = define(
    "SRC-005",
    "A video is corrupt, truncated or of an unknown codec",
    "Copy the file again, or convert it: ffmpeg -i IN -c:v ffv1 OUT.mkv.",
)
PICTURE_KIND = define(
    "SRC-006",
    "A picture's channels or bit depth do not fit its camera",
    "RGB is 8-bit colour; thermal is one channel of 8 or 16 bits, not a colourised picture.",
)
NOT_RADIOMETRIC = define(
    "SRC-007",
    "A picture holds no temperatures that can be read here",
    "Only radiometric JPEGs of FLIR cameras are read; export that format, or 16-bit pictures for images:DIR.",
)
PHOTO_UNLIKE = define(
    "SRC-008",
    "A radiometric picture does not go with the first one of its folder",
    "Give one folder for each camera, choose files with ?match=IR_*, or take ?camera=thermal alone.",
)
RUN_INCOMPLETE = define(
    "RUN-001",
    "A run lacks a source or a bundle",
    "Give a profile, or --bundle with --source, --rgb or --thermal.",
)
RIG_NEEDED = define(
    "RUN-002",
    "Two cameras that are not aligned need a rig",
    "Add --rig rig.yaml, made by 'rigsight calibrate'.",
)
BUFFERS_HELD = define(
    "RUN-003",
    "All frame buffers are held and none comes back",
    "Release every FrameSet when you are done with it, or use a larger pool.",
)
VIDEO_UNWRITABLE = define(
    "RUN-004",
    "The video cannot be encoded",
    "Use a .avi, .mkv, .mp4 or .webm file.",
)
CAMERA_OF_BUNDLE = define(
    "RUN-005",
    "The source has no camera that the bundle takes",
    "Give the camera that 'rigsight bundle inspect' lists among the inputs: --rgb or --thermal.",
)
TOO_HOT = define(
    "RUN-006",
    "The board is too hot, and the profile says to stop then",
    "Give it air or shade; 'heat: {gives: rate}' in the profile goes on with fewer pictures.",
    ENVIRONMENT,
)
LIGHTER_BUNDLE = define(
    "RUN-007",
    "The bundle for a hot board cannot take the place of the other",
    "It must have the same classes and the same size: export it from a smaller model of the same data.",
)
DEMO_FOLDER = define(
    "DEM-001",
    "The demo would replace files that are not its own",
    "Choose an empty or a new folder with --out.",
)
DEMO_CLASSES = define(
    "DEM-002",
    "The demo cannot judge this bundle",
    "Use the shipped bundle, or one that was trained on the simulator's classes.",
)
DEMO_SCENE = define(
    "DEM-003",
    "The profile has no simulated scene",
    "Add 'simulation' to the profile; 'profiles/' holds working examples.",
)
LIVE_CAMERAS = define(
    "CAL-050",
    "A guided capture needs a colour and a thermal camera",
    "Give a source that holds both, such as pairs:RGB_DIR,THERMAL_DIR or sim:street.",
)
LIVE_ENDED = define(
    "CAL-051",
    "The pictures ended before the rig was determined",
    "Go on with the same --keep folder, or calibrate from the pictures kept so far.",
)
LIVE_BOARD = define(
    "CAL-052",
    "The simulated operator cannot hold this board before both cameras",
    "Use a smaller board, about a third of the picture at ten times the baseline.",
)
LIVE_KEEP = define(
    "CAL-053",
    "The folder for the snapshots holds other files",
    "Choose a new folder with --keep, or one that an earlier guided capture has filled.",
)
WEB_PORT_IN_USE = define(
    "WEB-001",
    "The port of the web page is in use",
    "Choose another with --port, or --port 0 for any free one.",
    ENVIRONMENT,
)
WEB_ADDRESS = define(
    "WEB-002",
    "The web page cannot be served at this address",
    "Use --host 127.0.0.1 for this machine alone or 0.0.0.0 for its network, and a port from 1024 to 65535.",
)
WEB_REFUSED = define(
    "WEB-003",
    "A request to the web page is refused",
    "Use the address that was printed at the start; for another name of this machine give it as --host.",
)
