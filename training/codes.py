"""Error codes of the training room: data sets (DAT) and training (TRN)."""

from rigsight.base.errors import ENVIRONMENT, define

DATASET_UNREADABLE = define(
    "DAT-001",
    "dataset.yaml cannot be read",
    "Correct the named key; 'schemas/examples/dataset.yaml' is a working example.",
)
NO_SPLIT = define(
    "DAT-002", "The data set has no such split", "Name one of the splits of dataset.yaml, or add it there."
)
FILE_MISSING = define(
    "DAT-003",
    "A file of the data set is missing",
    "Put it there, or take its stem out of dataset.yaml; 'rigsight data check' finds all that is missing.",
)
PICTURE_UNREADABLE = define(
    "DAT-004",
    "A picture of the data set cannot be read",
    "Fetch it again, or take its stem out of dataset.yaml.",
)
THERMAL_DEPTH = define(
    "DAT-005",
    "A thermal picture is stored otherwise than dataset.yaml says",
    "Set thermal_input: counts16 for 16-bit pictures, camera8 for 8-bit ones; "
    "modalities with the same pattern share one 8-bit PNG of four channels.",
)
MASK_ENCODING = define(
    "DAT-006",
    "A mask is stored otherwise than dataset.yaml says",
    "Set labels.encoding: values (numbers, palette PNG), colors, threshold (binary, soft edges) or mat.",
)
UNKNOWN_IDS = define(
    "DAT-007",
    "A mask holds values of no class",
    "Add the class, map the value in labels.ids (255: unlabelled), or set labels.encoding: threshold "
    "for binary masks with soft edges.",
)
SIZES_DIFFER = define(
    "DAT-008",
    "Pictures of one stem differ in size",
    "Bring them to one size; masks with nearest-neighbour interpolation.",
)
UNKNOWN_LAYOUT = define(
    "DAT-009",
    "There is no such layout",
    "'rigsight data make --help' lists the layouts; 'pairs' takes any folders.",
)
LAYOUT = define(
    "DAT-010",
    "A folder is not laid out as the data set should be",
    "'docs/datasets.md' shows every layout.",
)
DATASET_FAULTY = define(
    "DAT-011",
    "The check of a data set found faults",
    "Mend what is listed, or take those stems out of dataset.yaml.",
)
SHEET_FORMAT = define(
    "DAT-012", "A sheet of samples cannot be written so", "Give --out a name that ends in .jpg or .png."
)
PAIRS_UNREADABLE = define(
    "DAT-101",
    "A folder of training pairs cannot be used",
    "Give two folders whose pictures have the same stems.",
)
COCO_UNREADABLE = define(
    "DAT-201",
    "A COCO file cannot be read",
    "Give COCO's instance JSON: lists 'images', 'annotations' and 'categories', each entry with its id.",
)
COCO_PICTURE = define(
    "DAT-202",
    "A picture of the split is not in the COCO file",
    "Take its stem out of dataset.yaml, or add it to the file's 'images' under its file name.",
)
COCO_CATEGORY = define(
    "DAT-203",
    "A category of the COCO file is not known",
    "Name the same classes in dataset.yaml as in the file's 'categories'; class 0 is the background.",
)
COCO_SEGMENTATION = define(
    "DAT-204",
    "A segmentation of the COCO file is broken",
    "Draw it again, or delete the annotation.",
)
COCO_EMPTY = define(
    "DAT-205",
    "There is nothing to learn instances from",
    "Name a split whose pictures have annotations.",
)
COCO_REFERENCE = define(
    "DAT-206",
    "The COCO file and its pictures do not belong together",
    "Give the file that was written for these pictures.",
)
CONFIG_UNREADABLE = define(
    "TRN-001",
    "The training configuration cannot be used",
    "Correct the named key; 'training/configs/' holds working examples.",
)
BAD_OVERRIDE = define(
    "TRN-002",
    "A key=value override is not understood",
    "Write it like recipe.epochs=2; the keys are those of the configuration file.",
)
NOTHING_TO_RESUME = define(
    "TRN-003",
    "The training cannot be resumed",
    "Start it without --resume, or give the folder of the interrupted run as out=FOLDER.",
)
LOSS_NOT_FINITE = define(
    "TRN-004",
    "The loss is no longer finite",
    "Resume with a lower learning rate; the saved batch shows what the network was fed.",
)
UNKNOWN_LOSS = define(
    "TRN-005",
    "The loss or its options are not known",
    "Correct recipe.loss or recipe.loss_options.",
)
OUT_OF_MEMORY = define(
    "TRN-006",
    "Memory ran out in a training step",
    "Lower schedule.batch, and raise schedule.accumulate by as much: the training stays the same.",
    ENVIRONMENT,
)
WRONG_RECIPE = define(
    "TRN-007",
    "The model is not trained this way",
    "Use recipe.kind interactive for SegMiF, masks for networks that give a mask, instances for Mask R-CNN.",
)
OTHER_CLASSES = define(
    "TRN-008",
    "Network and data have different numbers of classes",
    "Set model.options.classes to the data's number of classes.",
)
UNKNOWN_MODEL = define("TRN-101", "There is no such model", "Use one of the named models.")
MODEL_OPTIONS = define(
    "TRN-102",
    "The model does not take these options",
    "Correct the named option; the defaults are the published network.",
)
WEIGHTS_UNREADABLE = define(
    "TRN-103",
    "A file of weights cannot be read",
    "Give a .safetensors file, or a .pth that holds a state_dict and nothing else.",
)
BACKBONE_WEIGHTS = define(
    "TRN-104",
    "The pretrained weights are not those of the backbone",
    "Give the file of the named backbone, or leave backbone_weights out.",
)
BACKBONE_DOWNLOAD = define(
    "TRN-105",
    "The pretrained weights could not be downloaded",
    "Fetch the file where there is a network, and give it: model.options.backbone_weights=FILE.",
    ENVIRONMENT,
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
NO_CONVERSION = define(
    "TRN-205",
    "No published weights are known for the model",
    "Name one of the models that 'rigsight convert --help' lists.",
)
OTHER_NETWORK = define(
    "TRN-206",
    "The weights are of another network",
    "Give the published checkpoint of the named network, as its authors saved it.",
)
CONVERT_CLASSES = define(
    "TRN-207",
    "The classes do not fit the converted network",
    "Give a dataset.yaml with as many classes, in the order of the network's ids.",
)
UNKNOWN_SCENE = define("TRN-301", "The simulated rig has no such scene", "Use street, facade or pipe.")
UNKNOWN_SPLIT = define("TRN-303", "There is no such split", "Use --split test or --split val.")
EVALUATION_CLASSES = define(
    "TRN-304",
    "The model and the data set have other classes",
    "Evaluate a model that was trained for these classes; both lists stand in the message.",
)
EVALUATION_UNLABELLED = define(
    "TRN-305",
    "The split has no labels to judge by",
    "Give a split whose dataset.yaml names masks (or COCO instances for an instance model).",
)
EVALUATION_CAMERAS = define(
    "TRN-306",
    "The data set lacks a camera that the model needs",
    "Add the modality to dataset.yaml, or evaluate a model that works without it.",
)
EVALUATION_PROTOCOL = define(
    "TRN-307",
    "The protocol does not belong to the model's task",
    "Leave --protocol and --tolerance out, or evaluate a model of two classes.",
)
EVALUATION_BOXES = define(
    "TRN-308",
    "The boxes cannot be read",
    "Give a folder with visible/NAME.txt and infrared/NAME.txt of lines: class x y w h, from 0 to 1.",
)
NO_WORKERS = define(
    "TRN-302",
    "The training set could not be rendered",
    "Run again with data.workers=0 to see the reason in one process.",
    ENVIRONMENT,
)
ABLATION_UNREADABLE = define(
    "TRN-401",
    "The ablation's file cannot be used",
    "Correct the named key; 'training/configs/ablations/' holds working examples.",
)
ABLATION_CHANGED = define(
    "TRN-402",
    "A run of the ablation was trained with another configuration",
    "Delete the run's folder, or give another folder with --out.",
)
ABLATION_METRIC = define(
    "TRN-403",
    "The trainings of the ablation have no such score",
    "Set metric to a score that scores.json has, for example facade.both.",
)
