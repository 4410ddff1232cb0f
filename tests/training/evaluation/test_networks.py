"""Networks answer at the size of their pictures, whole or in tiles; commands refuse what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rigsight.cli.main import main
from rigsight.edge.bundle.spec import ClassEntry, Geometry, Preprocessing
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, save_checkpoint
from rigsight.training.data.dataset import Dataset
from rigsight.training.evaluation import networks
from rigsight.training.evaluation.networks import NetworkSubject, open_network
from rigsight.training.models import build

CRACK = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(200, 0, 0)))


class RedNetwork(nn.Module):
    """Logit of crack: red above the middle, blurred over 5 x 5 pixels."""

    task, inputs = "binary", ("rgb",)

    def __init__(self) -> None:
        super().__init__()
        self.blur = nn.Conv2d(1, 1, 5, padding=2, padding_mode="replicate", bias=False)
        nn.init.constant_(self.blur.weight, 1 / 25)

    def forward(self, rgb: Tensor) -> dict[str, Tensor]:
        return {"logits": self.blur(rgb[:, :1]) * 10 - 5}


def meta(**changes: Any) -> CheckpointMeta:
    values: dict[str, Any] = {
        "model": "red",
        "task": "binary",
        "classes": CRACK,
        "preprocessing": Preprocessing(thermal_input="camera8", geometry=Geometry(kind="tile")),
        "width": 32,
        "height": 32,
        "training": TrainingProvenance(command="x", tool_version="0"),
    }
    return CheckpointMeta(**{**values, **changes})


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_large_pictures_go_through_in_tiles_and_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = NetworkSubject(RedNetwork(), meta(threshold=0.4), "red")
    assert subject.threshold == 102
    rgb = picture(150, 203)
    whole = subject(rgb, None)
    assert whole.mask.shape == (150, 203)
    np.testing.assert_array_equal(whole.mask, whole.probability >= 102)
    monkeypatch.setattr(networks, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(networks, "TILE", 96)
    monkeypatch.setattr(networks, "TILES", Geometry(kind="tile", overlap_px=32, blend_px=8, align_px=32))
    tiled = NetworkSubject(RedNetwork(), meta(threshold=0.4), "red")(rgb, None)
    assert np.abs(whole.probability.astype(int) - tiled.probability).max() <= 1


def test_networks_of_whole_pictures_see_their_own_size() -> None:
    subject = NetworkSubject(RedNetwork(), meta(preprocessing=Preprocessing()), "red")
    answer = subject(picture(150, 203), None)
    assert answer.rgb.shape == (32, 32, 3)
    assert answer.probability.shape == (150, 203)
    crops = TrainingProvenance(command="x", tool_version="0", config={"data": {"crop": True}})
    subject = NetworkSubject(RedNetwork(), meta(preprocessing=Preprocessing(), training=crops), "red")
    assert subject(picture(50, 43), None).rgb.shape == (50, 43, 3)


def test_thermal_of_either_depth_and_a_fused_picture() -> None:
    torch.manual_seed(0)
    network = build("segmif_nano", classes=3)
    subject = NetworkSubject(
        network, meta(task="semantic", classes=CRACK, preprocessing=Preprocessing()), "s"
    )
    assert subject.cameras == ("rgb", "thermal")
    grey = picture(40, 48)[..., 0]
    for thermal in (grey, grey.astype(np.uint16) * 20 + 6000):
        answer = subject(picture(40, 48), thermal)
        assert answer.mask.shape == (40, 48)
        assert answer.grid.fused is not None
        assert answer.grid.fused.shape == (32, 32, 3)
    assert subject(None, grey).thermal.any()
    assert not subject(None, grey).rgb.any()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A crack network with fresh weights."""
    torch.manual_seed(1)
    path = tmp_path / "model.safetensors"
    network = build("scnet_edge")
    save_checkpoint(path, network, meta(model="scnet_edge", options=network.options.model_dump()))  # type: ignore[operator]
    return path


def test_the_command_judges_a_checkpoint(
    checkpoint: Path,
    make_dataset: Callable[..., Dataset],
    crack_pictures: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(make_dataset(crack_pictures).folder)
    assert main(["evaluate", str(checkpoint), "--data", folder, "--tolerance", "2"]) == 0
    out = capsys.readouterr().out
    assert "F1 within 2 px, best threshold (ODS)" in out
    assert "region F1 32x32" in out
    assert open_network(checkpoint).cameras == ("rgb",)


def test_a_checkpoint_of_another_model_is_one_line(
    checkpoint: Path,
    make_dataset: Callable[..., Dataset],
    warm_pictures: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(make_dataset(warm_pictures, ("background", "hot", "red")).folder)
    cases = {
        ("--data", folder): "TRN-304",
        ("--data", folder, "--split", "test"): "DAT-002",
        ("--data", folder, "--scene", "pipe"): "CLI-001",
        ("--data", f"{folder}/nowhere.yaml"): "DAT-001",
        ("--tolerance", "2"): "CLI-001",
        ("--scene", "pipe", "--seeds", "1"): "TRN-204",
    }
    for words, code in cases.items():
        assert main(["evaluate", str(checkpoint), *words]) == 2, words
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1, said
        assert code in said[0]
