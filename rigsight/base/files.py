"""Files appear under their final name whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rigsight.base.errors import ENVIRONMENT, RigsightError, define

CANNOT_WRITE = define(
    "IO-001",
    "An output cannot be written",
    "Check that the folder exists, is writable and that the disk has room.",
    ENVIRONMENT,
)


def cannot_write(error: OSError, where: str | Path) -> RigsightError:
    """The error for an OSError met while writing ``where``."""
    return CANNOT_WRITE(error.strerror or str(error), where=where)


def make_folder(folder: str | Path) -> Path:
    """Create ``folder`` and its parents. Raises IO-001 where that is not possible."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(error, path) from error
    if not os.access(path, os.W_OK):
        raise CANNOT_WRITE("the folder is not writable", where=path)
    return path


@contextlib.contextmanager
def atomic_path(final: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``final``; it is renamed on success and removed on any failure.

    The temporary name keeps the suffix of ``final`` (encoders choose their format by it). Raises IO-001
    for any OSError of the body, a full disk included.
    """
    final = Path(final)
    try:
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=final.suffix, dir=final.parent)
    except OSError as error:
        raise cannot_write(error, final) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, final)
    except OSError as error:
        raise cannot_write(error, final) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(final: str | Path, data: bytes) -> None:
    """Write ``data`` to ``final`` atomically. Raises IO-001."""
    with atomic_path(final) as temporary:
        temporary.write_bytes(data)


def write_text(final: str | Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``final`` atomically. Raises IO-001."""
    write_bytes(final, text.encode())


@contextlib.contextmanager
def atomic_folder(final: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``final`` that takes its place when the body succeeds.

    A folder that was there before is replaced only then. Raises IO-001.
    """
    final = Path(final)
    make_folder(final.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".part-{final.name}-", dir=final.parent))
    except OSError as error:
        raise cannot_write(error, final) from error
    old = Path(f"{temporary}.old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if final.exists():
            os.replace(final, old)
        os.replace(temporary, final)
    except OSError as error:
        if old.exists() and not final.exists():
            os.replace(old, final)
        raise cannot_write(error, final) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
