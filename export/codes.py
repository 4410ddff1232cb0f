"""Error codes of the export room (EXP)."""

from rigsight.base.errors import define

PARITY_FAILED = define(
    "EXP-001",
    "The exported graph does not compute what the model computes",
    "Do not use the graph; report the layer named here.",
)
