"""The engine on a GPU that keeps books: results, two sets of outputs, graphs, threads, and giving back."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.engines.tensorrt import TensorRtEngine
from rigsight.edge.saliency import vsm_tables
from rigsight.edge.tensorrt.api import recipe
from rigsight.edge.tensorrt.builder import build_plan

VERSIONS = ("10.3.0", "10.13.3", "10.16.1", "11.4.0")
BINDINGS = ("12.9.10", "13.5.0", "pycuda")


def feeds(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (1, 60, 80, 3), dtype=np.uint8)
    thermal = rng.integers(0, 256, (1, 60, 80, 1), dtype=np.uint8)
    return {"rgb": rgb, "thermal": thermal, "saliency": vsm_tables(rgb[0], thermal[0, ..., 0])}


def plan_of(bench: Any, graph: bytes) -> bytes:
    return build_plan(bench.trt, graph, recipe(bench.trt, "fp32"), 1 << 30, reference=True).plan


@pytest.fixture
def reference(graphs: dict[str, bytes]) -> Engine:
    return OnnxRuntimeEngine(graphs["fp32"], 1)


@pytest.mark.parametrize("cuda", BINDINGS)
@pytest.mark.parametrize("version", VERSIONS)
def test_it_computes_what_the_graph_computes_with_every_version_and_binding(
    bench: Any, graphs: dict[str, bytes], reference: Engine, version: str, cuda: str
) -> None:
    bench.install(version, cuda)
    engine = TensorRtEngine(plan_of(bench, graphs["fp32"]))
    assert (engine.inputs, engine.outputs) == (reference.inputs, reference.outputs)
    for seed in (1, 2, 3):
        wanted, found = reference.infer(feeds(seed)), engine.infer(feeds(seed))
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            assert found[name].dtype == value.dtype
            assert np.array_equal(found[name], value), name
    if cuda == "pycuda":
        assert engine.without_graph == "pycuda has no CUDA graphs (cuda-python has)"
        assert bench.gpu.launches == 0
    else:
        assert engine.without_graph is None
        assert (bench.gpu.captures, bench.gpu.launches) == (2, 3), "one graph a slot, one launch a frame"
    assert bench.gpu.executions == 4, "the first run comes before the capture"
    engine.close()


def test_outputs_hold_until_the_next_call_but_one_and_after_the_engine_is_closed(
    bench: Any, graphs: dict[str, bytes], reference: Engine
) -> None:
    bench.install()
    engine = TensorRtEngine(plan_of(bench, graphs["fp32"]))
    first, kept = engine.infer(feeds(1)), {n: a.copy() for n, a in reference.infer(feeds(1)).items()}
    second = engine.infer(feeds(2))
    assert all(np.array_equal(first[name], value) for name, value in kept.items())
    places = {array.ctypes.data for array in (*first.values(), *second.values())}
    assert {array.ctypes.data for array in engine.infer(feeds(3)).values()} < places, "no memory is made anew"
    engine.close()
    assert np.array_equal(second["logits"], reference.infer(feeds(2))["logits"])
    assert bench.gpu.host, "what somebody still looks at is not freed"
    del first, second
    gc.collect()
    assert not bench.gpu.host


def test_everything_on_the_gpu_happens_in_one_thread_whoever_calls(
    bench: Any, graphs: dict[str, bytes], reference: Engine
) -> None:
    bench.install()
    made: list[TensorRtEngine] = []
    plan = plan_of(bench, graphs["fp32"])
    results: list[np.ndarray] = []

    def elsewhere(work: Callable[[], object]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    elsewhere(lambda: made.append(TensorRtEngine(plan)))
    elsewhere(lambda: results.append(made[0].infer(feeds(4))["logits"].copy()))
    results.append(made[0].infer(feeds(4))["logits"].copy())
    elsewhere(made[0].close)
    wanted = reference.infer(feeds(4))["logits"]
    assert all(np.array_equal(result, wanted) for result in results)
    made[0].close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tensorrt")]


def test_without_capture_it_says_why_and_runs_call_by_call(
    bench: Any, graphs: dict[str, bytes], reference: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    bench.install(no_capture=True)
    with caplog.at_level(logging.INFO):
        engine = TensorRtEngine(plan_of(bench, graphs["fp32"]))
    assert "operation not permitted in capture" in str(engine.without_graph)
    assert "no CUDA graph: " in caplog.text
    assert np.array_equal(engine.infer(feeds(1))["fused"], reference.infer(feeds(1))["fused"])
    assert bench.gpu.launches == 0
    engine.close()
    off = TensorRtEngine(plan_of(bench, graphs["fp32"]), graphs=False)
    assert off.without_graph == "switched off"
    off.close()


@pytest.mark.parametrize(
    "function", ["cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate"]
)
def test_every_way_a_capture_can_fail_ends_call_by_call(
    bench: Any, graphs: dict[str, bytes], reference: Engine, function: str
) -> None:
    bench.install()
    plan = plan_of(bench, graphs["fp32"])
    bench.gpu.fail = {function: "cudaErrorNotSupported"}
    engine = TensorRtEngine(plan)
    assert function in str(engine.without_graph)
    bench.gpu.fail = {}
    assert np.array_equal(engine.infer(feeds(1))["logits"], reference.infer(feeds(1))["logits"])
    engine.close()


def test_feeds_are_checked_and_need_not_be_contiguous(
    bench: Any, graphs: dict[str, bytes], reference: Engine
) -> None:
    bench.install()
    engine = TensorRtEngine(plan_of(bench, graphs["fp32"]))
    crooked = {**feeds(1), "rgb": np.asfortranarray(feeds(1)["rgb"])}
    assert np.array_equal(engine.infer(crooked)["logits"], reference.infer(feeds(1))["logits"])
    with pytest.raises(RigsightError, match="BND-008.*'rgb' is float32"):
        engine.infer({**feeds(1), "rgb": np.zeros((1, 60, 80, 3), np.float32)})
    with pytest.raises(RigsightError, match="BND-008.*'thermal' is not fed"):
        engine.infer({"rgb": feeds(1)["rgb"], "saliency": feeds(1)["saliency"]})
    engine.close()
    with pytest.raises(RigsightError, match="ENG-008.*closed"):
        engine.infer(feeds(1))


def test_a_gpu_that_fails_is_one_line_and_everything_is_given_back(
    bench: Any, graphs: dict[str, bytes]
) -> None:
    bench.install()
    plan = plan_of(bench, graphs["fp32"])
    engine = TensorRtEngine(plan)
    bench.gpu.fail = {"cudaStreamSynchronize": "cudaErrorLaunchFailure"}
    with pytest.raises(RigsightError, match="ENG-008: cudaStreamSynchronize: LaunchFailure"):
        engine.infer(feeds(1))
    bench.gpu.fail = {}
    engine.infer(feeds(1))
    engine.close()
    bench.gpu.assert_clean()
    for function, code in (
        ("cudaStreamCreateWithFlags", "ENG-008"),
        ("cudaHostAlloc", "ENG-008"),
        ("cudaMalloc", "ENG-008"),
        ("cudaMemcpyAsync", "ENG-008"),
    ):
        bench.gpu.fail = {function: "cudaErrorUnknown"}
        with pytest.raises(RigsightError, match=code):
            TensorRtEngine(plan)
        bench.gpu.fail = {}
        bench.gpu.assert_clean()


def test_the_bundle_runs_on_it_as_on_the_reference(bench: Any, tiny: Path) -> None:
    from rigsight.cli.main import main

    bench.install("11.4.0", "13.5.0")
    assert main(["build", str(tiny), "--variant", "fp32"]) == 0
    bundle = open_bundle(tiny)
    fast, slow = open_engine(bundle, choice="tensorrt"), open_engine(bundle, threads=1)
    assert isinstance(fast, TensorRtEngine)
    for seed in range(3):
        assert np.array_equal(fast.infer(feeds(seed))["fused"], slow.infer(feeds(seed))["fused"])
    fast.close()
