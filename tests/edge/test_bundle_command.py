"""``rigsight bundle`` as its users meet it: keys, signatures, the store; every mistake is one line."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rigsight.cli.main import main
from rigsight.edge.bundle.store import Store

_spec = importlib.util.spec_from_file_location("small_bundles", Path(__file__).with_name("small_bundles.py"))
assert _spec
assert _spec.loader
small_bundles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_bundles)
TINY, release = small_bundles.TINY, small_bundles.release


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the bundle as a folder and a zip, and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RIGSIGHT_STORE", str(tmp_path / "store"))
    shutil.copytree(TINY, tmp_path / "tiny")
    release(tmp_path / "tiny2.zip", 2)
    return tmp_path


def bundle(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["bundle", *map(str, words)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.err.count("\n") <= 1
    return code, captured.out, captured.err


def test_from_the_key_to_the_way_back(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: object) -> str:
        code, out, err = bundle(capsys, *words)
        assert (code, err) == (0, ""), err
        return out

    assert "keys/fleet.pub.pem: the public key" in said("keygen", "keys/fleet.pem")
    assert "not signed" in said("inspect", "tiny")
    for path in ("tiny", "tiny2.zip"):
        assert "signed with the key" in said("sign", path, "--key", "keys/fleet.pem")
        assert "add --trust KEY to check by whom" in said("verify", path)
    known = said("verify", "tiny", "--trust", "keys/fleet.pub.pem", "--golden")
    assert "2 files are as they were exported\nsigned with the key" in known
    data = json.loads(said("verify", "tiny2.zip", "--trust", "keys/fleet.pub.pem", "--json"))
    assert data["signed"]
    assert data["key"] in known
    data = json.loads(said("inspect", "tiny2.zip", "--json"))
    assert (data["signed"], data["key"], data["unlisted"]["SIGNATURE"]) == (True, None, 64)

    assert "nothing is installed" in said("installed")
    assert said("installed", "--json") == "{}\n"
    assert "'rigsight bundle activate tiny'" in said("install", "tiny", "--trust", "keys/fleet.pub.pem")
    assert "--bundle installed:tiny" in said("activate", "tiny")
    assert "is active already" in said("install", "tiny")
    said("install", "tiny2.zip")
    assert "tiny-2-" in said("activate", "tiny")
    table = said("installed")
    assert [line.split()[1] for line in table.splitlines()[1:3]] == ["active", "previous"]
    assert "tiny: newest release seen 2" in table
    assert "tiny-1-" in said("rollback", "tiny")
    slots = json.loads(said("installed", "--json"))["tiny"]
    assert (slots["current"]["release"], slots["previous"], slots["staged"]["release"]) == (1, None, 2)


BAD: list[tuple[str, str]] = [
    ("keygen tiny", "BND-023"),
    ("keygen tiny/bundle.yaml/x.pem", "IO-001"),
    ("sign tiny", "CLI-001.*--key"),
    ("sign tiny --key none.pem", "BND-022.*No such file"),
    ("sign none --key fleet.pem", "BND-001"),
    ("sign tiny --key fleet.pub.pem", "BND-022.*public key"),
    ("sign altered --key fleet.pem", "BND-003"),
    ("verify tiny --trust fleet.pub.pem", "BND-020"),
    ("verify tiny --trust fleet.pem", "BND-022.*private key"),
    ("inspect tiny2.zip --trust fleet.pub.pem", "BND-020"),
    ("install none", "BND-001"),
    ("install altered", "BND-003"),
    ("install tiny --trust fleet.pub.pem", "BND-020"),
    ("install tiny --store tiny/bundle.yaml", "IO-001"),
    ("activate tiny", "BND-026"),
    ("activate", "CLI-001"),
    ("rollback tiny", "BND-026"),
    ("rollback ../tiny", "BND-026"),
]


@pytest.mark.parametrize(("line", "expected"), BAD, ids=[line for line, _ in BAD])
def test_a_mistake_is_one_line_and_leaves_nothing(
    line: str, expected: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_bundles.make_keys(place / "fleet.pem")
    shutil.copytree(TINY, place / "altered")
    (place / "altered" / "golden.npz").write_bytes(b"x")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    code, _, err = bundle(capsys, *line.split())
    assert code in (1, 2)
    assert re.match(expected, err), err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_installing_on_a_full_disk_is_one_line_and_can_be_repeated(place: Path) -> None:
    """A file-size limit stands in for a full disk."""
    code = (
        "import resource, signal, sys\n"
        "from rigsight.cli.main import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "bundle", "install", "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("IO-001: File too large")
    assert done.stderr.count("\n") == 1
    assert [path for path in (place / "store").rglob("*") if path.is_file()] == [place / "store/tiny/lock"]
    assert Store().slots("tiny").slots() == []
    assert main(["bundle", "install", "tiny"]) == 0


def test_many_at_once_take_turns(place: Path) -> None:
    """Four processes install and start the same bundle; each finds whole slots."""
    assert main(["bundle", "install", "tiny"]) == main(["bundle", "activate", "tiny"]) == 0
    code = (
        "import sys\n"
        "from rigsight.edge.bundle.install import activate, install\n"
        "from rigsight.edge.bundle.start import start_bundle\n"
        "from rigsight.edge.bundle.store import Store\n"
        "for path in ('tiny', 'tiny2.zip', 'tiny2.zip', 'tiny2.zip'):\n"
        "    install(Store(), path, allow_downgrade=True)\n"
        "    with start_bundle('installed:tiny') as start:\n"
        "        start.masked()\n"
        "    assert start.notes == [], start.notes\n"
    )

    def work(_: int) -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=place).stderr

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [""] * 4
    slots = Store().slots("tiny")
    assert slots.current
    assert slots.staged
    assert (slots.current.release, slots.current.worked, slots.staged.release) == (1, True, 2)
    assert len(os.listdir(place / "store" / "tiny" / "slots")) == 2
