"""Training of masks on a data set: it learns, resumes exactly, and means the same on two processes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.training import fit
from rigsight.training.checkpoint import load_checkpoint
from rigsight.training.config import TrainConfig, load_config
from rigsight.training.data.spec import Split
from rigsight.training.keeper import Keeper

STEMS = {"train": [f"t{i}" for i in range(6)], "val": ["v0", "v1"]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark bars on grey noise, 48x40, six to learn from and two to be judged on."""
    folder = tmp_path_factory.mktemp("bars")
    (folder / "rgb").mkdir()
    (folder / "masks").mkdir()
    for number, stem in enumerate([*STEMS["train"], *STEMS["val"]]):
        random = np.random.default_rng(number)
        rgb = random.integers(120, 200, (40, 48, 3)).astype(np.uint8)
        mask = np.zeros((40, 48), np.uint8)
        left = int(random.integers(5, 35))
        mask[:, left : left + 6] = 255
        rgb[mask > 0] //= 4
        cv2.imwrite(str(folder / "rgb" / f"{stem}.png"), rgb)
        cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)
    spec = {
        "name": "bars",
        "modalities": {"rgb": "rgb/{stem}.png"},
        "labels": {"kind": "masks", "pattern": "masks/{stem}.png", "encoding": "threshold"},
        "classes": [{"name": "background", "color": [0, 0, 0]}, {"name": "bar", "color": [250, 60, 60]}],
        "splits": {name: Split.of(stems).model_dump(mode="json") for name, stems in STEMS.items()},
        "licence": "CC0",
        "source": "this test",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(spec))
    return folder / "dataset.yaml"


def written(out: Path, dataset: Path, **changes: Any) -> Path:
    """A small configuration as a file; instance norm, so that a batch can be split without a change."""
    config: dict[str, Any] = {
        "out": str(out),
        "threads": 1,
        "width": 32,
        "height": 32,
        "model": {
            "name": "scnet_edge",
            "options": {"widths": [8, 8, 8, 8], "depths": [1, 1, 1, 1], "norm": "instance"},
        },
        "data": {"kind": "dataset", "path": str(dataset), "crop": True},
        "augmentation": {"noise": 0.0},
        "recipe": {
            "kind": "masks",
            "loss": "scnet",
            "epochs": 3,
            "optimizer": {"name": "sgd", "lr": 0.05},
            "rate": {"kind": "constant"},
        },
        "schedule": {"batch": 2, "ema_decay": 0.5},
    }
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    path = out.parent / f"{out.name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def small(out: Path, dataset: Path, *overrides: str, **changes: Any) -> TrainConfig:
    return load_config(written(out, dataset, **changes), overrides)


def assert_same_weights(one: Path, other: Path, **tolerance: float) -> None:
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], **(tolerance or {"rtol": 0, "atol": 0}))


def test_a_stopped_run_goes_on_to_the_same_weights_and_leaves_its_logs(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit.train(small(tmp_path / "whole", dataset), ["rigsight", "train"])
    report = Keeper.on_train_batch_end

    def stop(self: Any, trainer: Any, *rest: Any) -> None:
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt
        report(self, trainer, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "on_train_batch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            fit.train(small(tmp_path / "halves", dataset))
    halves = fit.train(small(tmp_path / "halves", dataset), resume=True)
    assert_same_weights(whole.checkpoint, halves.checkpoint)
    assert whole.scores == halves.scores

    _, meta = load_checkpoint(whole.checkpoint)
    assert (meta.task, meta.metric, meta.training.steps) == ("binary", "ODS-F1", 9)
    assert meta.threshold is not None
    assert [entry.name for entry in meta.classes] == ["background", "bar"]
    assert "CC0" in meta.training.data
    for run in ("whole", "halves"):
        with (tmp_path / run / "log.csv").open() as file:
            assert [(row["epoch"], row["step"]) for row in csv.DictReader(file)] == [
                ("1", "3"), ("2", "6"), ("3", "9"),
            ]  # fmt: skip
    picture = cv2.imread(str(tmp_path / "whole" / "samples" / "epoch_0003.jpg"))
    assert picture is not None
    assert picture.shape[0] == 2 * 160
    assert list((tmp_path / "whole" / "tensorboard").glob("events*"))


def test_it_learns_and_can_start_from_what_was_learnt(tmp_path: Path, dataset: Path) -> None:
    longer = {"recipe": {"epochs": 15, "optimizer": {"name": "adamw", "lr": 0.02}}}
    first = fit.train(small(tmp_path / "first", dataset, **longer))
    assert first.scores["val"]["both"] > 0.8
    on = small(tmp_path / "on", dataset, f"from={first.checkpoint}", "recipe.epochs=1")
    again = fit.train(on)
    assert again.scores["val"]["both"] > 0.7
    wrong = {"model": {"name": "mfnet", "options": {}, "start_from": str(first.checkpoint)}}
    with pytest.raises(RigsightError, match="TRN-203.*scnet_edge.*mfnet"):
        fit.train(small(tmp_path / "wrong", dataset, **wrong))


def test_a_teacher_moves_the_student_towards_itself(tmp_path: Path, dataset: Path) -> None:
    longer = {"recipe": {"epochs": 12, "optimizer": {"name": "adamw", "lr": 0.02}}}
    teacher = fit.train(small(tmp_path / "teacher", dataset, **longer)).checkpoint
    alone = fit.train(small(tmp_path / "alone", dataset)).checkpoint
    taught = fit.train(small(tmp_path / "taught", dataset, f"teacher={teacher}", "recipe.distil.weight=5"))
    rgb = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, left, right = (
            load_checkpoint(path)[0](rgb)["logits"].sigmoid() for path in (teacher, alone, taught.checkpoint)
        )
    assert (right - wanted).abs().mean() < (left - wanted).abs().mean()


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path, dataset: Path) -> None:
    large = fit.train(small(tmp_path / "large", dataset, schedule={"batch": 6, "ema_decay": 0.0}))
    parts = {"batch": 2, "accumulate": 3, "ema_decay": 0.0}
    several = fit.train(small(tmp_path / "parts", dataset, schedule=parts))
    # Soft IoU is a mean over pictures and focal one over pixels: both are means of the parts' means.
    assert_same_weights(large.checkpoint, several.checkpoint, rtol=1e-3, atol=2e-5)
    assert several.steps == large.steps == 3


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, dataset: Path) -> None:
    one = fit.train(small(tmp_path / "one", dataset, schedule={"batch": 2}))
    config = written(tmp_path / "two", dataset, schedule={"batch": 1, "devices": 2})
    command = [str(Path(sys.executable).parent / "rigsight"), "train", str(config)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_same_weights(one.checkpoint, tmp_path / "two" / "model.safetensors", rtol=1e-3, atol=2e-5)
    with (tmp_path / "two" / "log.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3


def test_what_goes_wrong_in_the_middle_is_one_line(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loss = "rigsight.training.losses.scnet.ScnetLoss.__call__"
    with monkeypatch.context() as patch:
        patch.setattr(loss, lambda *a: torch.tensor(torch.nan, requires_grad=True))
        assert main(["train", str(written(tmp_path / "nan", dataset))]) == 2
    assert "TRN-004" in capsys.readouterr().err
    assert load_file(tmp_path / "nan" / "not_finite.safetensors")["rgb"].shape == (2, 3, 32, 32)

    def full(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")

    with monkeypatch.context() as patch:
        patch.setattr(loss, full)
        assert main(["train", str(written(tmp_path / "full", dataset))]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("TRN-006")
    assert "schedule.batch=1 schedule.accumulate=2" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": {"kind": "masks", "loss": "scnett"}}, "TRN-005.*did you mean 'scnet'"),
        ({"recipe": {"kind": "masks", "loss_options": {"gama": 1}}}, "TRN-005.*takes no 'gama'"),
        ({"model": {"name": "segmif_nano", "options": {}}}, "TRN-008.*9 classes, the data has 2"),
        ({"model": {"name": "bnsa_mask_rcnn", "options": {"backbone": "resnet18"}}}, "TRN-007.*instance"),
        ({"data": {"kind": "dataset", "val": "held_out"}}, "DAT-.*no split 'held_out'"),
    ],
)
def test_configurations_that_do_not_fit_are_one_line(
    tmp_path: Path, dataset: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RigsightError, match=message):
        fit.train(small(tmp_path / "run", dataset, **changes))
