"""From a checkpoint and a labelled data set to a bundle of proven variants, and every way that can fail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import check_golden
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.engines.select import open_engine
from rigsight.export.precision.dataset_material import DatasetMaterial
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, save_checkpoint
from rigsight.training.data.dataset import open_dataset
from rigsight.training.models import build

CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(255, 112, 40)))
EDGE = {"widths": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "prior": 0.5}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, crack_data: Path) -> Path:
    """A small student after a few steps on the dark lines: its scores mean something."""
    torch.manual_seed(2)
    torch.set_num_threads(1)
    model = build("scnet_edge", **EDGE)
    dataset = open_dataset(crack_data)
    records = [item.read() for item in dataset.items("train")]
    pictures = torch.from_numpy(np.stack([r.rgb for r in records])).permute(0, 3, 1, 2) / 255
    truth = torch.from_numpy(np.stack([r.labels for r in records]))[:, None].float()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(25):
        optimizer.zero_grad()
        logits = model(pictures)["logits"]
        torch.nn.functional.binary_cross_entropy_with_logits(
            logits, truth, pos_weight=torch.tensor(5.0)
        ).backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("student") / "m.safetensors"
    meta = CheckpointMeta(
        model="scnet_edge",
        options=EDGE,
        task="binary",
        metric="ODS-F1",
        threshold=0.5,
        classes=CLASSES,
        width=96,
        height=96,
        training=TrainingProvenance(
            command="rigsight train x.yaml", tool_version="0.1.0", data="drawn, CC0", config={}
        ),
        scores={"val": {"both": 0.7}},
    )
    save_checkpoint(path, model.eval(), meta)
    return path


def export(checkpoint: Path, data: Path | str, out: Path, *words: str) -> int:
    return main(["export", str(checkpoint), "--data", str(data), "--out", str(out), *words])


@pytest.fixture(scope="module")
def exported(checkpoint: Path, crack_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("variants") / "lines"
    assert export(checkpoint, crack_data, out, "--budget", "3") == 0
    return out


def test_the_bundle_holds_every_variant_and_each_runs(exported: Path) -> None:
    bundle = open_bundle(exported)
    variants = bundle.part().variants
    assert list(variants) == ["fp32", "fp16", "int8", "int8-cpu"]
    for variant in variants:
        engine = open_engine(bundle, variant, threads=1)
        assert engine.infer({"rgb": np.zeros((1, 96, 96, 3), np.uint8)})["probability"].shape == (1, 96, 96)
    assert check_golden(bundle, open_engine(bundle, threads=1))[0].passed


def test_its_verdicts_are_what_an_evaluation_of_the_variant_finds(exported: Path, crack_data: Path) -> None:
    bundle = open_bundle(exported)
    material = DatasetMaterial(open_dataset(crack_data), "train", "val", 32, 100)
    for variant in ("fp32", "int8-cpu"):
        stated = bundle.spec.verdicts[variant].metrics["score"]
        found = material.score(bundle, open_engine(bundle, variant, threads=1)).value
        assert stated == pytest.approx(found, abs=1e-5)
    assert bundle.spec.verdicts["fp32"].metrics["score"] > 0.5, "a network that sees nothing proves nothing"
    lost = bundle.spec.verdicts["int8"].metrics["points_lost"]
    assert lost <= 3


def test_its_report_shows_tables_and_worst_cases(exported: Path) -> None:
    folder = exported.with_name("lines-report")
    page = (folder / "report.html").read_text()
    for word in ("fp16", "int8-cpu", "SQNR", "simulated", "9 pictures", "data:image/jpeg"):
        assert word in page
    table = json.loads((folder / "verdicts.json").read_text())
    assert {row["group"] for row in table["variants"]["int8"]["groups"]} > {"last layers"}
    assert (folder / "worst-int8.png").stat().st_size > 1000


def test_a_budget_of_nothing_keeps_groups_float(
    checkpoint: Path, crack_data: Path, tmp_path: Path, exported: Path
) -> None:
    calibration = exported.with_name("lines-report") / "calibration.json"
    words = ("--budget", "0", "--variants", "int8", "--calibration", str(calibration))
    assert export(checkpoint, crack_data, tmp_path / "b", *words) == 0
    table = json.loads((tmp_path / "b-report" / "verdicts.json").read_text())
    verdict = table["variants"]["int8"]
    assert not verdict["accepted"] or table["variants"]["fp32"]["score"] <= verdict["score"]
    assert list(open_bundle(tmp_path / "b").part().variants) == [
        "fp32",
        *(["int8"] if verdict["accepted"] else []),
    ]


def refused(capsys: pytest.CaptureFixture[str], code: str, *words: str) -> None:
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    assert text.startswith(code), text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--calibrate", "few"), "EXP-101", "3 pictures"),
        (("--calibrate", "empty"), "EXP-101", "'background'"),
        (("--calibrate", "mixed"), "EXP-102", "'p9'"),
        (("--calibrate", "none"), "DAT-002", "none"),
        (("--variants", "int4"), "EXP-105", "int4"),
        (("--calibrator", "magic"), "EXP-105", "magic"),
    ],
)
def test_a_wrong_calibration_is_one_line_and_leaves_nothing(
    checkpoint: Path,
    crack_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    code: str,
    told: str,
) -> None:
    assert export(checkpoint, crack_data, tmp_path / "b", *words) == 2
    refused(capsys, code, told)
    assert not (tmp_path / "b").exists()


def test_the_calibration_of_other_pictures_is_refused(
    checkpoint: Path,
    crack_data: Path,
    tmp_path: Path,
    exported: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = exported.with_name("lines-report") / "calibration.json"
    words = ("--calibration", str(kept), "--calibrator", "minmax")
    assert export(checkpoint, crack_data, tmp_path / "b", *words) == 2
    refused(capsys, "EXP-103", "calibrator")
    changed = json.loads(kept.read_text()) | {"pictures": "0" * 64}
    (tmp_path / "c.json").write_text(json.dumps(changed))
    assert export(checkpoint, crack_data, tmp_path / "b", "--calibration", str(tmp_path / "c.json")) == 2
    refused(capsys, "EXP-103", "pictures")
    (tmp_path / "c.json").write_text("{")
    assert export(checkpoint, crack_data, tmp_path / "b", "--calibration", str(tmp_path / "c.json")) == 2
    refused(capsys, "EXP-103")


def test_data_of_the_other_camera_are_refused(
    checkpoint: Path, crack_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(crack_data.read_text())
    content["modalities"] = {"thermal": str(crack_data.parent / "masks/{stem}.png")}
    content["labels"]["pattern"] = str(crack_data.parent / "masks/{stem}.png")
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(content))
    assert export(checkpoint, tmp_path / "dataset.yaml", tmp_path / "b") == 2
    refused(capsys, "TRN-306", "rgb")


def test_a_variant_that_misses_the_budget_stops_the_export_with_its_worst_picture(
    checkpoint: Path, crack_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every float16 weight becomes zero: a conversion that goes wrong."""
    from rigsight.export.bundle import ExportOptions, export_checkpoint
    from rigsight.export.precision import half

    real = half._converted

    def wrong(tensor, name, width):  # type: ignore[no-untyped-def]
        made = real(tensor, name, width)
        if made.data_type == 10 and len(made.dims) == 4:
            made.raw_data = bytes(len(made.raw_data))
        return made

    monkeypatch.setattr(half, "_converted", wrong)
    options = ExportOptions(data=str(crack_data), variants="fp16")
    with pytest.raises(RigsightError) as error:
        export_checkpoint(checkpoint, tmp_path / "b", options)
    assert error.value.code == "EXP-104"
    assert Path(str(error.value.where)).is_file()
    assert not (tmp_path / "b").exists()
