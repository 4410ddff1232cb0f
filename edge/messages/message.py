"""What all messages share: values are cast to exactly what the wire holds when a message is made.

ROS itself does not always look: an ``int`` for a ``float64`` is sent as 5e-324 by rclpy of ROS 2 Jazzy, and a
class id of 70000 as 4464; rclpy of Humble stops the node instead.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from rigsight.edge.messages import codes
from rigsight.edge.messages.fields import PRIMITIVES, Field, fields_of, once_per_class

Cast = Callable[[Any], Any]


class Message:
    """A ROS 2 message; its type's package is the name of the module that holds the class.

    Numbers of numpy become Python's, arrays become tuples, bytes a flat read-only view of what was given (no
    copy: what is changed there later changes in the message). A float32 is rounded as the wire rounds it.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Raises RigsightError MSG-002 for a value that its field cannot hold."""
        for name, default, cast in _casts(type(self)):
            value = getattr(self, name)
            if value is default:
                continue
            try:
                object.__setattr__(self, name, cast(value))
            except (TypeError, ValueError, OverflowError) as error:
                raise codes.VALUE(f"{name}: {error}", where=self.type_name()) from None

    @classmethod
    def type_name(cls) -> str:
        """For example ``sensor_msgs/msg/Image``."""
        return f"{cls.__module__.rsplit('.', 1)[-1]}/msg/{cls.__name__}"


@once_per_class
def _casts(cls: type[Message]) -> tuple[tuple[str, Any, Cast], ...]:
    return tuple((field.name, field.default, _cast_of(field)) for field in fields_of(cls))


def _cast_of(field: Field) -> Cast:
    if field.kind == "sequence" and field.base == "uint8":
        return flat_bytes
    one: Cast = _member(field.nested) if field.nested else _single(field.base)
    return one if field.kind == "one" else _several(one, field.length if field.kind == "array" else None)


def _several(one: Cast, length: int | None) -> Cast:
    def cast(values: Any) -> tuple[Any, ...]:
        if isinstance(values, (str, bytes)):
            raise TypeError(f"a sequence is needed, not {values!r:.40}")
        if isinstance(values, np.ndarray):
            values = values.ravel().tolist()
        found = tuple(one(value) for value in values)
        if length is not None and len(found) != length:
            raise ValueError(f"{length} values are needed, not {len(found)}")
        return found

    return cast


def _member(cls: type[Message]) -> Cast:
    def cast(value: Any) -> Message:
        if not isinstance(value, cls):
            raise TypeError(f"a {cls.type_name()} is needed, not {type(value).__name__}")
        return value

    return cast


def _single(base: str) -> Cast:
    if base in ("string", "bool", "float32", "float64"):
        return {"string": as_string, "bool": _as_bool, "float32": as_float32, "float64": _as_float}[base]
    _, _, least, most = PRIMITIVES[base]
    assert least is not None
    assert most is not None

    def cast(value: Any) -> int:
        number = operator.index(value)
        if not least <= number <= most:
            raise ValueError(f"{number} is outside {base}")
        return number

    return cast


def _as_bool(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"True or False is needed, not {value!r:.40}")
    return bool(value)


def _as_float(value: Any) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"a number is needed, not {value!r:.40}")
    return float(value)


def as_float32(value: Any) -> float:
    """A number as the wire's float32 holds it. Raises OverflowError for a finite one that is too large.

    >>> as_float32(0.1)
    0.10000000149011612
    """
    number = _as_float(value)
    if not math.isfinite(number):
        return number
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        raise OverflowError(f"{number:g} is outside float32") from None


def as_string(value: Any) -> str:
    """Text that UTF-8 and a C string can hold: no lone surrogates, no NUL. Raises TypeError, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"text is needed, not {value!r:.40}")
    if "\0" in value:
        raise ValueError("a NUL would end the text")
    if not value.isascii():
        value.encode("utf-8")
    return str(value)


def flat_bytes(value: Any) -> memoryview:
    """A flat read-only view of contiguous bytes, without a copy. Raises TypeError."""
    view = memoryview(value)
    if view.format not in ("B", "b", "c") or not view.c_contiguous:
        raise TypeError(f"contiguous bytes are needed, not format '{view.format}'")
    if view.ndim != 1 or view.format != "B":
        view = view.cast("B") if view.nbytes else memoryview(b"")
    return view.toreadonly()
