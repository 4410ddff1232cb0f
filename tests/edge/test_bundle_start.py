"""Starts of an installed bundle: counted, forgiven, rolled back; through the API and ``rigsight run``."""

from __future__ import annotations

import importlib.util
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

import rigsight
from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.install import activate, install
from rigsight.edge.bundle.start import start_bundle
from rigsight.edge.bundle.store import Store
from rigsight.edge.pipeline.runner import RunPlan

_spec = importlib.util.spec_from_file_location("small_bundles", Path(__file__).with_name("small_bundles.py"))
assert _spec
assert _spec.loader
small_bundles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_bundles)
keys, release, TINY = small_bundles.keys, small_bundles.release, small_bundles.TINY


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Release 1 has worked; release 2, whose graph does not load here (any more), is active."""
    monkeypatch.setenv("RIGSIGHT_STORE", str(tmp_path / "store"))
    store = Store()
    install(store, release(tmp_path / "r1", 1))
    activate(store, "tiny", lambda _: None)
    with start_bundle("installed:tiny") as start:
        start.masked()
    install(store, small_bundles.broken_release(tmp_path / "r2", 2))
    activate(store, "tiny", lambda _: None)
    return store


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three pairs of pictures, as a source."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, picture in (
        ("rgb", np.zeros((60, 80, 3), np.uint8)),
        ("ir", np.full((60, 80), 8000, np.uint16)),
    ):
        (folder / name).mkdir()
        for i in range(3):
            cv2.imwrite(str(folder / name / f"{i}.png"), picture)
    return f"pairs:{folder}/rgb,{folder}/ir"


def counts(store: Store) -> tuple[int, int]:
    """Release that is active, failed starts."""
    slots = store.slots("tiny")
    assert slots.current
    return slots.current.release, store.failed_starts("tiny")


def under_way(store: Store) -> int:
    """Starts of the active bundle that are written down, whether their processes live or not."""
    current = store.slots("tiny").current
    assert current
    return len(list((store.folder / "tiny" / "starts").glob(f"{current.folder}~*")))


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["run", *map(str, words)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def test_three_failed_starts_bring_the_old_bundle_back(
    store: Store, pairs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--bundle", "installed:tiny", "--source", pairs, "--json")
    for number in (1, 2, 3):
        code, _, err = run(capsys, *words)
        assert (code, err[:7], counts(store)) == (2, "BND-005", (2, number))
    code, out, err = run(capsys, *words)
    report = json.loads(out)
    assert (code, report["pairs"], report["bundle"][:6]) == (0, 3, "tiny-1")
    assert err.startswith("note: tiny-2-")
    assert "failed to start 3 times: rolled back to tiny-1-" in err
    assert report["notes"] == [err.removeprefix("note: ").strip()]
    slots = store.slots("tiny")
    assert counts(store) == (1, 0)
    assert (slots.previous, slots.staged and slots.staged.release) == (None, 2)
    code, out, err = run(capsys, *words)
    assert (code, err, json.loads(out)["notes"]) == (0, "", [])


def test_what_is_not_the_bundles_fault_is_not_counted(
    store: Store, pairs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    install(store, release(tmp_path / "r3", 3))
    activate(store, "tiny", lambda _: None)
    for words, code in (
        (("--source", "images:nowhere"), "SRC-002"),
        (("--source", pairs, "--rig", tmp_path / "none.yaml"), "CAL-001"),
        (("--source", pairs, "--variant", "fp16"), "BND-006"),
        (("--source", pairs, "--sink", f"masks:{tmp_path}/file/m"), "IO-001"),
        (("--source", pairs, "--trust", tmp_path / "none.pem"), "BND-022"),
        ((), "RUN-001"),
    ):
        for _ in range(4):
            assert run(capsys, "--bundle", "installed:tiny", *words)[2].startswith(code)
            assert counts(store) == (3, 0)
    keys(tmp_path)
    said = run(capsys, "--bundle", "installed:tiny", "--trust", tmp_path / "fleet.pub.pem")[2]
    assert said.startswith("BND-020")
    assert counts(store) == (3, 0)
    assert run(capsys, "--bundle", "installed:tiny", "--source", pairs)[0] == 0


def test_a_start_that_is_killed_counts(store: Store, pairs: str, tmp_path: Path) -> None:
    install(store, release(tmp_path / "r3", 3))
    activate(store, "tiny", lambda _: None)
    code = (
        "import os, signal, sys\n"
        "from rigsight.edge.pipeline import runner\n"
        "runner.build_chain = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "runner.run(runner.RunPlan(bundle='installed:tiny', source=sys.argv[1]))\n"
    )
    for number in (1, 2, 3):
        done = subprocess.run([sys.executable, "-c", code, pairs], env=os.environ)
        assert done.returncode == -signal.SIGKILL
        assert counts(store) == (3, number)
    with start_bundle("installed:tiny") as start:
        assert start.bundle.spec.release == 1
        assert (counts(store), under_way(store)) == ((1, 0), 1)
        start.masked()
        assert (counts(store), under_way(store)) == ((1, 0), 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_is_stopped_while_it_loads_is_not_counted(
    store: Store, pairs: str, number: signal.Signals
) -> None:
    code = (
        "import sys, time\n"
        "from rigsight.cli.main import main\n"
        "from rigsight.edge.pipeline import runner\n"
        "def load(*_, **__):\n"
        "    print('loading', flush=True)\n"
        # Short sleeps: a signal on the way into one long sleep would not be seen before its end.
        "    for _ in range(1200):\n"
        "        time.sleep(0.05)\n"
        "runner.build_chain = load\n"
        "sys.exit(main(['run', '--bundle', 'installed:tiny', '--source', sys.argv[1]]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, pairs], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "loading\n"
    assert (counts(store), under_way(store)) == ((2, 0), 1)
    process.send_signal(number)
    assert process.communicate(timeout=60)[1].startswith("CLI-003")
    assert process.returncode == 130
    assert (counts(store), under_way(store)) == ((2, 0), 0)


def test_the_counter_is_cleared_at_the_first_mask_and_not_at_the_end(
    store: Store, pairs: str, tmp_path: Path
) -> None:
    install(store, release(tmp_path / "r3", 3))
    activate(store, "tiny", lambda _: None)
    command = [sys.executable, "-m", "rigsight", "run", "--bundle", "installed:tiny"]
    process = subprocess.Popen([*command, "--source", f"{pairs}?pace=live&fps=0.5"], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (current := store.slots("tiny").current) or not current.worked:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None
    process.kill()
    process.communicate()
    assert counts(store) == (3, 0)


def test_python_counts_as_the_command_does(store: Store) -> None:
    rgb, counts16 = np.zeros((60, 80, 3), np.uint8), np.full((60, 80), 8000, np.uint16)
    for number in (1, 2, 3):
        with pytest.raises(RigsightError, match="BND-005"):
            rigsight.open_pipeline("installed:tiny")
        assert counts(store) == (2, number)
    with rigsight.open_pipeline("installed:tiny") as pipeline:
        assert "rolled back to tiny-1-" in pipeline.notes[0]
        assert (counts(store), under_way(store)) == ((1, 0), 1)
        assert pipeline(rgb, counts16).mask.shape == (60, 80)
        assert (counts(store), under_way(store)) == ((1, 0), 0)
    rigsight.open_pipeline("installed:tiny").close()
    assert counts(store) == (1, 0)
    with pytest.raises(RigsightError, match="CAL-001"):
        rigsight.open_pipeline("installed:tiny", "none.yaml")
    with pytest.raises(ZeroDivisionError), rigsight.open_pipeline("installed:tiny"):
        raise ZeroDivisionError
    assert counts(store) == (1, 1)


def test_a_robot_that_lost_the_package_for_signatures_does_not_go_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = keys(tmp_path)
    install(store, release(tmp_path / "r3", 3, private), public)
    activate(store, "tiny", lambda _: None)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    for _ in range(4):
        with pytest.raises(RigsightError, match="BND-024"):
            start_bundle("installed:tiny")
    assert counts(store) == (3, 0)


def test_trust_in_python_flags_and_profile(
    store: Store, pairs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, _ = keys(tmp_path)
    public = tmp_path / "fleet.pub.pem"
    signed = release(tmp_path / "signed.zip", 4, private)
    rigsight.open_pipeline(signed, trust=public).close()
    with pytest.raises(RigsightError, match="BND-020"):
        rigsight.open_pipeline(TINY, trust=public)
    old = release(tmp_path / "old.zip", 3, private)
    with pytest.raises(RigsightError, match="BND-025"):
        rigsight.open_pipeline(old, trust=public)
    rigsight.open_pipeline(old, trust=public, allow_downgrade=True).close()
    words = ("--source", pairs, "--json")
    assert run(capsys, "--bundle", TINY, "--trust", public, *words)[2].startswith("BND-020")
    assert run(capsys, "--bundle", old, "--trust", public, *words)[2].startswith("BND-025")
    assert run(capsys, "--bundle", old, "--trust", public, *words, "--allow-downgrade")[0] == 0
    assert run(capsys, "--bundle", signed, "--trust", public, *words)[0] == 0
    profile = tmp_path / "car" / "car.yaml"
    profile.parent.mkdir()
    profile.write_text("name: car\nbundle: ../signed.zip\ntrust: ../fleet.pub.pem\n")
    assert run(capsys, profile, *words)[0] == 0
    assert run(capsys, profile, *words, "--bundle", TINY)[2].startswith("BND-020")
    profile.write_text("name: car\nbundle: installed:tiny\ntrust: ../fleet.pub.pem\n")
    assert RunPlan.of_profile(profile).bundle == "installed:tiny"
    assert run(capsys, profile, *words)[2].startswith("BND-020")
    data = bytearray(signed.read_bytes())
    data[len(data) // 3] ^= 1
    signed.write_bytes(data)
    assert run(capsys, "--bundle", signed, "--trust", public, *words)[2].startswith("BND-0")


def test_a_store_that_became_read_only_does_not_keep_a_robot_from_starting(
    store: Store,
    pairs: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(store, release(tmp_path / "r3", 3))
    activate(store, "tiny", lambda _: None)
    monkeypatch.setattr("rigsight.edge.bundle.starts.sync_folder", small_bundles.full_disk)
    code, out, err = run(capsys, "--bundle", "installed:tiny", "--source", pairs, "--json")
    assert code == 0
    assert "the start is not counted: IO-001: No space left on device" in err
    assert json.loads(out)["pairs"] == 3
    assert counts(store) == (3, 0)


def test_a_disk_that_fills_between_start_and_mask_does_not_end_the_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_bundle("installed:tiny") as start:
        with monkeypatch.context() as patch:
            patch.setattr("rigsight.edge.bundle.store.write_durably", small_bundles.full_disk)
            start.masked()
        assert "IO-001" in start.notes[0]
    assert (counts(store), under_way(store)) == ((2, 0), 0)
