"""Error codes of the training room: data sets (DAT) and training (TRN)."""

from rigsight.base.errors import ENVIRONMENT, define

DATASET_UNREADABLE = define(
    "DAT-001",
    "dataset.yaml cannot be read",
    "Correct the named key; 'schemas/examples/dataset.yaml' is a working example.",
)
PAIRS_UNREADABLE = define(
    "DAT-101",
    "A folder of training pairs cannot be used",
    "Give two folders whose pictures have the same stems.",
)
CONFIG_UNREADABLE = define(
    "TRN-001",
    "The training configuration cannot be used",
    "Correct the named key; 'training/configs/' holds working examples.",
)
BAD_OVERRIDE = define(
    "TRN-002",
    "A key=value override is not understood",
    "Write it like schedule.rounds=2; the keys are those of the configuration file.",
)
NOTHING_TO_RESUME = define(
    "TRN-003",
    "The training cannot be resumed",
    "Start it without --resume, or give the folder of the interrupted run as out=FOLDER.",
)
LOSS_NOT_FINITE = define(
    "TRN-004",
    "The loss is no longer finite",
    "Resume with a lower learning rate: fusion.lr or segmentation.lr.",
)
UNKNOWN_MODEL = define("TRN-101", "There is no such model", "Use one of the named models.")
MODEL_OPTIONS = define(
    "TRN-102",
    "The model does not take these options",
    "Correct the named option; the defaults are the published network.",
)
CHECKPOINT_UNREADABLE = define(
    "TRN-201",
    "The checkpoint cannot be read",
    "Give a .safetensors file written by 'rigsight train'.",
)
CHECKPOINT_SCHEMA = define(
    "TRN-202",
    "The checkpoint was written by another release",
    "Use the release that wrote it, or train again.",
)
CHECKPOINT_WEIGHTS = define(
    "TRN-203",
    "The checkpoint's weights do not fit its model",
    "The file was altered or belongs to another model; train again.",
)
CHECKPOINT_CLASSES = define(
    "TRN-204",
    "The checkpoint has other classes than the data",
    "Evaluate a checkpoint that was trained on this data.",
)
UNKNOWN_SCENE = define("TRN-301", "The simulated rig has no such scene", "Use street, facade or pipe.")
UNKNOWN_SPLIT = define("TRN-303", "There is no such split", "Use --split test or --split val.")
NO_WORKERS = define(
    "TRN-302",
    "The training set could not be rendered",
    "Run again with data.workers=0 to see the reason in one process.",
    ENVIRONMENT,
)
