"""Message classes that are as strict as rclpy's generated ones with their checks on (rosidl_generator_py).

Built from rosbags' definitions, not from ours; without ROS this is the nearest to rclpy that can be had.
"""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

from tests.edge.messages.rosbags_types import store

INTEGERS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "uint16": (0, 65535),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
}


def class_of(distribution: str) -> Any:
    """What gives the class of a ROS name, as ``importlib`` would in a node."""
    return cache(lambda name: _make(name, distribution))


def _make(name: str, distribution: str) -> type:
    fields = dict(store(distribution).fielddefs[name][1])

    class Generated:
        @classmethod
        def get_fields_and_field_types(cls) -> dict[str, str]:
            return dict.fromkeys(fields, "")

        def __init__(self, **values: Any) -> None:
            assert set(values) <= set(fields), f"{name} has no {set(values) - set(fields)}"
            for field, kind in fields.items():
                if field in values:
                    _check(values[field], kind, f"{name}.{field}")
                    setattr(self, field, values[field])

    Generated.__name__ = name
    return Generated


def _check(value: Any, kind: Any, where: str) -> None:
    node, content = kind
    if node.name == "BASE":
        _check_base(value, content[0], where)
    elif node.name == "NAME":
        assert type(value).__name__ == content, where
    elif content[0] and content[0][0].name == "BASE" and content[0][1][0] == "uint8":
        assert isinstance(value, array), where  # anything else is slow
        assert value.typecode == "B", where
    else:
        inner, length = content
        assert isinstance(value, (list, tuple)), where
        assert not length or len(value) == length, where
        for each in value:
            _check(each, inner, where)


def _check_base(value: Any, base: str, where: str) -> None:
    if base == "string":
        assert type(value) is str, where
    elif base == "bool":
        assert type(value) is bool, where
    elif base == "byte":
        assert type(value) is bytes, where
        assert len(value) == 1, where
    elif base in INTEGERS:
        assert type(value) is int, where
        assert INTEGERS[base][0] <= value <= INTEGERS[base][1], where
    else:
        assert base in ("float32", "float64"), base
        assert type(value) is float, where
        if base == "float32":
            assert value != value or abs(value) in (0, float("inf")) or abs(value) <= 3.402823466e38, where
