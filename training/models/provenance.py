"""Where weights came from that we did not train: the note that a checkpoint, and then its bundle, carries."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from rigsight.base.schema import StrictModel


class PretrainedWeights(StrictModel):
    """Foreign weights that a network started from, or consists of."""

    name: str = Field(description="backbone or network, e.g. mit_b3")
    source: str = Field(description="file name, or where it was downloaded from")
    licence: str


def joint_licence(own: str, notes: Iterable[PretrainedWeights]) -> str:
    """The licence line of weights under ``own`` terms that started from foreign ones.

    >>> joint_licence("Apache-2.0", [])
    'Apache-2.0'
    >>> mit = PretrainedWeights(name="mit_b3", source="mit_b3.pth", licence="non-commercial")
    >>> joint_licence("Apache-2.0", [mit])
    'Apache-2.0, as far as these allow it: mit_b3 (non-commercial)'
    """
    foreign = ", ".join(dict.fromkeys(f"{note.name} ({note.licence})" for note in notes))
    return f"{own}, as far as these allow it: {foreign}" if foreign else own
