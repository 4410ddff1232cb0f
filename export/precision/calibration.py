"""The ranges of a calibration as a file that knows what it belongs to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from rigsight.base.files import make_folder, write_text
from rigsight.base.schema import StrictModel, load_model
from rigsight.edge.bundle.reader import Bundle
from rigsight.export import codes
from rigsight.export.precision.material import Material
from rigsight.export.precision.ranges import Method, Ranges


class CalibrationFile(StrictModel):
    """calibration.json: ranges, and the sha256 of graph, preprocessing and pictures they were found with."""

    version: int = 1
    graph: str
    preprocessing: str
    pictures: str
    method: Method
    limits: dict[str, tuple[float, float]]
    largest: dict[str, float]

    def ranges(self) -> Ranges:
        """What was found."""
        return Ranges(self.method, dict(self.limits), dict(self.largest))


def keep(path: Path, ranges: Ranges, graph: bytes, bundle: Bundle, material: Material) -> None:
    """Write ``ranges`` with what they belong to. Raises IO-001."""
    kept = CalibrationFile(
        **identity(graph, bundle, material),
        method=ranges.method,
        limits=ranges.limits,
        largest=ranges.largest,
    )
    make_folder(path.parent)
    write_text(path, json.dumps(kept.model_dump(mode="json"), indent=1))


def reuse(path: Path, method: Method, graph: bytes, bundle: Bundle, material: Material) -> Ranges:
    """The ranges of an earlier export. Raises EXP-103 where they belong to something else."""
    kept = load_model(path, CalibrationFile, codes.CALIBRATION_STALE)
    wanted = {**identity(graph, bundle, material), "method": method}
    for name, value in wanted.items():
        if getattr(kept, name) != value:
            what = {"pictures": "the calibration pictures are", "method": "the calibrator is"}
            raise codes.CALIBRATION_STALE(f"{what.get(name, f'the {name} is')} another", where=path)
    return kept.ranges()


def identity(graph: bytes, bundle: Bundle, material: Material) -> dict[str, str]:
    """sha256 of all that ranges depend on."""
    preprocessing = bundle.spec.preprocessing.model_dump_json()
    return {
        "graph": hashlib.sha256(graph).hexdigest(),
        "preprocessing": hashlib.sha256(preprocessing.encode()).hexdigest(),
        "pictures": material.digest,
    }
