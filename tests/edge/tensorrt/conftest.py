"""A machine with a fake GPU, a CUDA binding and a TensorRT of a recorded version."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from rigsight.cli.main import main

HERE = Path(__file__).parent
TINY = HERE.parent / "data" / "tiny_bundle"


def load(name: str) -> Any:
    """A module of this folder, loaded once."""
    known = f"rigsight_tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HERE / f"{name}.py")
        assert spec
        assert spec.loader
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


class Bench:
    """``install()`` makes this machine one with a GPU; ``gpu`` keeps its books."""

    def __init__(self, patch: pytest.MonkeyPatch, cache: Path) -> None:
        self._patch, self.cache = patch, cache
        self.gpu = load("fake_gpu").Gpu()
        self.trt: Any = None
        self.versions = load("fake_tensorrt").VERSIONS
        self.cuda_versions = load("fake_gpu").CUDA_VERSIONS

    def install(self, version: str = "10.3.0", cuda: str = "12.9.10", gpu: Any = None, **faults: Any) -> Any:
        """Put TensorRT and a CUDA binding in place ("pycuda" for that one); again for another machine."""
        fake = load("fake_gpu")
        self.gpu = gpu or self.gpu
        self.trt = load("fake_tensorrt").make(version, self.gpu, load("onnx_facts").read, **faults)
        self._patch.setitem(sys.modules, "tensorrt", self.trt)
        for name in ("cuda", "cuda.bindings", "pycuda"):
            self._patch.setitem(sys.modules, name, ModuleType(name))
        pycuda = fake.pycuda_driver(self.gpu) if cuda == "pycuda" else None
        runtime = None if cuda == "pycuda" else fake.cuda_python(self.gpu, cuda)
        self._patch.setitem(sys.modules, "cuda.bindings.runtime", runtime)
        self._patch.setitem(sys.modules, "cuda.cudart", None)
        self._patch.setitem(sys.modules, "pycuda.driver", pycuda)
        return self.trt


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """No GPU until ``install()``; at the end nothing may have been misused or kept."""
    monkeypatch.setenv("RIGSIGHT_CACHE", str(tmp_path / "cache"))
    for name in (
        "tensorrt",
        "cuda",
        "cuda.bindings",
        "cuda.bindings.runtime",
        "cuda.cudart",
        "pycuda.driver",
    ):
        monkeypatch.setitem(sys.modules, name, None)  # what an import finds when it is not installed
    made = Bench(monkeypatch, tmp_path / "cache")
    yield made
    made.gpu.assert_clean()


@pytest.fixture
def other_gpu() -> Callable[..., Any]:
    """Makes another GPU."""
    return load("fake_gpu").Gpu


@pytest.fixture
def graphs() -> dict[str, bytes]:
    """Name -> serialised model: fp32, fp16, int8, indices, unique."""
    found = {path.stem: path.read_bytes() for path in (HERE / "graphs").glob("*.onnx")}
    return {**found, "fp32": (TINY / "graphs" / "main.fp32.onnx").read_bytes()}


@pytest.fixture
def make_bundle(tmp_path: Path, graphs: dict[str, bytes]) -> Callable[..., Path]:
    """Writes the tiny bundle with more variants: name -> graph."""

    def make(name: str = "bundle", release: int = 1, verdicts: Any = None, **variants: bytes) -> Path:
        folder = Path(shutil.copytree(TINY, tmp_path / name))
        data = yaml.safe_load((folder / "bundle.yaml").read_text())
        data["release"], data["verdicts"] = release, verdicts or {}
        for variant, graph in variants.items():
            path = f"graphs/main.{variant}.onnx"
            (folder / path).write_bytes(graph)
            data["parts"][0]["variants"][variant] = path
            data["files"][path] = hashlib.sha256(graph).hexdigest()
        (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
        return folder

    return make


@pytest.fixture
def tiny(make_bundle: Callable[..., Path], graphs: dict[str, bytes]) -> Path:
    """The tiny bundle with fp32, fp16 and int8."""
    return make_bundle(fp16=graphs["fp16"], int8=graphs["int8"])


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command: exit code, stdout and stderr, without a traceback."""

    def call(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        shown = capfd.readouterr()
        assert "Traceback" not in shown.err
        return code, shown.out, shown.err

    return call
