"""Training as a whole: it learns, it resumes to the same weights, and stops in one line when it must."""

from __future__ import annotations

import csv
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.saliency import vsm_tables
from rigsight.training import fit
from rigsight.training.checkpoint import load_checkpoint
from rigsight.training.config import TrainConfig, load_config
from rigsight.training.evaluation.simulated import evaluate_checkpoint
from rigsight.training.keeper import Keeper
from rigsight.training.losses.segmentation import cross_entropy, soft_dice
from rigsight.training.models import build

DEMO = Path(__file__).parents[2] / "training" / "configs" / "demo.yaml"
TINY = [
    "width=64", "height=48", "data.seeds=1", "data.sets_per_seed=2", "data.validation_seeds=1",
    "data.test_seeds=1", "data.workers=0", "data.scenes=[facade]", "recipe.rounds=2", "schedule.batch=2",
    "schedule.warmup_steps=2", "recipe.checkpoint_steps=2", "recipe.fusion.steps=2",
    "recipe.segmentation.steps=3", "recipe.fusion.rate_window=1", "threads=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def tiny(out: Path, cache: Path, *more: str) -> TrainConfig:
    return load_config(DEMO, [*TINY, f"out={out}", f"data.cache={cache}", *more])


def stop_in_part(monkeypatch: pytest.MonkeyPatch, part: int, error: BaseException) -> None:
    whole = Keeper.on_train_batch_end

    def stop(self: Any, trainer: Any, *rest: Any) -> None:
        if trainer.current_epoch == part:
            raise error
        whole(self, trainer, *rest)

    monkeypatch.setattr(Keeper, "on_train_batch_end", stop)


def test_an_interrupted_run_resumes_to_the_same_weights(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit.train(tiny(tmp_path / "whole", cache), ["rigsight", "train", "x.yaml"])
    with monkeypatch.context() as patch:
        stop_in_part(patch, 4, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            fit.train(tiny(tmp_path / "halves", cache))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    _, so_far = load_checkpoint(tmp_path / "halves" / "model.safetensors")
    assert so_far.training.steps < 10
    assert set(so_far.scores["facade"]) == {"both"}
    halves = fit.train(tiny(tmp_path / "halves", cache), resume=True)
    first, second = load_file(whole.checkpoint), load_file(halves.checkpoint)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert whole.scores == halves.scores

    model, meta = load_checkpoint(whole.checkpoint)
    assert meta.training.command == "rigsight train x.yaml"
    assert meta.training.steps == 10
    assert set(meta.scores["facade"]) == {"both", "rgb_only", "thermal_only"}
    assert meta.baseline.keys() == {"facade"}
    with (tmp_path / "whole" / "log.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["phase"] for line in lines] == ["fusion", "segmentation", "segmentation"] * 2
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())

    reports, baseline = evaluate_checkpoint(whole.checkpoint, "test", ["facade"], 1)
    assert reports["facade"].miou()["both"] == pytest.approx(whole.scores["facade"]["both"], abs=1e-4)
    assert baseline == whole.baseline
    with pytest.raises(RigsightError, match="TRN-301"):
        evaluate_checkpoint(whole.checkpoint, "test", ["tunnel"], 1)
    with pytest.raises(RigsightError, match="TRN-303"):
        evaluate_checkpoint(whole.checkpoint, "train", ["facade"], 1)


def test_pairs_train_the_fusion_alone(tmp_path: Path) -> None:
    import cv2

    for kind in ("vi", "ir"):
        (tmp_path / kind).mkdir()
        for i in range(4):
            noise = np.random.default_rng(i).integers(0, 256, (48, 64), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / kind / f"{i}.png"), noise)
    config = tmp_path / "pairs.yaml"
    config.write_text(
        f"out: {tmp_path}/run\nwidth: 64\nheight: 48\nthreads: 1\n"
        f"data: {{kind: pairs, folders: [{{rgb: {tmp_path}/vi, thermal: {tmp_path}/ir}}]}}\n"
        "preprocessing: {thermal_input: camera8}\nschedule: {batch: 2}\n"
        "recipe: {kind: interactive, rounds: 1, fusion: {steps: 2}, segmentation: {steps: 0}}\n"
    )
    before = build("segmif_nano").state_dict()
    assert main(["train", str(config)]) == 0
    model, meta = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert meta.scores == {}
    assert meta.preprocessing.thermal_input == "camera8"
    assert model.state_dict().keys() == before.keys()


def test_what_cannot_go_on_says_so(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RigsightError, match="TRN-003"):
        fit.train(tiny(tmp_path / "none", cache), resume=True)
    with monkeypatch.context() as patch:
        stop_in_part(patch, 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            fit.train(tiny(tmp_path / "run", cache))
    with pytest.raises(RigsightError, match="TRN-003.*does not fit"):
        fit.train(tiny(tmp_path / "run", cache, "model.options.head_width=32"), resume=True)
    state = tmp_path / "run" / "state.ckpt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(RigsightError, match="TRN-003.*does not fit"):
        fit.train(tiny(tmp_path / "run", cache), resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(
            "rigsight.training.systems.interactive.FusionLoss.__call__", lambda *a: torch.tensor(torch.nan)
        )
        with pytest.raises(RigsightError, match="TRN-004.*fusion step 0"):
            fit.train(tiny(tmp_path / "nan", cache))


def test_the_small_network_learns_one_batch_by_heart() -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    model = build("segmif_nano", classes=3).train()
    labels = torch.zeros(2, 64, 64, dtype=torch.long)
    labels[0, 10:30, 20:50], labels[1, 40:60, 5:9], labels[1, 5:20, 30:60] = 1, 2, 1
    rgb = random.integers(60, 120, (2, 64, 64, 3)).astype(np.uint8)
    thermal = (labels.numpy() * 70 + random.integers(0, 30, (2, 64, 64))).astype(np.uint8)
    tables = torch.from_numpy(np.stack([vsm_tables(a, b) for a, b in zip(rgb, thermal, strict=True)]))
    x = torch.from_numpy(rgb).permute(0, 3, 1, 2) / 255
    t = torch.from_numpy(thermal)[:, None] / 255
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        logits = model(x, t, tables)["logits"]
        loss = cross_entropy(logits, labels) + soft_dice(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        mask = model.eval()(x, t, tables)["logits"].argmax(1)
    for i in range(3):
        both = ((mask == i) & (labels == i)).sum() / ((mask == i) | (labels == i)).sum()
        assert both > 0.95, i
