"""Any message of any type, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rigsight.edge.messages import TYPES, Message
from rigsight.edge.messages.fields import PRIMITIVES, Field, fields_of

MOST = 4
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


def messages(cls: type[Message]) -> st.SearchStrategy[Message]:
    return st.fixed_dictionaries({field.name: values(field) for field in fields_of(cls)}).map(
        lambda made: cls(**made)
    )


def any_message() -> st.SearchStrategy[Message]:
    return st.sampled_from(sorted(TYPES)).flatmap(lambda name: messages(TYPES[name]))


def values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "sequence" and field.base == "uint8":
        return st.binary(max_size=20)
    one = messages(field.nested) if field.nested else single(field.base)
    if field.kind == "one":
        return one
    least, most = (field.length, field.length) if field.kind == "array" else (0, MOST)
    return st.lists(one, min_size=least, max_size=most).map(tuple)


def single(base: str) -> st.SearchStrategy[Any]:
    if base == "string":
        return TEXT
    if base == "bool":
        return st.booleans()
    if base.startswith("float"):
        return st.floats(width=32 if base == "float32" else 64, allow_nan=False)
    _, _, least, most = PRIMITIVES[base]
    return st.integers(least, most)
