"""The fakes do not agree with everything: what crashes or leaks on a device fails here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.cuda.open import binding, open_cuda


@pytest.fixture
def gpu(other_gpu: Callable[..., Any]) -> Any:
    return other_gpu()


def misused(gpu: Any, work: Callable[[], object], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        work()
    assert gpu.misuses
    gpu.misuses.clear()


def test_memory_misuse(gpu: Any) -> None:
    address, host, stream = gpu.allocate(16), gpu.allocate_host(16), gpu.stream()
    misused(gpu, lambda: gpu.copy(address, host, 8, True, stream), "8 bytes are copied, 16 are allocated")
    misused(gpu, lambda: gpu.copy(address, host + 8, 16, True, stream), "not pinned")
    pageable = np.zeros(16, np.uint8)
    misused(gpu, lambda: gpu.copy(address, pageable.ctypes.data, 16, True, stream), "not pinned")
    gpu.copy(address, host, 16, True, stream)
    misused(gpu, lambda: gpu.free(address), "while work is pending")
    misused(gpu, lambda: gpu.free_stream(stream), "while work is pending")
    gpu.free_host(host)
    misused(gpu, lambda: gpu.wait(stream), "not pinned")
    gpu.free(address)
    misused(gpu, lambda: gpu.free(address), "freed, or was never there")
    misused(gpu, lambda: gpu.free_host(host), "freed twice")
    gpu.free_stream(stream)
    misused(gpu, lambda: gpu.wait(stream), "is not there")
    gpu.assert_clean()


def test_results_are_garbage_until_they_are_waited_for(gpu: Any) -> None:
    address, host, stream = gpu.allocate(4), gpu.allocate_host(4), gpu.stream()
    block = np.frombuffer(gpu.host[host][0], np.uint8)
    gpu.copy(host, address, 4, False, stream)
    assert set(block) == {0xAB}
    gpu.wait(stream)
    assert set(block) == {0xCD}


def test_other_threads_are_noticed(gpu: Any) -> None:
    address, stream = gpu.allocate(4), gpu.stream()

    def elsewhere(work: Callable[[], object]) -> None:
        failure: list[BaseException] = []

        def call() -> None:
            try:
                work()
            except AssertionError as error:
                failure.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        assert "another thread" in str(failure[0])

    elsewhere(lambda: gpu.free(address))
    elsewhere(lambda: gpu.wait(stream))
    assert len(gpu.misuses) == 2


def test_what_is_not_given_back_is_noticed(gpu: Any) -> None:
    gpu.stream()
    with pytest.raises(AssertionError, match="streams"):
        gpu.assert_clean()


@pytest.mark.parametrize(
    ("version", "gone"),
    [
        ("10.3.0", "IRuntimeConfig"),
        ("11.4.0", "IInt8EntropyCalibrator2"),
        ("11.4.0", "QuantizationFlag"),
    ],
)
def test_names_of_other_versions_are_not_there(bench: Any, version: str, gone: str) -> None:
    trt = bench.install(version)
    assert not hasattr(trt, gone)
    for flag in ("FP16", "INT8", "OBEY_PRECISION_CONSTRAINTS"):
        assert hasattr(trt.BuilderFlag, flag) is (version == "10.3.0")


def test_attributes_are_those_of_the_version(bench: Any) -> None:
    def config_of(version: str) -> Any:
        trt = bench.install(version)

        class Logger(trt.ILogger):
            pass

        return trt.Builder(Logger()).create_builder_config()

    old, new = config_of("10.3.0"), config_of("11.4.0")
    with pytest.raises(AttributeError, match="int8_calibrator"):
        new.int8_calibrator = object()
    with pytest.raises(AttributeError, match="max_num_tactics"):
        old.max_num_tactics = 3
    assert old.builder_optimization_level == 3


def test_tensorrt_misuse(bench: Any, graphs: dict[str, bytes]) -> None:
    trt = bench.install("10.13.3")
    with pytest.raises(TypeError, match="ILogger"):
        trt.Builder(object())

    class Silent(trt.ILogger):
        def __init__(self) -> None:
            """Forgets to call the base's."""

    with pytest.raises(TypeError, match="__init__ was called"):
        trt.Builder(Silent())

    class Logger(trt.ILogger):
        said: list[str] = []

        def log(self, severity: object, message: str) -> None:
            self.said.append(message)

    builder = trt.Builder(Logger())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    config = builder.create_builder_config()
    misused(bench.gpu, lambda: builder.build_serialized_network(network, config), "an empty network")
    assert trt.OnnxParser(network, Logger()).parse(graphs["fp32"])
    misused(bench.gpu, lambda: builder.build_serialized_network(network, config), "without workspace limit")
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, 1 << 20)
    config.set_timing_cache(config.create_timing_cache(b""), False)
    config.set_flag(trt.BuilderFlag.FP16)
    assert builder.build_serialized_network(network, config) is None
    assert "strongly typed" in Logger.said[-1]
    misused(
        bench.gpu, lambda: trt.Runtime(Logger()).deserialize_cuda_engine(b"x" * 99), "truncated or altered"
    )


def test_without_any_binding(bench: Any) -> None:
    assert binding() is None
    with pytest.raises(RigsightError, match="ENG-002: neither cuda-python nor pycuda is installed"):
        open_cuda()


def test_cuda_python_is_taken_where_both_are(bench: Any) -> None:
    bench.install(cuda="pycuda")
    assert (binding() or ("",))[0] == "pycuda"
    bench.gpu.count = 0
    with pytest.raises(RigsightError, match="ENG-002: pycuda says: cuInit failed"):
        open_cuda()
    bench.gpu.count = 1
    bench.install(cuda="13.5.0")
    assert (binding() or ("",))[0] == "cuda-python"
    cuda = open_cuda()
    assert cuda.device.driver == "CUDA 12.6"
    assert cuda.memory() == (6 << 30, 8 << 30)
