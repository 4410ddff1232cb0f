"""The one zip that a signed bundle may be: written here, and compared byte for byte when it is trusted.

A zip has bytes that change no file in it: times, rights, extra fields, comments, gaps. So a signed zip must
be exactly what :func:`pieces` makes of its files: stored one after the other without compression (networks
hardly shrink, and no two versions of zlib need to agree), headers without a free bit, nothing before, between
or after. With the signature over bundle.yaml and the sha256 of every file, no byte of it can change unseen.

Layout: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its end).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.bundle.storage import SIGNATURE_FILE, SPEC_FILE

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_NEEDS = 10  # version 1.0: stored files
_MADE_BY = 3 << 8 | 30  # unix, version 3.0
_UTF8 = 1 << 11
_STORED = 0
_MIDNIGHT, _NEW_YEAR_1980 = 0, 1 << 5 | 1
_RIGHTS = 0o100644 << 16
_CHUNK = 1 << 20


def order(names: Iterable[str]) -> list[str]:
    """The order in which files lie in a signed zip: bundle.yaml, SIGNATURE, the others by name.

    >>> order(["golden.npz", "SIGNATURE", "bundle.yaml", "eval/1.png"])
    ['bundle.yaml', 'SIGNATURE', 'eval/1.png', 'golden.npz']
    """
    first = (SPEC_FILE, SIGNATURE_FILE)
    names = set(names)
    return [name for name in first if name in names] + sorted(names.difference(first))


def pieces(names: Iterable[str], read: Callable[[str], bytes]) -> Iterator[bytes]:
    """The zip of the files ``names``, piece by piece; ``read`` gives a file's bytes, one file at a time.

    >>> import io, zipfile
    >>> data = b"".join(pieces(["b", "a"], {"a": b"1", "b": b"23"}.__getitem__))
    >>> [(each.filename, each.file_size) for each in zipfile.ZipFile(io.BytesIO(data)).infolist()]
    [('a', 1), ('b', 2)]
    """
    directory, offset, count = [], 0, 0
    for name in order(names):
        data, path = read(name), name.encode()
        about = (_UTF8, _STORED, _MIDNIGHT, _NEW_YEAR_1980, zlib.crc32(data), len(data), len(data), len(path))
        yield _LOCAL.pack(b"PK\3\4", _NEEDS, *about, 0) + path
        yield data
        directory.append(
            _CENTRAL.pack(b"PK\1\2", _MADE_BY, _NEEDS, *about, 0, 0, 0, 0, _RIGHTS, offset) + path
        )
        offset += _LOCAL.size + len(path) + len(data)
        count += 1
    listing = b"".join(directory)
    yield listing
    yield _END.pack(b"PK\5\6", 0, 0, count, count, len(listing), offset, 0)


def check_layout(path: Path, names: Iterable[str], read: Callable[[str], bytes]) -> None:
    """Compare the zip at ``path`` with the one that its files must make.

    Raises:
        RigsightError: BND-001 when it cannot be read, BND-003 where the first byte differs.
    """
    try:
        with path.open("rb") as file:
            for piece in pieces(names, read):
                for start in range(0, len(piece), _CHUNK):
                    wanted = piece[start : start + _CHUNK]
                    if file.read(len(wanted)) != wanted:
                        raise _altered(path)
            if file.read(1):
                raise _altered(path)
    except OSError as error:
        raise codes.BUNDLE_UNREADABLE(error.strerror or str(error), where=path) from error


def _altered(path: Path) -> Exception:
    return codes.BUNDLE_ALTERED(
        "the zip itself is not as 'rigsight bundle sign' wrote it",
        where=path,
        fix="Copy it again. A signed folder that was zipped by hand must be unpacked; its signature holds.",
    )
