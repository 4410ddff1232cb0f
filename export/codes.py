"""Error codes of the export room (EXP)."""

from rigsight.base.errors import define

PARITY_FAILED = define(
    "EXP-001",
    "The exported graph does not compute what the model computes",
    "Do not use the graph; report the layer named here.",
)
NOT_EXPORTABLE = define(
    "EXP-002",
    "The model cannot be exported as a graph",
    "Replace the operator in the module named here, or report the model.",
)
GRAPH_LINT = define(
    "EXP-003",
    "The graph holds what TensorRT cannot build",
    "Rewrite the module named here with the operators that export/lint.py lists.",
)
NO_DEPLOYABLE_FORM = define(
    "EXP-004",
    "There is no deployable form of this model",
    "Export a checkpoint of a model that 'rigsight export --help' lists.",
)
OUT_IS_TAKEN = define(
    "EXP-005",
    "The output folder holds something else than a bundle",
    "Give a new folder; only a bundle is ever replaced.",
)
BAD_BUNDLE_OPTION = define(
    "EXP-006",
    "An option does not make a bundle",
    "Names are lower case letters, digits and _.-; releases count from 1; accuracies lie in 0..1.",
)
GOLDEN_PICTURES = define(
    "EXP-007",
    "Pictures of one camera cannot be the golden inputs of two",
    "Leave --golden out: pairs of the simulated rig are taken.",
)
BAD_TILES = define(
    "EXP-008",
    "The tiles do not fit the network",
    "Tiles are multiples of 32 px and larger than what they share; --tile 512 is a good start.",
)
CALIBRATION_SET = define(
    "EXP-101",
    "The calibration pictures cannot tell the ranges of the network's values",
    "Choose a split of at least eight labelled pictures of every camera and class, with --calibrate.",
)
CALIBRATION_OVERLAP = define(
    "EXP-102",
    "Pictures to calibrate with are also there to judge with",
    "Take the picture out of one of the two splits, or choose others with --calibrate and --judge.",
)
CALIBRATION_STALE = define(
    "EXP-103",
    "The kept calibration is of another graph, other pictures, preprocessing or method",
    "Leave --calibration out: the ranges are collected again, and kept beside the report.",
)
BUDGET_MISSED = define(
    "EXP-104",
    "A variant loses more than its budget",
    "Look at the worst cases named here; leave the variant out with --variants, or raise --budget.",
)
BAD_PRECISION_OPTION = define(
    "EXP-105",
    "An option does not make a variant",
    "Variants are fp16, int8 and int8-cpu, calibrators minmax, percentile, entropy and mse.",
)
BAD_LABELLED = define(
    "EXP-106",
    "Labelled pictures cannot go into the bundle",
    "Give --eval-pictures 1 to 50 together with --data, fewer of them for large photos.",
)
