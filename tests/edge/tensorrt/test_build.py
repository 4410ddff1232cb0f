"""Building on every TensorRT: the recipe, memory, the golden gate, and what is left when it fails."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.tensorrt import cache
from rigsight.edge.tensorrt.api import recipe
from rigsight.edge.tensorrt.builder import build_plan
from rigsight.edge.tensorrt.make import make_engines, plan_bundle

VERSIONS = ("10.3.0", "10.13.3", "10.16.1", "11.4.0")
TYPED = {"10.3.0": False, "10.13.3": True, "10.16.1": True, "11.4.0": True}

Answer = tuple[int, str, str]


def kept(bench: Any) -> list[str]:
    """Files of the cache, timings aside."""
    folder = bench.cache / "engines"
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.parent.name != "timing")


def head(bench: Any) -> dict[str, Any]:
    """How the one plan of the cache was built."""
    [plan] = (bench.cache / "engines").rglob("*.plan")
    body = plan.read_bytes()[len(b"fake plan\n") + 32 :]
    return json.loads(body[: body.index(b"\n")])


@pytest.mark.parametrize("variant", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_graph_is_built_by_every_version_from_end_to_end(
    bench: Any, tiny: Path, run: Callable[..., Answer], version: str, variant: str
) -> None:
    bench.install(version)
    code, out, err = run("build", tiny, "--variant", variant)
    assert (code, err) == (0, "")
    assert "golden: " in out
    built = head(bench)
    assert built["typed"] is TYPED[version]
    flags = {"fp32": [], "fp16": ["FP16", "TF32"], "int8": ["FP16", "INT8", "TF32"]}[variant]
    assert built["flags"] == (flags if not TYPED[version] else ([] if variant == "fp32" else ["TF32"]))
    assert re.search("strongly typed" if TYPED[version] else "builder flags", out)
    [name] = [name for name in kept(bench) if name.endswith(".json")]
    manifest = json.loads(next((bench.cache / "engines").rglob(name)).read_text())
    assert manifest["key"]["tensorrt"] == version
    assert manifest["key"]["gpu"] == "Orin"
    assert manifest["golden"][0]["mask_agreement"] > 0.995


def test_the_recipe_is_that_of_the_api_and_not_only_of_the_version(bench: Any) -> None:
    for version in VERSIONS:
        assert recipe(bench.install(version), "int8").strongly_typed is TYPED[version]
    unnumbered = bench.install("11.4.0")
    unnumbered.__version__ = "unknown"
    assert recipe(unnumbered, "fp16").strongly_typed, "there are no flags: only one way is left"
    early = bench.install("10.16.1")
    early.__version__ = "10.3.0"
    assert recipe(early, "fp16").flags == ("FP16",)
    assert recipe(early, "int8").flags == ("INT8", "FP16")
    assert recipe(early, "fp32").flags == ()


def test_no_variant_takes_fp16_unless_export_rejected_it(
    bench: Any, make_bundle: Callable[..., Path], graphs: dict[str, bytes]
) -> None:
    bench.install()
    fp16 = make_bundle("a", fp16=graphs["fp16"])
    assert plan_bundle(open_bundle(fp16)).variant == "fp16"
    rejected = {"fp16": {"accepted": False, "reason": "overflow"}}
    plan = plan_bundle(open_bundle(make_bundle("b", verdicts=rejected, fp16=graphs["fp16"])))
    assert plan.variant == "fp32"
    assert plan_bundle(open_bundle(make_bundle("c"))).variant == "fp32"
    asked = plan_bundle(open_bundle(tmp := make_bundle("d", verdicts=rejected, fp16=graphs["fp16"])), "fp16")
    assert any("not accepted, overflow" in line for line in asked.lines()), tmp


def test_the_plan_is_printed_and_nothing_is_built(bench: Any, tiny: Path, run: Callable[..., Answer]) -> None:
    bench.install("10.13.3")
    code, out, _ = run("build", tiny, "--plan")
    assert code == 0
    assert "Orin (compute capability 8.7), TensorRT 10.13.3" in out
    assert "build, there is none yet" in out
    assert kept(bench) == []
    plans = json.loads(run("build", tiny, "--plan", "--json")[1])["plans"]
    assert [plan["variant"] for plan in plans] == ["fp16", "int8"]
    assert plans[0]["strongly_typed"]
    assert plans[0]["parts"][0]["build"]
    assert kept(bench) == []


def test_a_fresh_engine_is_not_built_again_unless_forced(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install()
    assert run("build", tiny)[0] == 0
    first = kept(bench)
    code, out, _ = run("build", tiny)
    assert code == 0
    assert "fresh, nothing to build" in out
    assert "written" not in out
    code, out, _ = run("build", tiny, "--force", "--json")
    assert [engine["part"] for engine in json.loads(out)["engines"]] == ["main", "main"]
    assert kept(bench) == first


def test_another_tensorrt_says_expected_and_got_and_takes_the_place_of_the_old(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install("10.3.0")
    assert run("build", tiny)[0] == 0
    old = kept(bench)
    bench.install("10.13.3")
    code, out, _ = run("build", tiny)
    assert code == 0
    assert "stale: it was built for TensorRT 10.3.0, here is 10.13.3" in out
    assert len(kept(bench)) == 4
    assert kept(bench) != old


def test_timings_are_kept_for_the_next_build_and_begun_anew_where_they_do_not_fit(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install()
    assert run("build", tiny, "--variant", "fp32")[0] == 0
    [timings] = (bench.cache / "engines" / "timing").iterdir()
    assert timings.read_bytes() == b"timings of 10.3.0"
    timings.write_bytes(b"of something else")
    code, out, _ = run("build", tiny, "--variant", "fp16")
    assert code == 0
    assert "note: the timing cache does not fit and is begun anew" in out
    assert timings.read_bytes() == b"timings of 10.3.0"


def test_short_of_memory_it_tries_with_less_ambition(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install(short_of_memory_down_to=1)
    code, out, _ = run("build", tiny, "--variant", "fp16")
    assert code == 0
    assert "note: memory was short at optimization level 3" in out
    assert "note: memory was short at optimization level 1" in out
    assert head(bench)["level"] == 0


def test_memory_that_never_suffices_is_one_line(bench: Any, tiny: Path, run: Callable[..., Answer]) -> None:
    bench.install(short_of_memory_down_to=0)
    code, _, err = run("build", tiny)
    assert code == 1
    assert err.startswith("ENG-007: the build fails at the lowest optimization level with 3072 MiB")
    assert len(err.splitlines()) == 1
    assert kept(bench) == []


def test_the_workspace_follows_what_is_free(
    bench: Any, tiny: Path, other_gpu: Callable[..., Any], run: Callable[..., Answer]
) -> None:
    bundle = open_bundle(tiny)
    bench.install(gpu=other_gpu(integrated=False, free=1000 << 20))
    plan = plan_bundle(bundle)
    assert plan.workspace_bytes == 800 << 20
    assert plan.levels == (1, 0), "with so little it does not begin at the top"
    bench.install(gpu=other_gpu(integrated=False, free=6 << 30))
    assert plan_bundle(bundle).levels == (3, 1, 0)
    bench.install(gpu=other_gpu(free=20 << 20))
    code, _, err = run("build", tiny)
    assert (code, err[:8]) == (1, "ENG-007:")
    assert "only 20 MiB are free" in err


def test_a_jetson_counts_what_the_host_has_left(
    bench: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable:  1048576 kB\n")
    (tmp_path / "tegra").write_text("# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n")
    monkeypatch.setattr("rigsight.edge.tensorrt.machine.MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr("rigsight.edge.tensorrt.machine.TEGRA_RELEASE", tmp_path / "tegra")
    bench.install()
    plan = plan_bundle(open_bundle(tiny))
    assert plan.machine.free_bytes == 1 << 30
    assert plan.workspace_bytes == 512 << 20
    assert plan.machine.jetpack == "L4T 36.4.3"
    assert plan.parts[0].key.jetpack == "L4T 36.4.3"


def test_an_engine_that_departs_from_the_golden_outputs_is_not_kept(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install(drift=True)
    code, _, err = run("build", tiny, "--variant", "fp16")
    assert code == 2
    assert re.match(r"BND-007: the fp16 engine departs on golden case", err)
    assert kept(bench) == []


def test_progress_is_heard_and_ctrl_c_stops_the_builder(bench: Any, tiny: Path) -> None:
    bench.install()
    bundle, heard = open_bundle(tiny), []
    made = make_engines(bundle, plan_bundle(bundle), lambda *step: heard.append(step), heard.append)
    assert ("Timing graph nodes", 3, 3) in heard
    assert "checking graphs/main.fp16.onnx" in heard
    assert made[0].without_graph is None

    stop = threading.Event()

    def build(progress: Callable[..., None]) -> None:
        build_plan(
            bench.trt,
            bundle.read("graphs/main.fp32.onnx"),
            recipe(bench.trt, "fp32"),
            1 << 30,
            progress=progress,
            cancelled=stop,
        )

    def fails(*_: object) -> None:
        raise OSError("the terminal is gone")

    build(fails)  # and not a word of it reaches TensorRT
    with pytest.raises(KeyboardInterrupt):
        build(lambda *_: stop.set())


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ("indices", r"ENG-006: the operator MaxPool \(node 'pool'\) is not supported"),
        ("unique", r"ENG-006: the operator Unique \(node 'only'\) is not supported"),
        ("truncated", r"BND-005: TensorRT says: .*Failed to parse the ONNX model"),
    ],
)
def test_a_graph_that_is_refused_is_one_line(
    bench: Any,
    make_bundle: Callable[..., Path],
    graphs: dict[str, bytes],
    run: Callable[..., Answer],
    graph: str,
    expected: str,
) -> None:
    bench.install()
    model = graphs["fp32"][:900] if graph == "truncated" else graphs[graph]
    code, _, err = run("build", make_bundle(fp16=model), "--variant", "fp16")
    assert code == 2
    assert re.match(expected, err)
    assert "main.fp16.onnx" in err
    assert len(err.splitlines()) == 1
    assert kept(bench) == []


def test_a_parser_that_does_not_name_the_operator_gives_its_own_words(
    bench: Any, make_bundle: Callable[..., Path], graphs: dict[str, bytes], run: Callable[..., Answer]
) -> None:
    bench.install(without=("ParserError.node_operator", "ParserError.node_name"))
    _, _, err = run("build", make_bundle(fp16=graphs["unique"]), "--variant", "fp16")
    assert re.match("ENG-006: node 0 is not supported: In node 0 with name: only and operator: Unique", err)


def test_what_the_builder_says_is_passed_on(bench: Any, tiny: Path, run: Callable[..., Answer]) -> None:
    bench.install(build_error="no implementation for node Conv_7")
    code, _, err = run("build", tiny)
    assert code == 2
    assert "ENG-006" in err
    assert "no implementation for node Conv_7" in err


def test_without_the_variant(
    bench: Any, make_bundle: Callable[..., Path], run: Callable[..., Answer]
) -> None:
    bench.install()
    code, _, err = run("build", make_bundle(), "--variant", "int8")
    assert code == 2
    assert err.startswith("BND-006: there is no variant 'int8', only fp32")


def test_without_tensorrt_or_gpu_it_says_what_is_missing(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    code, _, err = run("build", tiny)
    assert (code, err[:8]) == (1, "ENG-001:")
    assert "nvidia-jetpack" in err
    bench.install().__version__ = "8.6.1"
    assert "TensorRT 8.6.1 is older than 10.0" in run("build", tiny)[2]
    bench.install()
    bench.gpu.count = 0
    code, _, err = run("build", tiny)
    assert (code, err[:8]) == (1, "ENG-002:")
    assert "no GPU is visible" in err
    bench.gpu.count, bench.gpu.fail = 1, {"cudaGetDeviceCount": "cudaErrorInsufficientDriver"}
    assert "InsufficientDriver" in run("build", tiny)[2]
    bench.gpu.fail = {}
    for error, code in (("cudaErrorMemoryAllocation", "ENG-007"), ("cudaErrorLaunchFailure", "ENG-008")):
        bench.gpu.fail = {"cudaMalloc": error}
        assert run("build", tiny)[2].startswith(code)
        assert kept(bench) == []
    bench.gpu.fail = {}


def test_a_context_without_memory_and_a_plan_that_is_refused(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install(no_context=True)
    assert run("build", tiny)[2].startswith("ENG-007: TensorRT says: Error Code 2")
    bench.install(refuse_plans=True)
    assert run("build", tiny)[2].startswith("ENG-004: TensorRT says: Error Code 1")
    assert kept(bench) == []


def test_a_full_disk_leaves_nothing_half_written(
    bench: Any, tiny: Path, run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.install()
    assert run("build", tiny, "--variant", "fp32")[0] == 0
    before = {path: path.read_bytes() for path in bench.cache.rglob("*") if path.is_file()}
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        real(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for words in (("--variant", "fp16"), ("--variant", "fp32", "--force")):
        code, _, err = run("build", tiny, *words)
        assert code == 1
        assert re.match("IO-001: No space left on device", err.splitlines()[-1])
    assert {path: path.read_bytes() for path in bench.cache.rglob("*") if path.is_file()} == before


def test_the_cache_is_private_and_can_be_chosen(
    bench: Any, tiny: Path, run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench.install()
    old = os.umask(0o002)
    try:
        assert run("build", tiny)[0] == 0
    finally:
        os.umask(old)
    for folder in (bench.cache / "engines", *(bench.cache / "engines").glob("*/")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.delenv("RIGSIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.engines_root() == tmp_path / "xdg" / "rigsight" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.engines_root() == tmp_path / "home" / ".cache" / "rigsight" / "engines"


def test_a_cache_that_others_may_write_is_refused(bench: Any, tiny: Path, run: Callable[..., Answer]) -> None:
    bench.install()
    (bench.cache / "engines").mkdir(parents=True)
    (bench.cache / "engines").chmod(0o777)
    code, _, err = run("build", tiny)
    assert (code, err[:8]) == (1, "ENG-005:")
    assert "others than you may write it" in err


def test_errors_are_raised_before_the_gpu_is_touched(bench: Any, make_bundle: Callable[..., Path]) -> None:
    bench.install()
    with pytest.raises(RigsightError, match="BND-006"):
        plan_bundle(open_bundle(make_bundle()), "int8")
    assert bench.gpu.executions == 0


def test_ctrl_c_stops_the_builder_and_leaves_nothing(
    bench: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.install()
    heard: list[int] = []

    def slow(self: object, phase: str, done: int, total: int | None) -> None:
        if not heard:
            os.kill(os.getpid(), signal.SIGINT)
        heard.append(done)
        time.sleep(0.2)

    monkeypatch.setattr("rigsight.cli.build._Progress.phase", slow)
    assert main(["build", str(tiny)]) == 130
    assert "CLI-003" in capfd.readouterr().err
    assert kept(bench) == []
    assert bench.gpu.executions == 0


def test_a_bundle_of_tiles_is_checked_and_runs_tile_by_tile(
    bench: Any, run: Callable[..., Answer], tmp_path: Path
) -> None:
    bench.install("11.4.0", "13.5.0")
    crack = Path(__file__).parents[3] / "bundles" / "crack"
    code, out, err = run("build", crack, "--variant", "fp32", "--json")
    assert (code, err) == (0, "")
    [engine] = json.loads(out)["engines"]
    assert engine["golden"][0]["mask_agreement"] == 1.0
    assert engine["golden"][0]["probability_difference"] == 0.0
    photo = np.random.default_rng(1).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    before, masks = bench.gpu.launches, []
    for choice in ("tensorrt", "onnxruntime:cpu"):
        words = ("run", "--bundle", crack, "--rgb", f"images:{tmp_path / 'photo.png'}", "--engine", choice)
        assert run(*words, "--sink", f"masks:{tmp_path / choice}")[0] == 0
        [mask] = (tmp_path / choice).rglob("*.png")
        masks.append(mask.read_bytes())
    assert bench.gpu.launches - before == 4, "one launch a tile"
    assert masks[0] == masks[1]


def test_building_needs_no_onnxruntime_no_torch_and_no_scipy() -> None:
    code = (
        "import sys\n"
        "for name in ('onnxruntime', 'torch', 'onnx', 'scipy', 'serial', 'rich', 'typer'):\n"
        "    sys.modules[name] = None\n"
        "import rigsight.edge.tensorrt.make, rigsight.edge.engines.tensorrt, rigsight.edge.bundle.golden\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
