"""Error codes of the training room: data sets (DAT) and training (TRN)."""

from rigsight.base.errors import define

DATASET_UNREADABLE = define(
    "DAT-001",
    "dataset.yaml cannot be read",
    "Correct the named key; 'schemas/examples/dataset.yaml' is a working example.",
)
