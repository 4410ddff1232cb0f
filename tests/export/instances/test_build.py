"""`rigsight build` of an instance bundle, by the recorded TensorRT of tests/edge/tensorrt: three engines."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rigsight.cli.main import main
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.select import describe, open_engine
from rigsight.edge.engines.tensorrt import TensorRtEngine

pytestmark = pytest.mark.slow  # the export takes half a minute

_FAKES = Path(__file__).parents[2] / "edge" / "tensorrt" / "conftest.py"
_spec = importlib.util.spec_from_file_location("rigsight_tests_fakes", _FAKES)
assert _spec
assert _spec.loader
_fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fakes)
bench = _fakes.bench


def test_every_part_gets_an_engine_that_was_proven_with_the_others(
    bench: Any, things: Bundle, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.install()
    assert main(["build", str(things.path)]) == 0
    assert "100% of the detections are the same" in capfd.readouterr().out
    kept = sorted(path.name.partition(".")[0] for path in (bench.cache / "engines").rglob("*.plan"))
    assert kept == ["boxes", "main", "masks"]
    reference = open_engine(things, threads=1)
    engine = open_engine(things, threads=1, choice="auto")
    assert isinstance(engine, InstanceEngine)
    assert all(isinstance(part, TensorRtEngine) for part in engine.parts.values())
    assert describe(engine) == {"engine": "TensorRT 10.3.0", "variant": "fp32"}
    feeds = {"thermal": np.random.default_rng(0).integers(0, 256, (1, 96, 160, 1), np.uint8)}
    wanted = reference.infer(feeds)
    for name, values in engine.infer(feeds).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=1e-4)
    engine.close()
