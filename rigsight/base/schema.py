"""Strict YAML models: unknown keys are errors that name the nearest known one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rigsight.base.errors import ErrorCode
from rigsight.base.files import write_text

MAX_YAML_BYTES = 8 << 20

M = TypeVar("M", bound="StrictModel")


class StrictModel(BaseModel):
    """A frozen pydantic model that accepts no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_yaml(self) -> str:
        """The model as YAML, keys in the order of the schema, None left out."""
        data = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)

    def save(self, path: str | Path) -> None:
        """Write the model as YAML, atomically. Raises IO-001."""
        write_text(path, self.to_yaml())


class _Dumper(yaml.SafeDumper):
    """Rows of plain numbers stay on one line."""


def _represent_list(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    flat = all(isinstance(item, (int, float)) for item in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat)


_Dumper.add_representer(list, _represent_list)


def read_yaml(path: str | Path, code: ErrorCode) -> Any:
    """Parse a YAML file of at most 8 MiB into plain values. Raises ``code`` when that fails."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise code("the file is larger than 8 MiB", where=path)
        data = path.read_bytes()
    except OSError as error:
        raise code(error.strerror or str(error), where=path) from error
    return parse_yaml(data, code, where=path)


def parse_yaml(data: bytes, code: ErrorCode, where: str | Path | None = None) -> Any:
    """Parse UTF-8 YAML of at most 8 MiB into plain values. Raises ``code`` when that fails."""
    if len(data) > MAX_YAML_BYTES:
        raise code("the file is larger than 8 MiB", where=where)
    try:
        return yaml.safe_load(data.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise code(f"it is not valid YAML{line}", where=where) from error


def load_model(path: str | Path, model: type[M], code: ErrorCode) -> M:
    """Read a YAML file into ``model``. Raises ``code`` with the first problem found."""
    return parse_model(read_yaml(path, code), model, code, where=path)


def parse_model(data: Any, model: type[M], code: ErrorCode, where: str | Path | None = None) -> M:
    """Check plain values against ``model``. Raises ``code`` with the first problem found."""
    if not isinstance(data, dict):
        raise code(f"expected keys and values, found {type(data).__name__}", where=where)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise code(explain(error, model), where=where) from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem of a pydantic error in words, unknown keys first."""
    problems = error.errors()
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = ".".join(str(part) for part in first["loc"]) or "the document"
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        near = difflib.get_close_matches(key, _known_keys(model), n=1, cutoff=0.4)
        return f"unknown key '{place}'" + (f", did you mean '{near[0]}'" if near else "")
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"'{place}': {message[:1].lower()}{message[1:]}{more}"


def _known_keys(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema()
    keys = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        keys.update(definition.get("properties", {}))
    return sorted(keys)
