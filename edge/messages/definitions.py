"""What other programs need to know of a type: its definition as text, and its hash.

Bags and MCAP files carry the text (the MCAP schema encoding ``ros2msg``: the definitions of other types
follow after a line of 80 ``=`` and ``MSG: package/Type``). DDS endpoints announce the hash since Iron,
RIHS01 of REP-2016: the SHA-256 of a JSON description of the type and all types in it, sorted by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from rigsight.edge.messages import codes
from rigsight.edge.messages.fields import Field, constants_of, fields_of, once_per_class
from rigsight.edge.messages.message import Message
from rigsight.edge.messages.types import (
    builtin_interfaces,
    diagnostic_msgs,
    foxglove_msgs,
    geometry_msgs,
    sensor_msgs,
    std_msgs,
    tf2_msgs,
    vision_msgs,
)

_PACKAGES = (
    builtin_interfaces,
    diagnostic_msgs,
    foxglove_msgs,
    geometry_msgs,
    sensor_msgs,
    std_msgs,
    tf2_msgs,
    vision_msgs,
)
TYPES: dict[str, type[Message]] = {
    cls.type_name(): cls
    for package in _PACKAGES
    for cls in vars(package).values()
    if isinstance(cls, type) and issubclass(cls, Message) and cls.__module__ == package.__name__
}
"""ROS name, ``sensor_msgs/msg/Image``, -> class."""

# type_description_interfaces/msg/FieldType
_NESTED = 1
_TYPE_IDS = {
    "int8": 2,
    "uint8": 3,
    "uint16": 5,
    "int32": 6,
    "uint32": 7,
    "float32": 10,
    "float64": 11,
    "bool": 15,
    "byte": 16,
    "string": 17,
}
_KIND_OFFSETS = {"one": 0, "array": 48, "sequence": 144}
_LINE = "=" * 80


def type_named(name: str) -> type[Message]:
    """The class of ``sensor_msgs/msg/Image`` and the like. Raises RigsightError MSG-005."""
    try:
        return TYPES[name]
    except KeyError:
        raise codes.UNKNOWN_TYPE("no such message type", where=name) from None


@once_per_class
def definition_of(cls: type[Message]) -> str:
    """The type's definition and those of all types in it, as a bag carries them (without comments).

    >>> print(definition_of(std_msgs.Header).split(chr(10))[0])
    builtin_interfaces/Time stamp
    """
    parts = [_text(cls), *(f"MSG: {_short(other)}\n{_text(other)}" for other in referenced(cls))]
    return f"{_LINE}\n".join(parts)


@once_per_class
def type_hash(cls: type[Message]) -> str:
    """``RIHS01_`` and 64 hexadecimal digits.

    >>> type_hash(std_msgs.Header)[:15]
    'RIHS01_f49fb3ae'
    """
    description = {
        "type_description": _description(cls),
        "referenced_type_descriptions": [_description(other) for other in referenced(cls)],
    }
    canonical = json.dumps(description, separators=(", ", ": "), ensure_ascii=True)
    return f"RIHS01_{hashlib.sha256(canonical.encode()).hexdigest()}"


def referenced(cls: type[Message]) -> list[type[Message]]:
    """Every type inside a type, at any depth, sorted by name."""
    found: set[type[Message]] = set()

    def visit(owner: type[Message]) -> None:
        for nested in _nested(owner):
            if nested not in found:
                found.add(nested)
                visit(nested)

    visit(cls)
    return sorted(found, key=lambda each: each.type_name())


def _nested(cls: type[Message]) -> Iterator[type[Message]]:
    yield from (field.nested for field in fields_of(cls) if field.nested is not None)


def _short(cls: type[Message]) -> str:
    return cls.type_name().replace("/msg/", "/")


def _text(cls: type[Message]) -> str:
    lines = [f"{base} {name}={value}" for base, name, value in constants_of(cls)]
    lines += [f"{field.wire_type} {field.name}" for field in fields_of(cls)]
    return "\n".join(lines) + "\n"


def _description(cls: type[Message]) -> dict[str, Any]:
    return {"type_name": cls.type_name(), "fields": [_field(field) for field in fields_of(cls)]}


def _field(field: Field) -> dict[str, Any]:
    base = _NESTED if field.nested is not None else _TYPE_IDS[field.base]
    return {
        "name": field.name,
        "type": {
            "type_id": base + _KIND_OFFSETS[field.kind],
            "capacity": field.length,
            "string_capacity": 0,
            "nested_type_name": "" if field.nested is None else field.base,
        },
    }
