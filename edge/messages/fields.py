"""How a message class describes its fields: Python's types for people, the wire's for the bytes.

``height: UInt32 = 0`` is an ``int`` to a type checker and carries ``uint32`` for the wire. A field that is
another message is annotated with its class, a sequence of them with ``tuple[Class, ...]``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    from rigsight.edge.messages.message import Message

Buffer: TypeAlias = bytes | bytearray | memoryview

Bool: TypeAlias = Annotated[bool, "bool"]
Byte: TypeAlias = Annotated[int, "byte"]
Int8: TypeAlias = Annotated[int, "int8"]
UInt8: TypeAlias = Annotated[int, "uint8"]
UInt16: TypeAlias = Annotated[int, "uint16"]
Int32: TypeAlias = Annotated[int, "int32"]
UInt32: TypeAlias = Annotated[int, "uint32"]
Float32: TypeAlias = Annotated[float, "float32"]
Float64: TypeAlias = Annotated[float, "float64"]
String: TypeAlias = Annotated[str, "string"]
Bytes: TypeAlias = Annotated[Buffer, "uint8[]"]
Floats: TypeAlias = tuple[float, ...]

# base type -> (struct's letter, bytes, least value, greatest value); None where any number goes
PRIMITIVES: dict[str, tuple[str, int, int | None, int | None]] = {
    "bool": ("?", 1, None, None),
    "byte": ("B", 1, 0, 0xFF),
    "int8": ("b", 1, -0x80, 0x7F),
    "uint8": ("B", 1, 0, 0xFF),
    "uint16": ("H", 2, 0, 0xFFFF),
    "int32": ("i", 4, -0x8000_0000, 0x7FFF_FFFF),
    "uint32": ("I", 4, 0, 0xFFFF_FFFF),
    "float32": ("f", 4, None, None),
    "float64": ("d", 8, None, None),
}
MAX_COUNT = 0xFFFF_FFFF

T = TypeVar("T")
Kind = Literal["one", "array", "sequence"]


def once_per_class(function: Callable[[type[Message]], T]) -> Callable[[type[Message]], T]:
    """Remember what a function says of a class (:func:`functools.cache` with the types kept)."""
    return cast("Callable[[type[Message]], T]", cache(function))


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``base`` is the ROS name of a primitive or ``string``, or of the message in ``nested``.

    ``length`` is the number of values of an ``array``, 0 elsewhere.
    """

    name: str
    base: str
    nested: type[Message] | None
    kind: Kind
    length: int
    default: Any

    @property
    def wire_type(self) -> str:
        """As a .msg file writes it: ``float64[9]``, ``std_msgs/Header``, ``vision_msgs/VisionClass[]``."""
        suffix = {"one": "", "array": f"[{self.length}]", "sequence": "[]"}[self.kind]
        return self.base.replace("/msg/", "/") + suffix


@once_per_class
def fields_of(cls: type[Message]) -> tuple[Field, ...]:
    """The fields of a message class in the wire's order.

    >>> from rigsight.edge.messages.types.std_msgs import Header
    >>> [(field.wire_type, field.name) for field in fields_of(Header)]
    [('builtin_interfaces/Time', 'stamp'), ('string', 'frame_id')]
    """
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        _field(field.name, hints[field.name], field.default) for field in dataclasses.fields(cast(Any, cls))
    )


@once_per_class
def constants_of(cls: type[Message]) -> tuple[tuple[str, str, int], ...]:
    """The constants of a message class: ROS type, name, value."""
    found = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if get_origin(hint) is ClassVar:
            base = get_args(get_args(hint)[0])[1]
            found.append((base, name, getattr(cls, name)))
    return tuple(found)


def _field(name: str, hint: Any, default: Any) -> Field:
    if get_origin(hint) is tuple:
        nested = get_args(hint)[0]
        return Field(name, nested.type_name(), nested, "sequence", 0, default)
    if get_origin(hint) is not Annotated:
        return Field(name, hint.type_name(), hint, "one", 0, default)
    found = re.fullmatch(r"(\w+)(\[(\d*)\])?", get_args(hint)[1])
    assert found is not None, f"{name}: {hint}"
    base, brackets, length = found.groups()
    kind: Kind = "one" if brackets is None else "array" if length else "sequence"
    return Field(name, base, None, kind, int(length or 0), default)
