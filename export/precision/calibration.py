"""The ranges of a calibration as a file that knows what it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from rigsight.base.files import make_folder, write_text
from rigsight.base.schema import StrictModel, load_model
from rigsight.edge.bundle.reader import Bundle
from rigsight.export import codes
from rigsight.export.precision.material import Material
from rigsight.export.precision.ranges import Method, Ranges


class PartCalibration(StrictModel):
    """The ranges of one graph, and its sha256."""

    graph: str
    limits: dict[str, tuple[float, float]]
    largest: dict[str, float]


class CalibrationFile(StrictModel):
    """calibration.json: ranges by part, and the sha256 of all that they were found with."""

    version: int = 1
    preprocessing: str
    pictures: str
    method: Method
    parts: dict[str, PartCalibration]

    def ranges(self) -> dict[str, Ranges]:
        """What was found, by part."""
        return {
            part: Ranges(self.method, dict(kept.limits), dict(kept.largest))
            for part, kept in self.parts.items()
        }


def keep(
    path: Path, ranges: Mapping[str, Ranges], graphs: Mapping[str, bytes], bundle: Bundle, material: Material
) -> None:
    """Write ``ranges`` with what they belong to. Raises IO-001."""
    kept = CalibrationFile(
        **identity(bundle, material),
        method=next(iter(ranges.values())).method,
        parts={
            part: PartCalibration(graph=_sha256(graphs[part]), limits=found.limits, largest=found.largest)
            for part, found in ranges.items()
        },
    )
    make_folder(path.parent)
    write_text(path, json.dumps(kept.model_dump(mode="json"), indent=1))


def reuse(
    path: Path, method: Method, graphs: Mapping[str, bytes], bundle: Bundle, material: Material
) -> dict[str, Ranges]:
    """The ranges of an earlier export. Raises EXP-103 where they belong to something else."""
    kept = load_model(path, CalibrationFile, codes.CALIBRATION_STALE)
    wanted = {**identity(bundle, material), "method": method}
    for name, value in wanted.items():
        if getattr(kept, name) != value:
            what = {"pictures": "the calibration pictures are", "method": "the calibrator is"}
            raise codes.CALIBRATION_STALE(f"{what.get(name, f'the {name} is')} another", where=path)
    for part in {**graphs, **kept.parts}:
        if part not in graphs or part not in kept.parts or kept.parts[part].graph != _sha256(graphs[part]):
            raise codes.CALIBRATION_STALE(f"the graph '{part}' is another", where=path)
    return kept.ranges()


def identity(bundle: Bundle, material: Material) -> dict[str, str]:
    """sha256 of what all ranges depend on."""
    preprocessing = bundle.spec.preprocessing.model_dump_json()
    return {"preprocessing": _sha256(preprocessing.encode()), "pictures": material.digest}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
