"""What a parser must know of an ONNX file, read from its protobuf bytes without the package onnx.

Raises ValueError where the bytes are not whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DTYPES = {1: "FLOAT", 2: "UINT8", 3: "INT8", 7: "INT64", 9: "BOOL", 10: "HALF"}


@dataclass
class Facts:
    """Nodes as (operator, name, number of outputs); tensors as name -> (dtype, shape)."""

    nodes: list[tuple[str, str, int]] = field(default_factory=list)
    inputs: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    outputs: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    weights: set[str] = field(default_factory=set)

    @property
    def quantised(self) -> bool:
        return any(operator == "QuantizeLinear" for operator, _, _ in self.nodes)


def read(model: bytes) -> Facts:
    facts = Facts()
    graphs = [value for number, value in fields(model) if number == 7]
    if len(graphs) != 1:
        raise ValueError("there is no graph")
    for number, value in fields(graphs[0]):
        if number == 1:
            node = list(fields(value))
            outputs = [text for key, text in node if key == 2 and text]
            facts.nodes.append((_text(node, 4), _text(node, 3), len(outputs)))
        elif number == 5:
            facts.weights.add(DTYPES.get(_number(list(fields(value)), 2), "other"))
        elif number in (11, 12):
            tensor = list(fields(value))
            described = list(fields(_bytes(list(fields(_bytes(tensor, 2))), 1)))
            shape = tuple(
                _number(list(fields(dim)), 1) for key, dim in fields(_bytes(described, 2)) if key == 1
            )
            target = facts.inputs if number == 11 else facts.outputs
            target[_text(tensor, 1)] = (DTYPES[_number(described, 1)], shape)
    return facts


def fields(data: bytes) -> list[tuple[int, Any]]:
    """(field number, integer or bytes) in order."""
    found, place = [], 0
    while place < len(data):
        key, place = _varint(data, place)
        kind, number = key & 7, key >> 3
        if kind == 0:
            value, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, place = data[place : place + size], place + size
        elif kind == 2:
            size, place = _varint(data, place)
            value, place = data[place : place + size], place + size
        else:
            raise ValueError(f"wire type {kind}")
        if place > len(data):
            raise ValueError("truncated")
        found.append((number, value))
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data):
            raise ValueError("truncated")
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _text(found: list[tuple[int, Any]], number: int) -> str:
    return next((value.decode() for key, value in found if key == number), "")


def _bytes(found: list[tuple[int, Any]], number: int) -> bytes:
    return next((value for key, value in found if key == number), b"")


def _number(found: list[tuple[int, Any]], number: int) -> int:
    return next((value for key, value in found if key == number), 0)
