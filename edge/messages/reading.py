"""CDR bytes -> messages, from bytes that nobody has checked.

Nothing is made before its bytes are there, and every element of a sequence takes some: memory stays in
proportion to the bytes, whatever a count says. Little- and big-endian XCDR1 are read; at most three bytes of
padding may follow the last field.
"""

from __future__ import annotations

from typing import Any, TypeVar

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import codes
from rigsight.edge.messages.fields import Buffer, Field, fields_of
from rigsight.edge.messages.message import Message, flat_bytes
from rigsight.edge.messages.writing import packer_of

M = TypeVar("M", bound=Message)

_ORDERS = {b"\x00\x00": ">", b"\x00\x01": "<"}
_MOST_PADDING = 3


def deserialise(data: Buffer, cls: type[M]) -> M:
    """The message of class ``cls`` that the bytes hold. Pixels are not copied: they are a view of ``data``.

    >>> from rigsight.edge.messages.types.std_msgs import Header
    >>> from rigsight.edge.messages.writing import serialise
    >>> deserialise(serialise(Header(frame_id="rgb")), Header).frame_id
    'rgb'

    Raises:
        RigsightError: MSG-001.
    """
    where = cls.type_name()
    try:
        view = flat_bytes(data)
        order = _ORDERS.get(bytes(view[:2]))
        if order is None or len(view) < 4:
            raise ValueError(
                f"the encapsulation {bytes(view[:4]).hex(' ') or 'that is missing'} is not plain CDR"
            )
        reader = _Reader(view[4:], order)
        message = reader.message(cls)
        left = len(view) - 4 - reader.at
        if left > _MOST_PADDING:
            raise ValueError(f"{left} bytes follow the last field")
        return message
    except RigsightError as error:  # a value that no message may hold
        raise codes.BYTES(error.what, where=where) from None
    except (TypeError, ValueError) as error:
        raise codes.BYTES(str(error), where=where) from None


class _Reader:
    def __init__(self, view: memoryview, order: str) -> None:
        self.view, self.order, self.at = view, order, 0

    def message(self, cls: type[M]) -> M:
        return cls(**{field.name: self._field(field) for field in fields_of(cls)})

    def _field(self, field: Field) -> Any:
        if field.kind == "one":
            return self._values(field, 1)[0]
        if field.kind == "array":
            return self._values(field, field.length)
        count = self._numbers("uint32", 1, field.name)[0]
        if field.base == "uint8":
            return self._take(count, field.name)
        return self._values(field, count) if count else ()

    def _values(self, field: Field, count: int) -> tuple[Any, ...]:
        if field.nested is not None:
            return tuple([self.message(field.nested) for _ in range(count)])
        if field.base == "string":
            return tuple([self._string(field.name) for _ in range(count)])
        return self._numbers(field.base, count, field.name)

    def _numbers(self, base: str, count: int, name: str) -> tuple[Any, ...]:
        packer, size = packer_of(base, count, self.order)
        self.at += -self.at % size
        taken = self._take(packer.size, name)
        if base == "bool" and any(byte > 1 for byte in taken):
            raise ValueError(f"{name}: {max(taken)} is neither true nor false")
        return packer.unpack(taken)

    def _string(self, name: str) -> str:
        count = self._numbers("uint32", 1, name)[0]
        if count == 0:  # some writers leave the NUL of an empty text out
            return ""
        text = bytes(self._take(count, name))
        if text[-1] != 0:
            raise ValueError(f"{name}: the text has no end")
        try:
            return text[:-1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: {error.reason} in its UTF-8") from None

    def _take(self, count: int, name: str) -> memoryview:
        end = self.at + count
        if end > len(self.view):
            raise ValueError(f"{name}: {count} bytes are missing at byte {self.at} of {len(self.view)}")
        found = self.view[self.at : end]
        self.at = end
        return found
