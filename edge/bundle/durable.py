"""Writing so that a power cut loses nothing: data reach the disk before the names that promise them."""

from __future__ import annotations

import os
from pathlib import Path

from rigsight.base.files import cannot_write, write_bytes


def write_durably(final: Path, data: bytes) -> None:
    """Replace ``final`` in one step that lasts. Raises RigsightError IO-001."""
    write_bytes(final, data)
    sync_folder(final.parent)


def sync_tree(folder: Path) -> None:
    """Bring every file and folder below to the disk. Raises OSError."""
    for path, _, names in os.walk(folder):
        for name in names:
            _sync(os.path.join(path, name))
        _sync(path)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk. Raises RigsightError IO-001."""
    try:
        _sync(folder)
    except OSError as error:
        raise cannot_write(error, folder) from error


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
