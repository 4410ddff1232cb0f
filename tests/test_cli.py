"""The command line: help with an example for every verb, one line for every mistake, the right exit code."""

from __future__ import annotations

import importlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from rigsight.base.errors import registered
from rigsight.cli.main import VERBS, main

ROOT = Path(__file__).parent.parent
TINY = ROOT / "tests" / "edge" / "data" / "tiny_bundle"


def words_of_every_command() -> list[list[str]]:
    found = []
    for verb in VERBS:
        try:
            app = importlib.import_module(f"rigsight.cli.{verb.replace('-', '_')}").app
        except ModuleNotFoundError:
            found.append([verb])
            continue
        commands = getattr(typer.main.get_command(app), "commands", {})
        found += [[verb, name] for name in commands] or [[verb]]
    return found


@pytest.mark.parametrize("words", words_of_every_command(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"Examples?:\s+rigsight {words[0]}", shown), shown


def test_without_a_verb_there_is_an_overview(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"]):
        assert main(words) == 0
        shown = capsys.readouterr().out
        for verb in VERBS:
            assert verb in shown
    assert main(["--version"]) == 0
    assert re.match(r"rigsight \d+\.\d+\.\d+\n$", capsys.readouterr().out)


BAD: list[tuple[str, str]] = [
    ("rum", "CLI-001.*Did you mean 'rigsight run'"),
    ("fly --high", "CLI-001.*--help"),
    ("--verbose", "CLI-001"),
    ("demo --profile car_rof", "PRF-001.*Did you mean 'car_roof'"),
    ("demo --profile zebra", "PRF-001.*car_roof, facade_drone, pipe_crawler"),
    ("demo --profile {tmp}/none.yaml", "PRF-001.*none.yaml"),
    ("demo --profile {tmp}/text.yaml", "PRF-001"),
    ("demo --profile {tmp}/no_scene.yaml --bundle {tiny} --out {tmp}/o", "DEM-003"),
    ("demo --pairs 0", "CLI-001.*pairs"),
    ("demo --pairs many", "CLI-001.*pairs"),
    ("demo --bogus", "CLI-001.*--bogus"),
    ("demo stray", "CLI-001"),
    ("demo --bundle {tmp}/none --out {tmp}/o", "BND-001.*none"),
    ("demo --bundle {tmp}/text.yaml --out {tmp}/o", "BND-001"),
    ("demo --bundle {tiny} --out {tmp}/o", "DEM-002.*road"),
    ("demo --out {tmp}/text.yaml/demo", "IO-001"),
    ("demo --out {tmp}/text.yaml", "IO-001"),
    ("demo --out {tmp}/precious", "DEM-001.*thesis.txt"),
    ("doctor --jsn", "CLI-001.*--jsn"),
    ("run", "RUN-001"),
    ("run {tmp}/none.yaml", "PRF-001"),
    ("run --bundle {tmp}/none --source pairs:{tmp},{tmp}", "BND-001"),
    ("run --bundle {tiny} --source pears:{tmp},{tmp}", "SRC-001.*pairs:"),
    ("run --bundle {tiny} --source pairs:{tmp}/a,{tmp}/b", "SRC-002"),
    ("build {tmp}/none", "BND-001"),
    ("build {tiny} --variant int8-cpu", "CLI-001"),
    ("build {tiny} --check --variant int8", "BND-006"),
    ("run --bundle {tiny} --engine tensorrt --source sim:street", "ENG-003"),
    ("bundle", "CLI-001|Usage"),
    ("bundle verify {tmp}/none", "BND-001"),
    ("bundle inspect {tmp}/text.yaml", "BND-001"),
    ("calibrate {tmp}/a {tmp}/b --board {tmp}/none.yaml --out {tmp}/rig.yaml", "CAL-"),
    ("align {tmp}/a.png {tmp}/b.png --rig {tmp}/none.yaml --out {tmp}/o.png", "CAL-001"),
    ("train {tmp}/none.yaml", "TRN-"),
    ("evaluate {tmp}/none.safetensors", "TRN-|BND-"),
    ("export {tmp}/none.safetensors --out {tmp}/bundle", "TRN-|EXP-"),
    ("bench everything", "CLI-001"),
]


@pytest.fixture
def mistakes(tmp_path: Path) -> Path:
    (tmp_path / "text.yaml").write_text("not a document")
    profile = (ROOT / "profiles" / "car_roof.yaml").read_text()
    (tmp_path / "no_scene.yaml").write_text(re.sub(r"^simulation:.*\n", "", profile, flags=re.MULTILINE))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    return tmp_path


@pytest.mark.parametrize(("line", "expected"), BAD, ids=[line for line, _ in BAD])
def test_a_mistake_is_one_line_with_its_code(
    line: str, expected: str, mistakes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(tmp=mistakes, tiny=TINY) for word in line.split()]
    code = main(words)
    shown = capsys.readouterr()
    if code == 0 and "Usage" in shown.out:
        return  # a group of commands called without one shows its help
    said = shown.err.strip().splitlines()
    assert len(said) == 1, shown.err
    assert re.search(expected, said[0]), said[0]
    named = {each.code: each.exit_code for each in registered()}
    assert code == named[said[0].split(":")[0]]
    assert "Traceback" not in shown.err + shown.out
    assert (mistakes / "precious" / "thesis.txt").read_text() == "years of work"
    left = {path.name for path in mistakes.iterdir()}
    assert left == {"text.yaml", "no_scene.yaml", "precious"}, "something half-written was left"


def test_an_unforeseen_failure_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("rigsight.cli.main.run_verb", fails)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err.startswith("CLI-002: ZeroDivisionError: a bug")
    monkeypatch.setenv("RIGSIGHT_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_a_missing_optional_part_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacks(*_: object) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("rigsight.cli.main.run_verb", lacks)
    assert main(["train"]) == 1
    assert "CLI-004" in (said := capsys.readouterr().err)
    assert "rigsight[training]" in said


def test_interrupting_the_demo_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rigsight",
        "demo",
        "--profile",
        "facade_drone",
        "--out",
        str(tmp_path / "o"),
    ]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in TINY.rglob("*"):
        target = bundle / path.relative_to(TINY)
        if path.is_dir():
            target.mkdir()
        else:
            data = path.read_bytes()
            if path.name == "bundle.yaml":
                data = data.replace(b"name: hot", b"name: crack").replace(b"name: bright", b"name: damp")
            target.write_bytes(data)
    process = subprocess.Popen(
        [*command, "--bundle", str(bundle)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".part-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "CLI-003" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_closed_pipe_is_no_failure() -> None:
    script = f"{sys.executable} -m rigsight --help | head -c 1 > /dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    assert done.stderr == ""
