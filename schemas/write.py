"""Write the JSON Schemas of the six files that join the rooms: ``python schemas/write.py``.

A test fails when what is committed differs from what this writes.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Rig
from rigsight.edge.bundle.spec import BundleSpec
from rigsight.edge.profile import Profile
from rigsight.edge.recording.spec import RecordingSpec
from rigsight.training.data.spec import DatasetSpec

MODELS: dict[str, type[BaseModel]] = {
    "board": Board,
    "rig": Rig,
    "dataset": DatasetSpec,
    "bundle": BundleSpec,
    "profile": Profile,
    "recording": RecordingSpec,
}


def schema_text(name: str) -> str:
    """The JSON Schema of one file, as it is committed."""
    return json.dumps(MODELS[name].model_json_schema(by_alias=True), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name in MODELS:
        Path(__file__).with_name(f"{name}.schema.json").write_text(schema_text(name))
