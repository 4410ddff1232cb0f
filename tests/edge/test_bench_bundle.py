"""``rigsight bench bundle``, a Jetson's sensors, and the estimates."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from rigsight.cli.main import main
from rigsight.edge.benchmarks.roofline import BOARDS, least_ms
from rigsight.edge.benchmarks.variants import Rival, time_rivals
from rigsight.edge.power import module_watts


def rail(root: Path, channel: int, name: str, millivolts: int, milliamperes: int | str) -> None:
    folder = root / "1-0040" / "hwmon" / "hwmon3"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"in{channel}_label").write_text(f"{name}\n")
    (folder / f"in{channel}_input").write_text(f"{millivolts}\n")
    (folder / f"curr{channel}_input").write_text(f"{milliamperes}\n")


def test_the_module_s_own_input_is_its_power(tmp_path: Path) -> None:
    rail(tmp_path, 1, "VDD_IN", 5000, 1500)
    rail(tmp_path, 2, "VDD_CPU_GPU_CV", 5000, 600)
    assert module_watts(tmp_path) == pytest.approx(7.5)


def test_on_an_agx_the_rails_are_added(tmp_path: Path) -> None:
    rail(tmp_path, 1, "VDD_GPU_SOC", 19000, 100)
    rail(tmp_path, 2, "VDD_CPU_CV", 19000, 50)
    rail(tmp_path, 3, "VIN_SYS_5V0", 5000, 400)
    assert module_watts(tmp_path) == pytest.approx(1.9 + 0.95 + 2.0)


def test_no_sensor_or_a_broken_one_is_no_power(tmp_path: Path) -> None:
    assert module_watts(tmp_path) is None
    rail(tmp_path, 1, "VDD_IN", 5000, "not a number")
    assert module_watts(tmp_path) is None


def test_least_times_follow_the_slower_of_work_and_memory() -> None:
    nx = next(board for board in BOARDS if board.name.startswith("Orin NX"))
    work = least_ms(nx, "fp16", 7.5e9, 0)
    assert work == pytest.approx(1e3 * 7.5e9 / (32 * 0.918e9 * 256))
    assert least_ms(nx, "int8", 7.5e9, 0) == pytest.approx(work / 2)
    assert least_ms(nx, "fp16", 0, 102.4e6) == pytest.approx(2.0)
    assert least_ms(nx, "fp16", 7.5e9, 102.4e6) == pytest.approx(max(work, 2.0))


def test_rivals_take_turns_and_the_first_is_the_measure() -> None:
    order: list[str] = []

    def spin(name: str, count: int) -> None:
        order.append(name)
        sum(range(count))

    rivals = [Rival("long", lambda: spin("long", 400_000)), Rival("short", lambda: spin("short", 1000))]
    long, short = time_rivals(rivals, rounds=3)
    assert order == (["long"] * 5 + ["short"] * 5) * 4
    assert long.speed == 1.0
    assert short.speed > 1
    assert long.p50 <= long.p95 <= long.p99
    assert math.isnan(long.megabytes)


def test_the_command_times_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "bundle", "bundles/sim_pipe", "--rounds", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["timings"][0]["name"] == "fp32"
    assert all(0 < row["p50"] <= row["p99"] for row in report["timings"])
    estimate = report["estimate"]
    if estimate is not None:  # a machine without the package onnx has none
        assert set(estimate["least_ms"]["Orin NX 16 GB"]) == {"fp16", "int8"}


def test_it_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "bundle", "bundles/sim_pipe", "--rounds", "3"]) == 0
    text = capsys.readouterr().out
    assert "p99" in text
    assert "fp32" in text
