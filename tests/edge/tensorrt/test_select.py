"""Which engine runs: fresh engines only, nothing of others', and on a CPU exactly what ran before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.engines import providers
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import CHOICES, describe, open_engine
from rigsight.edge.engines.tensorrt import TensorRtEngine

Answer = tuple[int, str, str]


@pytest.fixture
def built(bench: Any, tiny: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """The tiny bundle with an fp16 engine, built by TensorRT 10.3.0 on an Orin."""
    bench.install()
    assert main(["build", str(tiny), "--variant", "fp16"]) == 0
    capfd.readouterr()
    return tiny


def files(bench: Any, suffix: str) -> Path:
    [path] = (bench.cache / "engines").rglob(f"*{suffix}")
    return path


def auto(path: Path) -> tuple[Any, list[str]]:
    notes: list[str] = []
    return open_engine(open_bundle(path), threads=1, choice="auto", note=notes.append), notes


def refused(path: Path) -> str:
    with pytest.raises(RigsightError) as caught:
        open_engine(open_bundle(path), choice="tensorrt")
    return caught.value.line()


def test_auto_takes_the_engine_that_was_built_here(bench: Any, built: Path) -> None:
    engine, notes = auto(built)
    assert isinstance(engine, TensorRtEngine)
    assert notes == []
    assert describe(engine) == {"engine": "TensorRT 10.3.0", "variant": "fp16"}
    engine.close()
    engine, _ = auto(built)
    engine.close()
    fp32 = open_engine(open_bundle(built), "fp32", 1, "auto")
    assert isinstance(fp32, OnnxRuntimeEngine), "no engine of that variant was built"


def test_of_two_variants_the_one_built_last_runs(bench: Any, built: Path) -> None:
    for variant in ("int8", "fp32"):
        assert main(["build", str(built), "--variant", variant]) == 0
        engine, _ = auto(built)
        assert describe(engine)["variant"] == variant
        engine.close()


def test_without_an_engine_neither_tensorrt_nor_cuda_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from rigsight.edge.bundle.reader import open_bundle\n"
        "from rigsight.edge.engines.select import open_engine\n"
        f"e = open_engine(open_bundle({str(Path(__file__).parent.parent / 'data' / 'tiny_bundle')!r}),"
        " threads=1, choice='auto')\n"
        "gpu = [m for m in sys.modules if m.split('.')[0] in ('tensorrt', 'cuda', 'pycuda')]\n"
        "print(e.description, gpu)\n"
    )
    environment = {**os.environ, "RIGSIGHT_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith(", cpu []")
    assert done.stderr == ""


def test_on_a_cpu_auto_gives_the_same_bytes_as_before(bench: Any, tiny: Path) -> None:
    bundle = open_bundle(tiny)
    rng = np.random.default_rng(5)
    feeds = {
        "rgb": rng.integers(0, 256, (1, 60, 80, 3), dtype=np.uint8),
        "thermal": rng.integers(0, 256, (1, 60, 80, 1), dtype=np.uint8),
        "saliency": rng.random((2, 256), dtype=np.float32),
    }
    default, chosen = open_engine(bundle, threads=1), open_engine(bundle, threads=1, choice="auto")
    for name, value in default.infer(feeds).items():
        assert value.tobytes() == chosen.infer(feeds)[name].tobytes()


@pytest.mark.parametrize(
    ("version", "gpu", "expected"),
    [
        ("10.13.3", {}, "built for TensorRT 10.3.0, here is 10.13.3"),
        ("10.3.0", {"name": "Thor"}, "built for the GPU Orin, here is Thor"),
        ("10.3.0", {"compute_capability": (11, 0)}, "built for compute capability 8.7, here is 11.0"),
        ("10.3.0", {"driver": 13000}, "built for the driver CUDA 12.6, here is CUDA 13.0"),
    ],
)
def test_an_engine_of_another_machine_is_never_loaded(
    bench: Any, built: Path, other_gpu: Callable[..., Any], version: str, gpu: dict, expected: str
) -> None:
    bench.install(version, gpu=other_gpu(**gpu))
    line = refused(built)
    assert line.startswith("ENG-003")
    assert expected in line
    assert "rigsight build" in line
    engine, notes = auto(built)
    assert isinstance(engine, OnnxRuntimeEngine)
    assert len(notes) == 1
    assert expected in notes[0]
    assert bench.gpu.executions == 0


def test_an_engine_of_another_bundle_in_its_place_is_not_loaded(
    bench: Any, built: Path, make_bundle: Callable[..., Path], graphs: dict[str, bytes]
) -> None:
    other = make_bundle("other", release=2, fp16=graphs["fp16"])
    assert "ENG-003: no engine of tiny-2-" in refused(other)
    mine = files(bench, ".plan").parent
    theirs = mine.with_name(open_bundle(other).sha256[:16])
    shutil.copytree(mine, theirs)
    line = refused(other)
    assert "it was built for the bundle" in line
    assert open_bundle(built).sha256[:12] in line


@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone", "empty"])
def test_a_damaged_plan_never_reaches_tensorrt(bench: Any, built: Path, damage: str) -> None:
    plan = files(bench, ".plan")
    data = plan.read_bytes()
    if damage == "gone":
        plan.unlink()
    else:
        plan.write_bytes(
            {"truncated": data[:-40], "flipped": data[:-1] + bytes([data[-1] ^ 1]), "empty": b""}[damage]
        )
    assert refused(built).startswith("ENG-004")
    engine, notes = auto(built)
    assert isinstance(engine, OnnxRuntimeEngine)
    assert notes[0].startswith("the TensorRT engine is not used: ENG-004")
    assert main(["build", str(built), "--variant", "fp16"]) == 0, "it is built again without being asked"
    engine, notes = auto(built)
    assert isinstance(engine, TensorRtEngine)
    engine.close()


@pytest.mark.parametrize("what", ["plan", "manifest", "folder", "root"])
def test_what_others_may_write_is_not_loaded(bench: Any, built: Path, what: str) -> None:
    plan = files(bench, ".plan")
    path = {
        "plan": plan, "manifest": plan.with_suffix(".json"), "folder": plan.parent, "root": plan.parent.parent
    }[what]  # fmt: skip
    path.chmod(path.stat().st_mode | 0o020)
    line = refused(built)
    assert line.startswith("ENG-005: others than you may write it")
    assert str(path) in line
    engine, notes = auto(built)
    assert isinstance(engine, OnnxRuntimeEngine)
    assert "ENG-005" in notes[0]


def test_what_belongs_to_somebody_else_is_not_loaded(
    bench: Any, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: uid + 1)
    assert f"it belongs to the user {uid}, not to you" in refused(built)


def test_links_are_not_followed(bench: Any, built: Path, tmp_path: Path) -> None:
    plan = files(bench, ".plan")
    shutil.move(plan, tmp_path / "elsewhere.plan")
    plan.symlink_to(tmp_path / "elsewhere.plan")
    assert "ENG-005: it is a link" in refused(built)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', "[" * 100_000, "\xff"])
def test_a_manifest_that_cannot_be_read_counts_as_no_engine(bench: Any, built: Path, text: str) -> None:
    manifest = files(bench, ".json")
    manifest.write_bytes(text.encode("latin-1"))
    assert "ENG-003: no engine of tiny-1-" in refused(built)


def test_the_manifest_holds_what_the_engine_is_tied_to(bench: Any, built: Path) -> None:
    manifest = json.loads(files(bench, ".json").read_text())
    assert manifest["key"] == {
        "bundle": open_bundle(built).sha256,
        "part": "main",
        "variant": "fp16",
        "gpu": "Orin",
        "compute_capability": "8.7",
        "tensorrt": "10.3.0",
        "driver": manifest["key"]["driver"],
        "jetpack": None,
    }
    assert manifest["key"]["driver"].startswith("CUDA 12.6")
    assert len(manifest["plan_sha256"]) == 64


def test_run_says_which_engine_ran(
    bench: Any, built: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["run", "--bundle", str(built), "--source", "sim:street?seed=3&pairs=2", "--json"]
    for engine, expected in (("auto", "TensorRT 10.3.0"), ("onnxruntime:cpu", "ONNX Runtime")):
        assert main([*words, "--engine", engine, "--sink", f"masks:{tmp_path / engine}"]) == 0
        report = json.loads(capfd.readouterr().out)
        assert report["engine"].startswith(expected)
        assert report["variant"] == ("fp16" if engine == "auto" else "fp32")
        assert report["pairs"] == 2
    for mask in (tmp_path / "auto").rglob("*.png"):
        assert mask.read_bytes() == (tmp_path / "onnxruntime:cpu" / mask.name).read_bytes()
    bench.install("10.16.1")
    assert main([*words, "--engine", "auto"]) == 0
    shown = capfd.readouterr()
    assert "note: the TensorRT engine is not used: ENG-003" in shown.err
    assert "TensorRT 10.3.0, here is 10.16.1" in json.loads(shown.out)["notes"][0]
    assert main([*words, "--engine", "tensorrt"]) == 1
    assert capfd.readouterr().err.startswith("ENG-003")
    assert main([*words, "--engine", "warp"]) == 2
    assert capfd.readouterr().err.startswith("CLI-001")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_providers_are_those_of_the_installed_package(bench: Any, tiny: Path, monkeypatch: Any) -> None:
    bundle = open_bundle(tiny)
    assert set(CHOICES) >= {f"onnxruntime:{name}" for name in providers.NAMES}
    with pytest.raises(RigsightError, match="ENG-009: onnxruntime has cpu.*not cuda"):
        open_engine(bundle, choice="onnxruntime:cuda")
    import onnxruntime

    offered = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    assert providers.preferred() == "cuda", "TensorRT's provider builds at every start: only who asks gets it"
    assert providers.session_providers("tensorrt") == offered
    # The plain package knows the name and falls back without a word; that is found out.
    with pytest.raises(RigsightError, match="ENG-009: onnxruntime offers cuda, but it does not start here"):
        open_engine(bundle, choice="onnxruntime:cuda")
    notes: list[str] = []
    engine = open_engine(bundle, threads=1, choice="auto", note=notes.append)
    assert describe(engine)["engine"].endswith("cpu")
    assert "ENG-009" in notes[0]
