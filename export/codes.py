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
