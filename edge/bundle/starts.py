"""Starts of installed bundles that came to no mask yet: a small file each, locked while its process lives.

The kernel lets go of the lock when a process ends, however it ends, so that a file which nobody holds is a
failed start. Robots start one bundle for several cameras at once; a start that is under way is no failure.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.base.files import cannot_write, make_folder
from rigsight.edge.bundle.durable import sync_folder

MAX_REMEMBERED = 100  # a robot with no way back may try for months
_MARK = "~"


class Attempt:
    """One start that is under way. Settle it, or leave it to count as failed when this process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle

    def settle(self) -> None:
        """It came to a mask, or ended for another reason: it is no failure. Raises RigsightError IO-001."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(error, self._path) from error
        finally:
            self.fail()

    def fail(self) -> None:
        """Let go: from now on it counts as failed, unless it was settled."""
        with contextlib.suppress(OSError):
            os.close(self._handle)


class Starts:
    """The starts of one name's slots. To be used while its lock is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, slot: str) -> Attempt:
        """Write down that ``slot`` is about to start, so that even a power cut remembers it.

        Raises:
            RigsightError: IO-001.
        """
        make_folder(self._folder)
        before = {int(path.name.rpartition(_MARK)[2]): path for path in self._of(slot)}
        for number in sorted(before)[:-MAX_REMEMBERED]:
            with contextlib.suppress(OSError):
                before[number].unlink(missing_ok=True)
        path = self._folder / f"{slot}{_MARK}{max(before, default=0) + 1}"
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise cannot_write(error, path) from error
        attempt = Attempt(path, handle)
        try:
            lock(handle)
            sync_folder(self._folder)
        except RigsightError:
            with contextlib.suppress(RigsightError):
                attempt.settle()
            raise
        return attempt

    def failed(self, slot: str) -> int:
        """Starts of ``slot`` without a mask whose process is gone, since the last mask."""
        return sum(not _is_held(path) for path in self._of(slot))

    def forgive(self, slot: str) -> None:
        """Forget the failed starts of ``slot``. Raises RigsightError IO-001."""
        for path in self._of(slot):
            if not _is_held(path):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise cannot_write(error, path) from error

    def keep_only(self, slots: set[str]) -> None:
        """Forget the starts of every other slot. Raises OSError."""
        for path in self._folder.glob(f"*{_MARK}*"):
            if path.name.rpartition(_MARK)[0] not in slots:
                path.unlink(missing_ok=True)

    def _of(self, slot: str) -> list[Path]:
        try:
            names = os.listdir(self._folder)
        except OSError:  # nothing was ever started, or the disk fails: then there are other errors to come
            return []
        split = [name.rpartition(_MARK) for name in names]
        return [self._folder / f"{of}{mark}{n}" for of, mark, n in split if of == slot and n.isdecimal()]


def lock(handle: int, wait: bool = True) -> bool:
    """Hold an open file for this process alone; False where another does and ``wait`` is False.

    Raises:
        RigsightError: IO-001 where the file system has no locks.
    """
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise cannot_write(error, "the lock") from error
    return True


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # it was settled this moment
    except OSError:
        return False
    try:
        return not lock(handle, wait=False)
    finally:
        os.close(handle)
