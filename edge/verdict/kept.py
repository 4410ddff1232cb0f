"""The verdict that was reached here, kept beside the engines and never in the bundle.

verdicts/<16 digits of the bundle's sha256>/tensorrt.json
verdicts/<16 digits of the bundle's sha256>/onnxruntime.json
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from rigsight.base.errors import RigsightError
from rigsight.base.files import write_text
from rigsight.base.schema import StrictModel, parse_model
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines import codes
from rigsight.edge.processor import processor_name
from rigsight.edge.tensorrt.machine import Machine
from rigsight.edge.tensorrt.trust import cache_root, check_folder, private_folder, read_trusted
from rigsight.edge.verdict.decide import Row

Backend = Literal["tensorrt", "onnxruntime"]
MAX_BYTES = 1 << 20


class KeptRow(StrictModel):
    """See :class:`rigsight.edge.verdict.decide.Row`; None for what was not measured."""

    variant: Variant
    score: float | None = None
    lost: float | None = None
    agreement: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    speed: float | None = None
    megabytes: float | None = None
    refused: str | None = None


class DeviceVerdict(StrictModel):
    """Which variant of a bundle runs on this machine, and what that rests on."""

    version: Literal[1] = 1
    bundle: str = Field(description="sha256 of bundle.yaml")
    backend: Backend
    machine: dict[str, str]
    chosen: Variant | None
    reason: str
    metric: str
    reference: float | None = Field(description="score of float32 in ONNX Runtime on this machine")
    pictures: int = Field(description="labelled pictures that were judged, 0 without any")
    budget_points: float
    rows: tuple[KeptRow, ...]
    judged_at: float = Field(default_factory=time.time, description="seconds since 1970")

    def line(self) -> str:
        """For people."""
        return f"{self.chosen or 'none of the variants'} runs here: {self.reason}"


def kept_row(row: Row) -> KeptRow:
    """``row`` with None where nothing was measured."""
    values = {name: _plain(value) for name, value in vars(row).items()}
    return KeptRow.model_validate(values)


def gpu_machine(machine: Machine) -> dict[str, str]:
    """What a TensorRT verdict holds for."""
    return {
        "gpu": machine.gpu,
        "compute_capability": machine.compute_capability,
        "tensorrt": machine.tensorrt,
        "driver": machine.driver,
    }


def cpu_machine() -> dict[str, str]:
    """What a verdict on ONNX Runtime's CPU kernels holds for."""
    import onnxruntime

    return {"processor": processor_name(), "onnxruntime": onnxruntime.__version__}


def folder_of(bundle_sha256: str) -> Path:
    """Where a bundle's verdicts lie."""
    return cache_root() / "verdicts" / bundle_sha256[:16]


def write_verdict(verdict: DeviceVerdict) -> Path:
    """Keep it; returns its file.

    Raises:
        RigsightError: IO-001, ENG-005 where the folder is somebody else's.
    """
    private_folder(cache_root() / "verdicts")
    path = private_folder(folder_of(verdict.bundle)) / f"{verdict.backend}.json"
    write_text(path, verdict.model_dump_json(indent=1))
    return path


def read_verdict(bundle_sha256: str, backend: Backend, machine: Mapping[str, str]) -> DeviceVerdict | None:
    """The verdict on this bundle that was reached on this machine; None without one that still holds.

    Raises:
        RigsightError: ENG-005 where somebody else could have written it.
    """
    folder = folder_of(bundle_sha256)
    path = folder / f"{backend}.json"
    if not folder.is_dir() or not path.exists():
        return None
    check_folder(folder.parent)
    check_folder(folder)
    data = read_trusted(path, MAX_BYTES)
    try:
        verdict = parse_model(json.loads(data), DeviceVerdict, codes.ENGINE_BROKEN, where=path)
    except (ValueError, RecursionError, RigsightError):
        return None
    fits = verdict.bundle == bundle_sha256 and verdict.backend == backend and verdict.machine == dict(machine)
    return verdict if fits else None


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
