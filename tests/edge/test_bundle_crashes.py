"""Killed or out of room between any two steps, the store still holds a whole, active bundle.

Install, activate, rollback and a start are each repeated in a process of its own that is killed with SIGKILL,
or meets a full or failing disk, at its first, second, third … call into the file system, until one gets
through.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rigsight.edge.bundle.install import activate, begin_start, install
from rigsight.edge.bundle.start import start_bundle
from rigsight.edge.bundle.store import Store

_spec = importlib.util.spec_from_file_location("small_bundles", Path(__file__).with_name("small_bundles.py"))
assert _spec
assert _spec.loader
small_bundles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_bundles)

# Forks a child for every number; the child does the step and dies, or fails, at that many calls for the disk.
# Python tells an audit hook of every such call before it is made.
DRIVER = """
import json, os, shutil, signal, sys
from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.install import activate, install, rollback
from rigsight.edge.bundle.start import start_bundle
from rigsight.edge.bundle.store import Store

step, how, ready, bundle, out = sys.argv[1:]
ROOM = ("os.mkdir", "os.rename", "os.link")
OTHERS = ("os.remove", "os.rmdir", "os.chmod", "os.scandir", "os.listdir")
ERRORS = {"full": (28, "No space left on device"), "failing": (5, "Input/output error")}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def work(store):
    if step == "install":
        install(store, bundle)
    elif step == "activate":
        activate(store, "tiny", lambda _: None)
    elif step == "rollback":
        rollback(store, "tiny")
    else:
        with start_bundle("installed:tiny", store=store.folder) as start:
            start.masked()


def dying_at(number, folder):
    def hook(event, arguments):
        global count
        if event == "open":
            path, _, flags = arguments
            counts = isinstance(path, str) and folder in path and (how != "full" or flags & WRITES)
        else:
            counts = event.startswith(ROOM) or how != "full" and event.startswith(OTHERS)
        if counts:
            count += 1
        if counts and count == number:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(*ERRORS[how])

    return hook


number, said, count = 0, [], 0
while True:
    number += 1
    folder = os.path.join(out, str(number))
    shutil.copytree(ready, folder, symlinks=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        line = "done"
        try:
            store = Store(folder)
            sys.addaudithook(dying_at(number, folder))
            work(store)
        except RigsightError as error:
            line = error.line()
        except BaseException as error:
            line = repr(error)
        os.write(writer, json.dumps([count >= number, line]).encode())
        os._exit(0)
    os.close(writer)
    answer = os.fdopen(reader).read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) != bool(answer)
    met, line = json.loads(answer) if answer else (True, "killed")
    said.append(line)
    if not met:
        break
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("releases")
    return {number: small_bundles.release(folder / f"r{number}", number) for number in (1, 2, 3)}


@pytest.fixture
def ready(tmp_path: Path, releases: dict[int, Path]) -> Path:
    """2 is active after three failed starts, 1 is the way back, 3 waits."""
    store = Store(tmp_path / "ready")
    for number in (1, 2):
        install(store, releases[number])
        activate(store, "tiny", lambda _: None)
        if number == 1:
            with start_bundle("installed:tiny", store=store.folder) as start:
                start.masked()
    install(store, releases[3])
    return store.folder


def drive(step: str, how: str, ready: Path, bundle: Path, out: Path) -> list[str]:
    out.mkdir()
    command = [sys.executable, "-c", DRIVER, step, how, *map(str, (ready, bundle, out))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


def state(store: Store) -> tuple[int | None, ...]:
    """Releases in current, previous, staged; every one is whole."""
    slots = store.slots("tiny")
    for slot in slots.slots():
        assert store.open("tiny", slot).spec.release == slot.release
    return tuple(
        None if slot is None else slot.release for slot in (slots.current, slots.previous, slots.staged)
    )


EXPECTED = {
    "install": ((2, 1, 3), (2, 1, 4)),
    "activate": ((2, 1, 3), (3, 1, None)),
    "rollback": ((2, 1, 3), (1, None, 3)),
    "start": ((2, 1, 3), (1, None, 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("step", list(EXPECTED))
@pytest.mark.parametrize("how", ["kill", "full", "failing"])
def test_at_any_moment_there_is_a_whole_active_bundle(
    step: str, how: str, ready: Path, releases: dict[int, Path], tmp_path: Path
) -> None:
    before, after = EXPECTED[step]
    if step == "start":
        for _ in range(3):
            begin_start(Store(ready), "tiny")[1].fail()
    bundle, newer = (small_bundles.release(tmp_path / f"r{number}", number) for number in (4, 5))
    said = drive(step, how, ready, bundle, tmp_path / "out")
    assert len(said) > 5
    seen = set()
    for number, line in enumerate(said, 1):
        store = Store(tmp_path / "out" / str(number))
        where = state(store)
        seen.add(where)
        assert where in (before, after), f"call {number}: {line}"
        if how == "full":
            assert line == "done" or line.startswith("IO-001: No space left on device"), line
        if how == "failing":
            assert line == "done" or re.match(r"(IO-001|BND-0\d\d): .*Input/output error", line), line
        if how != "kill" or number % 2:
            continue
        # And all goes on as if nothing had been.
        with start_bundle("installed:tiny", store=store.folder) as start:
            start.masked()
        install(store, newer)
        inside = store.folder / "tiny"
        assert sorted(path.name for path in inside.iterdir()) == ["lock", "slots", "starts", "state.yaml"]
        assert list((inside / "starts").iterdir()) == []
        slots = store.slots("tiny").slots()
        assert {path.name for path in (inside / "slots").iterdir()} == {slot.folder for slot in slots}
    assert seen == {before, after}
    assert said[-1] == "done"


@pytest.mark.slow
def test_a_first_installation_that_is_killed_can_be_repeated(
    releases: dict[int, Path], tmp_path: Path
) -> None:
    (tmp_path / "ready").mkdir()
    said = drive("install", "kill", tmp_path / "ready", releases[1], tmp_path / "out")
    for number in range(1, len(said) + 1):
        store = Store(tmp_path / "out" / str(number))
        assert state(store) in ((None, None, None), (None, None, 1))
        install(store, releases[1])
        activate(store, "tiny", lambda _: None)
        assert state(store) == (1, None, None)
