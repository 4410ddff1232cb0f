"""Checkpoints: what goes in comes out, and everything else is refused in one line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.spec import AgcSpec, Preprocessing
from rigsight.edge.simulation.classes import CLASSES
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, load_checkpoint, save_checkpoint
from rigsight.training.models import build


def meta(**changes: Any) -> CheckpointMeta:
    values: dict[str, Any] = {
        "model": "segmif_nano",
        "options": {"classes": 9},
        "classes": CLASSES,
        "preprocessing": Preprocessing(agc=AgcSpec(low_percent=2)),
        "width": 320,
        "height": 240,
        "training": TrainingProvenance(command="rigsight train x.yaml", tool_version="0", config={"seed": 1}),
        "scores": {"street": {"both": 0.8}},
    }
    return CheckpointMeta(**{**values, **changes})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    torch.manual_seed(3)
    save_checkpoint(path, build("segmif_nano", classes=9), meta())
    return path


def test_weights_and_description_come_back(saved: Path) -> None:
    model, found = load_checkpoint(saved)
    assert found == meta()
    assert not model.training
    torch.manual_seed(3)
    for name, value in build("segmif_nano", classes=9).state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def rewritten(saved: Path, folder: Path, **changes: Any) -> Path:
    header = {**json.loads(meta().model_dump_json()), **changes}
    path = folder / "other.safetensors"
    save_file(load_file(saved), path, metadata={"rigsight": json.dumps(header)})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "TRN-202.*version 2"),
        ({"model": "segmif_mini"}, "TRN-101.*segmif_mini"),
        ({"options": {"classes": 5}}, "TRN-203"),
        ({"options": {"colours": 5}}, "TRN-102"),
        ({"width": -1}, "TRN-202.*width"),
    ],
)
def test_other_descriptions_are_refused(
    saved: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RigsightError, match=message) as caught:
        load_checkpoint(rewritten(saved, tmp_path, **changes))
    assert "\n" not in caught.value.line()


def test_files_that_are_no_checkpoints_are_refused(saved: Path, tmp_path: Path) -> None:
    cases = {
        "cut.safetensors": saved.read_bytes()[:5000],
        "empty.safetensors": b"",
        "pickled.safetensors": pickle.dumps({"weights": [1.0]}),
    }
    for name, data in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(RigsightError, match="TRN-201"):
            load_checkpoint(path)
    with pytest.raises(RigsightError, match="TRN-201.*does not exist"):
        load_checkpoint(tmp_path / "none.safetensors")
    bare = tmp_path / "bare.safetensors"
    save_file({"a": torch.zeros(1)}, bare)
    with pytest.raises(RigsightError, match="TRN-201.*header"):
        load_checkpoint(bare)
