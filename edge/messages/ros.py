"""Our messages <-> rclpy's, for the nodes: no ROS is imported here, a node passes what finds its classes.

rclpy's rules that differ from ours: ``byte`` is ``bytes`` of length 1; ``uint8[]`` is taken fast only as an
``array.array('B')`` (an ndarray of 3.9 MB took 212 ms, an array 1.8 ms); Humble's types lack a field or two.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, TypeVar

from rigsight.edge.messages.fields import Field, fields_of
from rigsight.edge.messages.message import Message

M = TypeVar("M", bound=Message)
ClassOf = Callable[[str], type]


def to_ros(message: Message, class_of: ClassOf) -> Any:
    """An rclpy message with the values of ours; every value has exactly the type that rclpy checks for.

    Args:
        message: of ours.
        class_of: gives rclpy's class of a name such as ``sensor_msgs/msg/Image``.

    Returns:
        An instance of ``class_of(message.type_name())``. A field that this ROS distribution does not have yet
        (``variance`` of Range in Humble) is left out.
    """
    cls = class_of(message.type_name())
    there = cls.get_fields_and_field_types()  # type: ignore[attr-defined]
    values = {
        field.name: _to_ros(getattr(message, field.name), field, class_of)
        for field in fields_of(type(message))
        if field.name in there
    }
    return cls(**values)


def from_ros(message: Any, cls: type[M]) -> M:
    """Our message with the values of an rclpy one; pixels are a view of its array, not a copy.

    Raises:
        RigsightError: MSG-002 for values that the type cannot hold, which rclpy of Jazzy lets pass.
    """
    values = {
        field.name: _from_ros(getattr(message, field.name), field)
        for field in fields_of(cls)
        if hasattr(message, field.name)
    }
    return cls(**values)


def _to_ros(value: Any, field: Field, class_of: ClassOf) -> Any:
    if field.nested is not None:
        if field.kind == "one":
            return to_ros(value, class_of)
        return [to_ros(each, class_of) for each in value]
    if field.kind == "sequence" and field.base == "uint8":
        data = array("B")
        data.frombytes(value)
        return data
    if field.kind == "one":
        return bytes((value,)) if field.base == "byte" else value
    return list(value)


def _from_ros(value: Any, field: Field) -> Any:
    if field.nested is not None:
        if field.kind == "one":
            return from_ros(value, field.nested)
        return tuple(from_ros(each, field.nested) for each in value)
    if field.base == "byte" and isinstance(value, bytes):
        return int.from_bytes(value, "little")
    return value
