"""OpenCV's FileStorage: YAML (headers 1.0 and 1.2), XML and JSON, as plain values; full precision.

A matrix is {rows, cols, dt, data}, in XML with the attribute ``type_id="opencv-matrix"``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange.reading import MAX_DEPTH, Entry, Source, digits, parse_json, parse_yaml
from rigsight.calibration.rig import Float64

Value = Float64 | int | str
HEADERS = {"1.0": "%YAML:1.0", "1.2": "%YAML 1.2"}


def read(source: Source) -> Entry:
    """The file as keys and values, whichever of the three dialects it is. Raises CAL-060."""
    start = source.text.lstrip()[:1]
    if start == "<":
        return _parse_xml(source)
    return parse_json(source) if start == "{" else parse_yaml(source)


def to_yaml(values: Mapping[str, Value], header: str = "1.0") -> str:
    """YAML; every OpenCV reads either header."""
    lines = [HEADERS[header], "---"]
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            rows, columns = value.shape
            lines += [f"{key}: !!opencv-matrix", f"   rows: {rows}", f"   cols: {columns}", "   dt: d"]
            lines.append(f"   data: [ {digits(value.ravel())} ]")
        else:
            lines.append(f"{key}: {value}" if isinstance(value, int) else f'{key}: "{value}"')
    return "\n".join(lines) + "\n"


def to_xml(values: Mapping[str, Value]) -> str:
    """XML."""
    lines = ['<?xml version="1.0"?>', "<opencv_storage>"]
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            rows, columns = value.shape
            lines.append(f'<{key} type_id="opencv-matrix">')
            lines.append(f"  <rows>{rows}</rows>\n  <cols>{columns}</cols>\n  <dt>d</dt>")
            lines.append(f"  <data>\n    {digits(value.ravel()).replace(',', '')}</data></{key}>")
        else:
            text = value if isinstance(value, int) else f'"{value}"'
            lines.append(f"<{key}>{text}</{key}>")
    return "\n".join([*lines, "</opencv_storage>"]) + "\n"


def to_json(values: Mapping[str, Value]) -> str:
    """JSON."""
    data = {
        key: _matrix_as_json(value) if isinstance(value, np.ndarray) else value
        for key, value in values.items()
    }
    return json.dumps(data, indent=4) + "\n"


def _matrix_as_json(value: Float64) -> dict[str, Any]:
    rows, columns = value.shape
    return {
        "type_id": "opencv-matrix",
        "rows": rows,
        "cols": columns,
        "dt": "d",
        "data": value.ravel().tolist(),
    }


def _parse_xml(source: Source) -> Entry:
    reader = _Reader()
    try:
        reader.parser.Parse(source.data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = f" in line {error.lineno}" if isinstance(error, expat.ExpatError) else f": {error}"
        raise codes.EXCHANGE_UNREADABLE(f"not valid XML{line}", where=source.path) from error
    if reader.root != "opencv_storage":
        raise codes.EXCHANGE_UNREADABLE("the XML is no opencv_storage", where=source.path)
    return Entry(reader.result, "", source.path)


class _Reader:
    """Elements as keys; no document types, hence no entities; bounded depth.

    A leaf is its text, without quotes; ``data`` of a matrix and elements of plain text with several
    words are lists, as FileStorage writes sequences.
    """

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.root = ""
        self.stack: list[tuple[str, bool, dict[str, Any], list[str]]] = []
        self.result: Any = {}

    def _refuse(self, *_: object) -> None:
        raise ValueError("document types are not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise ValueError("nested too deep")
        self.root = self.root or name
        self.stack.append((name, name == "data", {}, []))

    def _text(self, text: str) -> None:
        self.stack[-1][3].append(text)

    def _end(self, _: str) -> None:
        name, is_data, children, texts = self.stack.pop()
        value: Any = children
        if not children:
            text = "".join(texts).strip()
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            words = text.split()
            if quoted:
                value = text[1:-1]
            elif is_data or len(words) > 1:
                value = words
            else:
                value = text
        if not self.stack:
            self.result = children
            return
        siblings = self.stack[-1][2]
        if name != "_" and name in siblings:
            raise ValueError(f"'{name}' is given twice")
        siblings[name if name != "_" else f"_{len(siblings)}"] = value
