"""From a checkpoint to a bundle: parity, provenance, golden, and nothing left behind when it fails."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import check_golden
from rigsight.edge.bundle.reader import open_bundle, read_bundle
from rigsight.edge.bundle.storage import MemoryStorage
from rigsight.edge.engines.select import open_engine
from rigsight.export import bundle as exporting
from rigsight.export.bundle import ExportOptions, export_checkpoint
from rigsight.export.deploy import GRAPH_PATH, deployable
from rigsight.export.graph import Graph
from rigsight.export.writer import listed, write_bundle
from rigsight.training.checkpoint import load_checkpoint


def test_the_bundle_says_what_it_is_and_where_it_comes_from(nano: Path, nano_bundle: Path) -> None:
    bundle = open_bundle(nano_bundle)
    spec = bundle.spec
    assert (spec.name, spec.release, spec.model) == ("nano", 3, "segmif_nano")
    assert spec.accuracy == {"street": {"both": 0.8, "rgb_only": 0.6, "thermal_only": 0.4}}
    assert spec.licences.weights == "Apache-2.0"
    assert spec.licences.data == "simulated"
    assert spec.provenance.commands == (
        "rigsight train demo.yaml",
        f"rigsight export {nano} --out {nano_bundle} --release 3",
    )
    assert spec.provenance.checkpoint_sha256 == hashlib.sha256(nano.read_bytes()).hexdigest()
    assert bundle.size == (320, 240)
    assert len(bundle.read(GRAPH_PATH)) < 8_000_000


def test_the_graph_holds_no_path_of_the_machine_that_exported_it(nano_bundle: Path) -> None:
    graph = (nano_bundle / GRAPH_PATH).read_bytes()
    assert b".py" not in graph
    assert str(Path.home()).encode() not in graph
    model = onnx.load_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]


def test_the_graph_computes_what_the_model_computes(nano: Path, nano_bundle: Path) -> None:
    """Against the trained module itself, not the deployable form."""
    model, _ = load_checkpoint(nano)
    bundle = open_bundle(nano_bundle)
    engine = open_engine(bundle, threads=1)
    rng = np.random.default_rng(4)
    rgb = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    thermal = rng.integers(0, 256, (240, 320), dtype=np.uint8)
    tables = rng.random((2, 256), dtype=np.float32)
    found = engine.infer({"rgb": rgb[None], "thermal": thermal[None, :, :, None], "saliency": tables})
    with torch.inference_mode():
        wanted = model(
            torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255,
            torch.from_numpy(thermal)[None, None] / 255,
            torch.from_numpy(tables)[None],
        )
    logits = wanted["logits"].numpy()
    assert np.abs(found["logits"] - logits).max() < 1e-4 * np.ptp(logits)
    fused = wanted["fused"][0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found["fused"][0] - fused).max() <= 0.51


def test_the_semantic_pass_runs_the_first_two_stages_only(nano_bundle: Path) -> None:
    """Weights of stages 1 and 2 are read twice (semantic pass, segmentation), of 3 and 4 once."""
    graph = onnx.load_from_string((nano_bundle / GRAPH_PATH).read_bytes()).graph
    reads = [name for node in graph.node for name in node.input]
    for stage, times in enumerate((2, 2, 1, 1)):
        name = f"model.encoder.stages.{stage}.patch_embeddings.proj.weight"
        assert reads.count(name) == times, name


def test_golden_passes_and_fails_when_the_graph_is_another(nano_bundle: Path) -> None:
    bundle = open_bundle(nano_bundle)
    assert all(result.passed for result in check_golden(bundle, open_engine(bundle)))
    model = onnx.load_from_string(bundle.read(GRAPH_PATH))
    bias = next(i for i in model.graph.initializer if i.name.endswith("head.classify.bias"))
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 0.5
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    files = {GRAPH_PATH: model.SerializeToString(), "golden.npz": bundle.read("golden.npz")}
    altered = bundle.spec.model_copy(update={"files": listed(files)})
    other = read_bundle(MemoryStorage({"bundle.yaml": altered.to_yaml().encode(), **files}))
    with pytest.raises(RigsightError, match="BND-007"):
        check_golden(other, open_engine(other))


def test_a_zip_holds_the_same_bundle(nano_bundle: Path, tmp_path: Path) -> None:
    folder = open_bundle(nano_bundle)
    files = {name: folder.read(name) for name in folder.spec.files}
    write_bundle(tmp_path / "b.zip", folder.spec, files)
    write_bundle(tmp_path / "c.zip", folder.spec, files)
    assert open_bundle(tmp_path / "b.zip").id == folder.id
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "c.zip").read_bytes()


def test_failing_parity_leaves_nothing_behind(
    nano: Path, nano_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(module: torch.nn.Module, part: object) -> Graph:
        graph = onnx.load_from_string((nano_bundle / GRAPH_PATH).read_bytes())
        for node in graph.graph.node:
            if node.op_type == "LayerNormalization":
                next(a for a in node.attribute if a.name == "epsilon").f = 1.0
        return Graph(graph.SerializeToString(), {})

    monkeypatch.setattr(exporting, "to_onnx", wrong)
    with pytest.raises(RigsightError, match="EXP-001.*street.*differ by.*Nothing was written"):
        export_checkpoint(nano, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (ExportOptions(name="Not A Name"), "EXP-006.*name"),
        (ExportOptions(release=0), "EXP-006.*release"),
        (ExportOptions(min_accuracy=7), "EXP-006.*min_accuracy"),
    ],
)
def test_bad_options_are_one_line_before_any_work(
    nano: Path, tmp_path: Path, options: ExportOptions, pattern: str
) -> None:
    with pytest.raises(RigsightError, match=pattern):
        export_checkpoint(nano, tmp_path / "b", options)
    assert list(tmp_path.iterdir()) == []


def test_only_a_bundle_is_ever_replaced(nano: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RigsightError, match="EXP-005.*no bundle.yaml"):
        export_checkpoint(nano, tmp_path)
    with pytest.raises(RigsightError, match="EXP-005.*it is a file"):
        export_checkpoint(nano, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_model_without_a_deployable_form(nano: Path) -> None:
    model, meta = load_checkpoint(nano)
    with pytest.raises(RigsightError, match="EXP-004.*'other'.*segmif"):
        deployable(model, meta.model_copy(update={"model": "other"}))


def test_the_command_line(nano_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "inspect", str(nano_bundle)]) == 0
    text = capsys.readouterr().out
    for word in ("nano-3-", "vsm_tables", "1×9×240×320", "street", "0.600", "rigsight train demo.yaml"):
        assert word in text
    assert main(["bundle", "inspect", "--json", str(nano_bundle)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["files"][GRAPH_PATH]["sha256"] == open_bundle(nano_bundle).spec.files[GRAPH_PATH]
    assert main(["bundle", "verify", "--golden", str(nano_bundle)]) == 0
    assert "golden street: 100.000% of the mask agree" in capsys.readouterr().out
    assert main(["evaluate", str(nano_bundle), "--scene", "street", "--seeds", "1", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["street"]
    assert set(scores) == {"both", "rgb_only", "thermal_only"}
    assert 0 <= scores["both"]["miou"] < 0.5, "its weights are random"
    assert main(["bundle", "verify", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("BND-001")
    assert main(["export", str(nano_bundle), "--out", str(tmp_path / "b")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("TRN-201")
    assert error.count("\n") == 1


def test_an_unwritable_output_is_one_line_before_any_work(nano: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(RigsightError, match="IO-001"):
        export_checkpoint(nano, blocker / "b", step=lambda what: pytest.fail(what))


def test_a_write_that_fails_keeps_the_old_bundle(
    nano_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_bundle(nano_bundle)
    files = {name: folder.read(name) for name in folder.spec.files}
    out = tmp_path / "b"
    write_bundle(out, folder.spec, files)
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == "golden.npz":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RigsightError, match="IO-001.*No space left"):
        write_bundle(out, folder.spec.model_copy(update={"release": 9}), files)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert open_bundle(out).id == folder.id


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(nano: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    for wait_s in (4.0, 9.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "rigsight", "export", str(nano), "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        time.sleep(wait_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        if process.returncode != 0:
            assert process.returncode in (130, -signal.SIGINT)
            assert list(tmp_path.iterdir()) == []
            assert "Error" not in err


@pytest.mark.slow
def test_the_full_size_network_passes_parity(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    report = export_checkpoint(make_checkpoint("segmif", 96, 64), tmp_path / "full.zip")
    assert all(case.passed for case in report.parity)
    assert open_bundle(tmp_path / "full.zip").size == (96, 64)
