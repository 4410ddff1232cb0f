"""Files whose content will be run: only what this user wrote, where nobody else can write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rigsight.base.files import cannot_write
from rigsight.edge.engines import codes

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_root() -> Path:
    """``$RIGSIGHT_CACHE``, else ``rigsight`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    own = os.environ.get("RIGSIGHT_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rigsight"


def private_folder(path: Path) -> Path:
    """Make ``path`` and its parents, ``path`` itself for this user alone.

    Raises:
        RigsightError: IO-001 where that is not possible, ENG-005 where it is there and somebody else's.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, path) from error
    check_folder(path)
    return path


def check_folder(path: Path) -> None:
    """Raises RigsightError ENG-005 where somebody else owns ``path`` or may write in it."""
    _check(os.lstat(path), path, stat.S_ISDIR)


def read_trusted(path: Path, most: int) -> bytes:
    """The file's bytes, at most ``most``, its owner checked on the opened file itself.

    Raises:
        RigsightError: ENG-005 for a link, for somebody else's file and for one that others may write;
            ENG-004 where it cannot be read or is larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise codes.ENGINE_UNTRUSTED("it is a link", where=path) from error
        raise codes.ENGINE_BROKEN(error.strerror or str(error), where=path) from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _check(status, path, stat.S_ISREG)
        if status.st_size > most:
            raise codes.ENGINE_BROKEN(f"it has {status.st_size} bytes, expected {most}", where=path)
        try:
            return file.read(most)
        except OSError as error:
            raise codes.ENGINE_BROKEN(error.strerror or str(error), where=path) from error


def _check(status: os.stat_result, path: Path, kind: object) -> None:
    if not kind(status.st_mode):  # type: ignore[operator]
        raise codes.ENGINE_UNTRUSTED("it is a link or device", where=path)
    if status.st_uid != os.geteuid():
        raise codes.ENGINE_UNTRUSTED(f"it belongs to the user {status.st_uid}, not to you", where=path)
    if status.st_mode & _OTHERS_WRITE:
        raise codes.ENGINE_UNTRUSTED("others than you may write it", where=path)
