"""Where a bundle's bytes lie: a folder or one zip. Nothing is ever unpacked to disk."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rigsight.edge import codes

SPEC_FILE = "bundle.yaml"
SIGNATURE_FILE = "SIGNATURE"
MAX_FILES = 1000
MAX_TOTAL_BYTES = 2 << 30
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# All that zipfile raises on altered bytes; ValueError is a name that is no UTF-8, or a seek before byte 0.
_ZIP_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class Storage(Protocol):
    """Files by their path inside the bundle."""

    path: Path
    sizes: dict[str, int]

    def read(self, name: str) -> bytes:
        """The whole file. Raises RigsightError BND-001 or BND-003."""


class FolderStorage:
    """A folder of plain files; links are refused, so that nothing outside it is read."""

    def __init__(self, path: Path) -> None:
        """List the folder. Raises RigsightError BND-001 or BND-003."""
        self.path = path
        self.sizes: dict[str, int] = {}
        if not (path / SPEC_FILE).is_file():
            raise codes.BUNDLE_UNREADABLE(f"there is no {SPEC_FILE} in it", where=path)
        for folder, subfolders, names in os.walk(path, onerror=self._fail):
            for name in [*subfolders, *names]:
                inside = Path(folder, name)
                mode = inside.lstat().st_mode
                relative = inside.relative_to(path).as_posix()
                if stat.S_ISREG(mode):
                    self.sizes[relative] = inside.lstat().st_size
                elif not stat.S_ISDIR(mode):
                    raise codes.BUNDLE_ALTERED(f"'{relative}' is a link or device, not a file", where=path)
        _check_totals(self.sizes, path)

    def read(self, name: str) -> bytes:
        """See :class:`Storage`."""
        try:
            with (self.path / name).open("rb") as file:
                data = file.read(self.sizes[name] + 1)
        except OSError as error:
            raise codes.BUNDLE_UNREADABLE(error.strerror or str(error), where=self.path / name) from error
        if len(data) != self.sizes[name]:
            raise codes.BUNDLE_ALTERED(f"'{name}' changed while it was read", where=self.path)
        return data

    def _fail(self, error: OSError) -> None:
        raise codes.BUNDLE_UNREADABLE(error.strerror or str(error), where=self.path) from error


class ZipStorage:
    """One zip, read member by member, never beyond the size its directory declares."""

    def __init__(self, path: Path) -> None:
        """Read the zip's directory. Raises RigsightError BND-001 or BND-003."""
        self.path = path
        self.sizes: dict[str, int] = {}
        try:
            self._zip = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise codes.BUNDLE_UNREADABLE(f"it is not a whole zip ({error})", where=path) from error
        for member in self._zip.infolist():
            if member.is_dir():
                continue
            name = member.filename
            if name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name:
                raise codes.BUNDLE_ALTERED(f"the path '{name}' leaves the bundle", where=path)
            if name in self.sizes:
                raise codes.BUNDLE_ALTERED(f"'{name}' is in the zip twice", where=path)
            if member.flag_bits & 1:
                raise codes.BUNDLE_UNREADABLE(f"'{name}' is encrypted", where=path)
            if member.compress_type not in _COMPRESSIONS:
                raise codes.BUNDLE_UNREADABLE(f"'{name}' is packed in a way that is not read", where=path)
            self.sizes[name] = member.file_size
        _check_totals(self.sizes, path)

    def read(self, name: str) -> bytes:
        """See :class:`Storage`."""
        try:
            with self._zip.open(name) as member:
                data = member.read(self.sizes[name] + 1)
        except _ZIP_ERRORS as error:
            raise codes.BUNDLE_ALTERED(f"'{name}' cannot be unpacked ({error})", where=self.path) from error
        if len(data) != self.sizes[name]:
            raise codes.BUNDLE_ALTERED(f"'{name}' is not as long as the zip says", where=self.path)
        return data


class MemoryStorage:
    """Files that are not on disk yet: export judges a bundle before it writes one."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.path = Path("the new bundle")
        self._files = dict(files)
        self.sizes = {name: len(data) for name, data in files.items()}

    def read(self, name: str) -> bytes:
        """See :class:`Storage`."""
        return self._files[name]


def open_storage(path: Path) -> Storage:
    """A folder or a zip. Raises RigsightError BND-001 where it is neither."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise codes.BUNDLE_UNREADABLE("there is no bundle", where=path) from error
    try:
        return FolderStorage(path) if stat.S_ISDIR(mode) else ZipStorage(path)
    except OSError as error:
        raise codes.BUNDLE_UNREADABLE(error.strerror or str(error), where=path) from error


def _check_totals(sizes: dict[str, int], path: Path) -> None:
    if len(sizes) > MAX_FILES:
        raise codes.BUNDLE_UNREADABLE(f"it holds more than {MAX_FILES} files", where=path)
    if sum(sizes.values()) > MAX_TOTAL_BYTES:
        raise codes.BUNDLE_UNREADABLE("its files take more than 2 GiB", where=path)
