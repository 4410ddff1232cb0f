"""Files appear whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.base.files import atomic_folder, atomic_path, make_folder, write_text


def test_success_puts_the_file_in_place(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "two"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failing_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "bundle") as part:
        (part / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "bundle") as part:
        (part / "x").write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "bundle" / "x").read_text() == "old"
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_folder_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    for name in ("x", "y"):
        with atomic_folder(tmp_path / "bundle") as part:
            (part / name).write_text(name)
    assert os.listdir(tmp_path / "bundle") == ["y"]


def test_a_killed_writer_leaves_no_final_file(tmp_path: Path) -> None:
    final = tmp_path / "a.bin"
    code = (
        "import sys, time\n"
        "from rigsight.base.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as part:\n"
        "    part.write_bytes(b'half'); print('writing', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(final)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    time.sleep(0.01)
    assert not final.exists()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (
        lambda: make_folder(tmp_path / "file" / "below"),
        lambda: write_text(tmp_path / "file" / "a.txt", ""),
        lambda: write_text(tmp_path / "nowhere" / "a.txt", ""),
    ):
        with pytest.raises(RigsightError, match="IO-001") as caught:
            attempt()
        assert caught.value.exit_code == 1


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    """A file-size limit stands in for a full disk: both are an OSError in the middle of writing."""
    code = (
        "import resource, signal, sys\n"
        "from rigsight.base.files import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_bytes(sys.argv[1], bytes(100_000))\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    final = tmp_path / "a.bin"
    done = subprocess.run([sys.executable, "-c", code, str(final)], capture_output=True, text=True)
    assert done.stdout.startswith("IO-001: File too large")
    assert os.listdir(tmp_path) == []
