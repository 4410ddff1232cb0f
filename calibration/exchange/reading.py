"""Foreign files as plain values: bounded in size and depth, with errors that name file and key.

OpenCV's own FileStorage is not used: it throws or crashes on malformed files, and its dialect of YAML
depends on its version. Scalars of YAML and XML stay text here until a number is asked for.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from rigsight.calibration import codes
from rigsight.calibration.rig import Float64

MAX_BYTES = 2 << 20
MAX_DEPTH = 16
MAX_VALUES = 30_000  # about a second of parsing; a calibration with all its image points has fewer
MAX_MAGNITUDE = 1e12
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A file that has been read: its path (for errors) and its bytes."""

    path: Path
    data: bytes

    @classmethod
    def read(cls, path: Path, limit: int = MAX_BYTES) -> Source:
        """Read ``path``. Raises CAL-060 when that fails or it is larger than ``limit`` bytes."""
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise codes.EXCHANGE_UNREADABLE(reason, where=path) from error
        if len(data) > limit:
            raise codes.EXCHANGE_UNREADABLE(f"the file is larger than {limit >> 20} MiB", where=path)
        return cls(path, data)

    @property
    def text(self) -> str:
        """The content as UTF-8 text with plain newlines. Raises CAL-060."""
        try:
            return self.data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise codes.EXCHANGE_UNREADABLE("the file is not UTF-8 text", where=self.path) from error


class _Loader(yaml.BaseLoader):
    """YAML with text for scalars, no aliases, no merge keys, no key twice; bounded depth and length."""

    depth = 0
    values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read", None)
        self.depth += 1
        self.values += 1
        if self.depth > MAX_DEPTH or self.values > MAX_VALUES:
            problem = "nested too deep" if self.depth > MAX_DEPTH else f"more than {MAX_VALUES} values"
            raise yaml.constructor.ConstructorError(None, None, problem, None)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(keys) != len(node.value) or len(set(keys)) != len(keys):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is given twice or is no word", node.start_mark
            )
        return super().construct_mapping(node, deep)


def parse_yaml(source: Source) -> Entry:
    """YAML, also with OpenCV's header ``%YAML:1.0`` that YAML does not know. Raises CAL-060."""
    text = re.sub(r"\A%YAML[: ]\s*1\.\d[^\n]*\n", "", source.text)
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError, IndexError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        line = f" in line {mark.line + 1}" if mark else ""
        raise codes.EXCHANGE_UNREADABLE(f"not valid YAML{line}: {problem}", where=source.path) from error
    return Entry(value, "", source.path)


def parse_json(source: Source) -> Entry:
    """JSON without NaN and without a key given twice. Raises CAL-060."""
    try:
        value = json.loads(source.text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        line = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise codes.EXCHANGE_UNREADABLE(f"not valid JSON{line}", where=source.path) from error
    return Entry(value, "", source.path)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


@dataclass(frozen=True)
class Entry:
    """A value of a foreign file, the dotted key that leads to it, and the file.

    Every method raises CAL-061 (RigsightError) that names the key when the value is not as asked.
    """

    value: Any
    key: str
    path: Path

    def wrong(self, problem: str) -> Exception:
        """The error that says what is wrong with this entry."""
        name = f"'{self.key}'" if self.key else "the file"
        return codes.EXCHANGE_GARBLED(f"{name} {problem}", where=self.path)

    @property
    def items(self) -> dict[str, Any]:
        """The value as keys and values."""
        if not isinstance(self.value, dict):
            raise self.wrong("must hold keys and values")
        return self.value

    def get(self, *keys: str) -> Entry | None:
        """The entry under the first of ``keys`` that exists, or None."""
        for key in keys:
            if key in self.items:
                return Entry(self.items[key], f"{self.key}.{key}" if self.key else key, self.path)
        return None

    def need(self, *keys: str) -> Entry:
        """As :meth:`get`, but it must exist."""
        found = self.get(*keys)
        if found is None:
            some = [str(key) for key in itertools.islice(self.items, 64)]  # difflib is slow on many
            near = difflib.get_close_matches(keys[0], some, n=1)
            hint = f", only '{near[0]}'" if near else ""
            raise self.wrong(f"has no '{keys[0]}'{hint}")
        return found

    def word(self) -> str:
        """The value as text."""
        if not isinstance(self.value, str) or len(self.value) > 200:
            raise self.wrong("must be a word")
        return self.value

    def number(self) -> float:
        """The value as a finite number."""
        value = self.value
        if isinstance(value, str):
            if len(value) > 64 or not NUMBER.fullmatch(value.strip()):
                raise self.wrong("must be a finite number")
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong("must be a finite number")
        if not abs(value) <= MAX_MAGNITUDE:  # also NaN
            raise self.wrong("must be a finite number")
        return float(value)

    def integer(self, low: int, high: int) -> int:
        """The value as a whole number in low … high."""
        number = self.number()
        if not low <= number <= high or number != int(number):
            raise self.wrong(f"must be a whole number from {low} to {high}")
        return int(number)

    def children(self) -> list[Entry]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("must be a list")
        return [Entry(item, f"{self.key}[{index}]", self.path) for index, item in enumerate(self.value)]

    def numbers(self, *counts: int) -> tuple[float, ...]:
        """The value as a list of numbers, of one of the lengths ``counts`` (any, when none is given)."""
        items = self.children()
        if counts and len(items) not in counts:
            raise self.wrong(f"must hold {' or '.join(map(str, counts))} numbers, not {len(items)}")
        return tuple(item.number() for item in items)

    def matrix(self, rows: int, columns: int) -> Float64:
        """The value as float64 [rows, columns]: a list of rows, a flat list, or rows + cols + data."""
        if isinstance(self.value, dict):
            shape = (self.need("rows").integer(0, 64), self.need("cols").integer(0, 64))
            if shape != (rows, columns):
                raise self.wrong(f"must be {rows}x{columns}, not {shape[0]}x{shape[1]}")
            return np.array(self.need("data").numbers(rows * columns)).reshape(rows, columns)
        items = self.children()
        if items and isinstance(items[0].value, list):
            if len(items) != rows:
                raise self.wrong(f"must have {rows} rows, not {len(items)}")
            return np.array([item.numbers(columns) for item in items])
        return np.array(self.numbers(rows * columns)).reshape(rows, columns)

    def vector(self, limit: int = 64) -> tuple[float, ...]:
        """The value as numbers in a row or a column: a flat list, or rows + cols + data."""
        if not isinstance(self.value, dict):
            return self.numbers()
        rows, columns = self.need("rows").integer(0, limit), self.need("cols").integer(0, limit)
        data = self.get("data")
        if data is None and rows * columns:
            raise self.wrong("has no 'data'")
        if rows > 1 and columns > 1:
            raise self.wrong("must have one row or one column")
        return data.numbers(rows * columns) if data and rows * columns else ()


def digits(values: Sequence[float] | Float64) -> str:
    """Numbers with all their digits, separated by commas."""
    return ", ".join(repr(float(value)) for value in values)
