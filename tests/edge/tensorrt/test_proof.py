"""Graphs through a real NVIDIA parser and builder (tensorrt-rtx), and CUDA's real bindings without a GPU."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.cuda.cuda_python import CudaPython
from rigsight.edge.tensorrt import proof
from rigsight.edge.tensorrt.proof import prove_bundle, prove_graph

ROOT = Path(__file__).parents[3]
BUNDLES = sorted(path.parent for path in (ROOT / "bundles").glob("*/bundle.yaml"))
RTX = importlib.util.find_spec("tensorrt_rtx") is not None
needs_rtx = pytest.mark.skipif(
    not RTX, reason="tensorrt-rtx is not installed (it has no wheel for Python 3.10)"
)


@needs_rtx
@pytest.mark.parametrize("name", ["fp32", "fp16", "int8"])
def test_every_kind_of_variant_is_parsed_and_built(graphs: dict[str, bytes], name: str) -> None:
    found = prove_graph(graphs[name], name)
    assert found.plan_bytes > 1000
    assert "parsed and built by tensorrt-rtx" in found.line()


@needs_rtx
@pytest.mark.slow
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_graph_of_the_shipped_bundles_is_parsed_and_built(bundle: Path) -> None:
    opened = open_bundle(bundle)
    wanted = sum(len({"fp32", "fp16", "int8"} & set(part.variants)) for part in opened.spec.parts)
    assert len(prove_bundle(opened)) == wanted


@needs_rtx
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("indices", r"ENG-006: the operator MaxPool \(node 'pool'\) is not supported: .*MaxPool.*\[x.onnx\]"),
        ("unique", r"ENG-006: the operator Unique \(node 'only'\) is not supported \[x.onnx\]"),
        ("truncated", r"BND-005: TensorRT says: .*Failed to parse the ONNX model"),
        ("empty", "BND-005|ENG-006"),
    ],
)
def test_what_must_be_refused_is_one_line(graphs: dict[str, bytes], name: str, expected: str) -> None:
    bad = {"truncated": graphs["fp32"][:900], "empty": b""}
    with pytest.raises(RigsightError, match=expected) as caught:
        prove_graph(bad.get(name, graphs.get(name, b"")), "x.onnx")
    assert "\n" not in caught.value.line()


@needs_rtx
def test_the_command_checks_without_a_gpu(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(ROOT / "bundles" / "crack"), "--check", "--variant", "fp32"]) == 0
    out, err = capfd.readouterr()
    assert "main.fp32.onnx: parsed and built by tensorrt-rtx" in out
    assert err == ""


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\ncat > /dev/null\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kill -SEGV $$", "ENG-006: the builder ended by signal 11: without a word"),
        ("echo no room >&2; exit 3", "ENG-006: the builder ended with exit code 3: no room"),
        ("echo '[1]'", "ENG-006: the builder ended with exit code 0"),
        ("sleep 9", "ENG-006: the builder took more than 1 s"),
    ],
)
def test_a_builder_that_crashes_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setattr(proof.sys, "executable", program(tmp_path / "python", text))
    monkeypatch.setattr(proof, "TIMEOUT_S", 1.0)
    with pytest.raises(RigsightError, match=expected):
        prove_graph(b"graph", "x.onnx")


def test_without_tensorrt_rtx_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorrt_rtx.py").write_text("raise ImportError('libtensorrt_rtx.so.1 is not there')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    with pytest.raises(RigsightError, match="ENG-001: .*libtensorrt_rtx.so.1.*pip install tensorrt-rtx"):
        prove_graph(b"graph", "x.onnx")


def test_the_real_bindings_of_cuda_say_that_there_is_no_gpu() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-python is not installed")
    error, count = runtime.cudaGetDeviceCount()
    if error == runtime.cudaError_t.cudaSuccess and count:
        pytest.skip("there is a GPU")
    with pytest.raises(RigsightError, match="ENG-002: cuda-python says: cudaGetDeviceCount: "):
        CudaPython(runtime)
