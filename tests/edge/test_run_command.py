"""``rigsight run`` as its users meet it: summaries, bad input, Ctrl-C and kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Camera, OutputGrid, Rig
from rigsight.cli.main import main

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "data" / "tiny_bundle"
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 pairs: rgb/, ir16/ (counts), ir8/."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("rgb", "ir16", "ir8"):
        (folder / name).mkdir()
    for i in range(12):
        chance = np.random.default_rng(i)
        small = chance.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / "rgb" / f"{i:03d}.png"), cv2.resize(small, (80, 60)))
        counts = cv2.resize(chance.integers(8000, 9000, (6, 8), np.uint16), (80, 60))
        cv2.imwrite(str(folder / "ir16" / f"{i:03d}.png"), counts)
        cv2.imwrite(str(folder / "ir8" / f"{i:03d}.png"), ((counts - 8000) // 4).astype(np.uint8))
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["run", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def assert_error(result: tuple[int, str, str], code: str, exit_code: int = 2) -> None:
    status, out, err = result
    assert status == exit_code, err
    assert out == ""
    assert err.startswith(f"{code}: ")
    assert err.count("\n") == 1


def test_json_is_the_only_thing_on_stdout_and_has_every_number(
    pairs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(
        capsys, "--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{pairs}/ir16", "--json",
        "--sink", f"masks:{tmp_path}/masks", "--sink", f"jsonl:{tmp_path}/run.jsonl",
        "--sink", f"video:{tmp_path}/run.avi",
    )  # fmt: skip
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["pairs"], report["sets"], report["dropped"], report["missing"]) == (12, 12, {}, {})
    assert report["frames"] == {"rgb": 12, "thermal": 12}
    assert report["aligned"] == "no rig: the pictures count as aligned"
    assert report["rate_hz"] > 0
    assert report["latency_ms"]["age"].keys() == {"p50", "p95", "p99"}
    assert set(report["fusion_quality"]) == {"fused", "average"}
    assert set(report["fusion_quality"]["fused"]) == {"en", "sd", "sf", "scd"}
    assert report["fusion_quality_pairs"] == 12
    assert not report["interrupted"]
    assert len(list((tmp_path / "masks").glob("*.png"))) == 12
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 12
    assert cv2.VideoCapture(str(tmp_path / "run.avi")).get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks", "run.avi", "run.jsonl"]


def test_the_terminal_says_the_same_for_people(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{pairs}/ir16", "--limit", 5)
    assert code == 0
    assert "5 frame sets" in out
    assert "the pictures count as aligned" in out
    assert "p99" in out
    assert "plain averaging" in out


def test_two_cameras_a_rig_and_a_profile(
    pairs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    K = ((70.0, 0.0, 39.5), (0.0, 70.0, 29.5), (0.0, 0.0, 1.0))
    pose = ((1.0, 0.0, 0.0, -0.05), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    cameras = {
        role: Camera(model="pinhole-radtan", width=80, height=60, K=K, spectrum=role)  # type: ignore[arg-type]
        for role in ("rgb", "thermal")
    }
    output = OutputGrid(camera="rgb", width=80, height=60, K=K)
    Rig(cameras=cameras, reference="rgb", transforms={"thermal": pose}, output=output).save(
        tmp_path / "rig.yaml"
    )
    two = ("--rgb", f"images:{pairs}/rgb", "--thermal", f"images:{pairs}/ir16")
    assert_error(run(capsys, "--bundle", TINY, *two), "RUN-002")
    code, out, _ = run(capsys, "--bundle", TINY, *two, "--rig", tmp_path / "rig.yaml", "--json")
    assert code == 0
    assert json.loads(out)["aligned"] == f"by {tmp_path / 'rig.yaml'}"
    assert json.loads(out)["pairs"] == 12

    nearby = tmp_path / "elsewhere" / "profiles"
    nearby.mkdir(parents=True)
    relative = os.path.relpath(pairs, nearby)
    (nearby / "car.yaml").write_text(
        f"name: car\nbundle: {os.path.relpath(TINY, nearby)}\nrig: ../../rig.yaml\n"
        f"source: 'pairs:{relative}/rgb,{relative}/ir16'\nsinks: ['masks:{tmp_path}/from_profile']\n"
    )
    code, out, _ = run(capsys, nearby / "car.yaml", "--json", "--limit", 3)
    assert code == 0
    assert json.loads(out)["pairs"] == 3
    assert len(list((tmp_path / "from_profile").iterdir())) == 3
    code, out, _ = run(capsys, nearby / "car.yaml", "--json", "--rgb", f"images:{pairs}/rgb")
    assert json.loads(out)["degraded"] == {"thermal missing, mIoU 0.60": 12}


def test_one_camera_alone_needs_no_rig(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--bundle", TINY, "--thermal", f"images:{pairs}/ir16", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["aligned"] == "only the thermal camera: nothing to align"
    assert report["missing"] == {"rgb: no camera": 12}
    assert report["fusion_quality"] is None


def test_8_bit_thermal_is_refused_until_the_flag_is_given(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{pairs}/ir8", "--json")
    result = run(capsys, *words)
    assert_error(result, "SRC-101")
    assert "--thermal-input camera8" in result[2]
    code, out, _ = run(capsys, *words, "--thermal-input", "camera8")
    assert (code, json.loads(out)["pairs"]) == (0, 12)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "RUN-001"),
        (("--bundle", TINY), "RUN-001"),
        (("--source", "images:x"), "RUN-001"),
        (("--bundle", "nowhere", "--source", "images:x"), "BND-001"),
        (("--bundle", TINY, "--source", "images:nowhere"), "SRC-002"),
        (("--bundle", TINY, "--source", "imagse:x"), "SRC-001"),
        (("--bundle", TINY, "--source", "images:x", "--rgb", "images:x"), "CLI-001"),
        (("--bundle", TINY, "--limit", "0"), "CLI-001"),
        (("--bundle", TINY, "--thermal-input", "raw"), "CLI-001"),
        (("nowhere.yaml",), "PRF-001"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[object, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_error(run(capsys, *words), code)


def test_missing_rig_variant_and_partner(
    pairs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{pairs}/ir16")
    assert_error(run(capsys, *words, "--rig", tmp_path / "rig.yaml"), "CAL-001")
    assert_error(run(capsys, *words, "--variant", "fp16"), "BND-006")
    (tmp_path / "ir").mkdir()
    cv2.imwrite(str(tmp_path / "ir" / "000.png"), np.zeros((60, 80), np.uint16))
    assert_error(run(capsys, "--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{tmp_path}/ir"), "SRC-004")


def test_an_unwritable_output_is_one_line_and_the_environments_fault(
    pairs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for sink in ("masks:{}/m", "video:{}/v.mp4", "jsonl:{}/l.jsonl"):
        words = ("--bundle", TINY, "--source", f"pairs:{pairs}/rgb,{pairs}/ir16")
        assert_error(run(capsys, *words, "--sink", sink.format(tmp_path / "file")), "IO-001", exit_code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_corrupt_picture_in_the_middle_keeps_what_was_done(
    pairs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for path in sorted((pairs / "rgb").iterdir()):
        (tmp_path / "rgb").mkdir(exist_ok=True)
        data = path.read_bytes()
        (tmp_path / "rgb" / path.name).write_bytes(data[: len(data) // 2] if path.stem == "006" else data)
    words = (
        "--bundle",
        TINY,
        "--source",
        f"pairs:{tmp_path}/rgb,{pairs}/ir16",
        "--sink",
        f"jsonl:{tmp_path}/l",
    )
    result = run(capsys, *words)
    assert_error(result, "SRC-003")
    assert "006.png" in result[2]
    lines = [json.loads(line)["name"] for line in (tmp_path / "l").read_text().splitlines()]
    assert lines == [f"{i:03d}" for i in range(len(lines))]
    assert len(lines) <= 6


def start(pairs: Path, out: Path) -> subprocess.Popen[str]:
    """A clocked run of 12 pairs at 5 Hz, 2.4 s long, with every kind of sink."""
    command = [sys.executable, "-m", "rigsight", "run", "--bundle", str(TINY), "--json"]
    command += ["--source", f"pairs:{pairs}/rgb,{pairs}/ir16?pace=live&fps=5"]
    for sink in (f"masks:{out}/masks", f"video:{out}/run.mp4", f"jsonl:{out}/run.jsonl"):
        command += ["--sink", sink]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    partial = out / "run.jsonl.partial"
    deadline = time.monotonic() + 60
    while not (partial.exists() and partial.read_text().count("\n") >= 2):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_whole_readable_files(pairs: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = start(pairs, tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("CLI-003: ")
    assert err.count("\n") == 1
    report = json.loads(out)
    assert report["interrupted"]
    assert 2 <= report["pairs"] < 12
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert len(lines) == report["pairs"] == len(list((tmp_path / "masks").glob("*.png")))
    video = cv2.VideoCapture(str(tmp_path / "run.mp4"))
    frames = 0
    while video.read()[0]:
        frames += 1
    assert frames == report["pairs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks", "run.jsonl", "run.mp4"]


def test_killed_nothing_half_written_has_its_final_name(pairs: Path, tmp_path: Path) -> None:
    process = start(pairs, tmp_path)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "run.jsonl").exists()
    assert not (tmp_path / "run.mp4").exists()
    whole = (tmp_path / "run.jsonl.partial").read_text().split("\n")[:-1]
    assert len([json.loads(line) for line in whole]) >= 2
    for path in (tmp_path / "masks").glob("[!.]*.png"):
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (60, 80)


@pytest.mark.parametrize(
    ("rgb", "thermal", "count"),
    [
        ("rgbt_msrs/vi", "rgbt_msrs/ir", 101),
        ("rgbt_roadscene/crop_LR_visible", "rgbt_roadscene/cropinfrared", 60),
    ],
)
def test_real_pairs_run_to_the_end(
    rgb: str, thermal: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (DATA / rgb).is_dir():
        pytest.skip(f"the development data {DATA / rgb} is not here")
    code, out, _ = run(
        capsys, "--bundle", TINY, "--source", f"pairs:{DATA / rgb},{DATA / thermal}",
        "--thermal-input", "camera8", "--json",
    )  # fmt: skip
    report = json.loads(out)
    assert (code, report["pairs"], report["fusion_quality_pairs"]) == (0, count, count)
    assert report["fusion_quality"]["average"]["en"] > 5
