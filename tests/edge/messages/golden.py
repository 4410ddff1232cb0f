"""What a real ROS 2 wrote: 14 messages with their fields and bytes, and the hashes of nine types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rigsight.edge.messages import Message, type_named
from rigsight.edge.messages.fields import fields_of

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "ros2_golden.json").read_text())
MESSAGES: list[dict[str, Any]] = GOLDEN["messages"]
HASHES: dict[str, str] = GOLDEN["type_hash"]


def build(cls: type[Message], values: dict[str, Any]) -> Message:
    """Our message of JSON's values (a ``byte`` is a letter there)."""
    assert set(values) == {field.name for field in fields_of(cls)}
    made = {}
    for field in fields_of(cls):
        value = values[field.name]
        if field.nested is not None and field.kind == "one":
            value = build(field.nested, value)
        elif field.nested is not None:
            value = tuple(build(field.nested, each) for each in value)
        elif field.base == "uint8" and field.kind == "sequence":
            value = bytes(value)
        elif field.base == "byte":
            value = ord(value)
        made[field.name] = value
    return cls(**made)


def golden(name: str) -> tuple[Message, bytes]:
    """Message and bytes of a name in the file."""
    entry = next(entry for entry in MESSAGES if entry["name"] == name)
    return build(type_named(entry["type"]), entry["fields"]), bytes.fromhex(entry["cdr_hex"])
