"""Writing a bundle: a folder, or one zip, whole or not at all. Needs no torch."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from rigsight.base.files import atomic_folder, atomic_path, make_folder
from rigsight.edge.bundle.contract import check_contract
from rigsight.edge.bundle.spec import BundleSpec
from rigsight.edge.bundle.storage import SPEC_FILE

# Zips of the same content are the same bytes, whenever they are written.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def listed(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> sha256, sorted by path: what ``BundleSpec.files`` holds."""
    return {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}


def write_bundle(out: str | Path, spec: BundleSpec, files: Mapping[str, bytes]) -> None:
    """Write ``files`` and bundle.yaml to ``out``: one zip where it ends in .zip, else a folder.

    Raises:
        RigsightError: BND-004 when the description breaks the graph contract, IO-001 when it cannot be
            written; nothing is left under the final name then.
        ValueError: ``spec.files`` does not list exactly ``files``.
    """
    out = Path(out)
    if spec.files != listed(files):
        raise ValueError("spec.files must list exactly the files that are written")
    check_contract(spec, where=out)
    content = {SPEC_FILE: spec.to_yaml().encode(), **files}
    if out.suffix == ".zip":
        make_folder(out.parent)
        with atomic_path(out) as temporary:
            _write_zip(temporary, content)
        return
    with atomic_folder(out) as folder:
        for path, data in content.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _write_zip(path: Path, content: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)
