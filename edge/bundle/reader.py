"""Opening a bundle: a folder or one zip, every byte checked against bundle.yaml before it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigsight.base.schema import parse_model, parse_yaml
from rigsight.edge import codes
from rigsight.edge.bundle.contract import check_contract, graph_size
from rigsight.edge.bundle.keys import PublicKey
from rigsight.edge.bundle.signature import check_signature
from rigsight.edge.bundle.spec import BundleSpec, Part
from rigsight.edge.bundle.storage import SIGNATURE_FILE, SPEC_FILE, Storage, ZipStorage, open_storage
from rigsight.edge.bundle.zip_layout import check_layout

UNLISTED = (SPEC_FILE, SIGNATURE_FILE)
VERSION = 1


@dataclass(frozen=True)
class Bundle:
    """An open, verified bundle. Make it with :func:`open_bundle`; ``trust``: the key it was checked with."""

    spec: BundleSpec
    storage: Storage
    sha256: str
    trust: PublicKey | None = None

    @property
    def path(self) -> Path:
        """The folder or zip it was opened from."""
        return self.storage.path

    @property
    def id(self) -> str:
        """``name-release-`` and the first twelve digits of bundle.yaml's sha256."""
        return f"{self.spec.name}-{self.spec.release}-{self.sha256[:12]}"

    @property
    def signed(self) -> bool:
        """Whether it has a SIGNATURE; by whom is known only where ``trust`` is not None."""
        return SIGNATURE_FILE in self.storage.sizes

    def description(self) -> bytes:
        """The bytes of bundle.yaml, verified again. Raises RigsightError BND-003 when they changed."""
        data = self.storage.read(SPEC_FILE)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise codes.BUNDLE_ALTERED(f"'{SPEC_FILE}' changed since it was opened", where=self.path)
        return data

    def read(self, path: str) -> bytes:
        """A listed file, verified again, so that the bytes used are the bytes that were promised.

        Raises:
            RigsightError: BND-003 when it is not listed, missing or altered.
        """
        if path not in self.spec.files:
            raise codes.BUNDLE_ALTERED(f"'{path}' is not listed in bundle.yaml", where=self.path)
        if path not in self.storage.sizes:
            raise codes.BUNDLE_ALTERED(f"'{path}' is missing", where=self.path)
        data = self.storage.read(path)
        if hashlib.sha256(data).hexdigest() != self.spec.files[path]:
            raise codes.BUNDLE_ALTERED(f"'{path}' is not the file that was exported", where=self.path)
        return data

    def part(self, name: str = "main") -> Part:
        """One graph's description. Raises RigsightError BND-006 for a part it does not have."""
        for part in self.spec.parts:
            if part.name == name:
                return part
        raise codes.VARIANT_MISSING(f"there is no part '{name}'", where=self.path)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the main graph's pictures."""
        return graph_size(self.part())


def open_bundle(path: str | Path, trust: PublicKey | None = None) -> Bundle:
    """Open a bundle and verify all of it: schema, graph contract, the sha256 of every file, nothing unlisted.

    With ``trust`` only a bundle signed with that key opens, and not a byte of it may differ from what was
    signed; its signature is checked before anything in it is parsed.

    Raises:
        RigsightError: BND-001 unreadable, BND-002 another schema, BND-003 altered, missing or unlisted
            files, BND-004 tensors or classes that break the graph contract; with ``trust`` BND-020 unsigned,
            BND-021 signed by another key, BND-024 without the package for it.
    """
    return read_bundle(open_storage(Path(path)), trust)


def read_bundle(storage: Storage, trust: PublicKey | None = None) -> Bundle:
    """Verify what lies in ``storage``. Raises as :func:`open_bundle`."""
    path = storage.path
    if SPEC_FILE not in storage.sizes:
        raise codes.BUNDLE_UNREADABLE(f"there is no {SPEC_FILE} in it", where=path)
    text = storage.read(SPEC_FILE)
    if trust is not None:
        check_signature(storage, text, trust)
        if isinstance(storage, ZipStorage):
            check_layout(path, storage.sizes, storage.read)
    data = parse_yaml(text, codes.BUNDLE_SCHEMA, where=path / SPEC_FILE)
    _check_version(data, path)
    spec = parse_model(data, BundleSpec, codes.BUNDLE_SCHEMA, where=path / SPEC_FILE)
    check_contract(spec, where=path)
    unlisted = sorted(set(storage.sizes) - set(spec.files) - set(UNLISTED))
    if unlisted:
        raise codes.BUNDLE_ALTERED(f"'{unlisted[0]}' is not listed in bundle.yaml", where=path)
    bundle = Bundle(spec, storage, hashlib.sha256(text).hexdigest(), trust)
    for name in spec.files:
        bundle.read(name)
    return bundle


def _check_version(data: Any, path: Path) -> None:
    version = data.get("version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise codes.BUNDLE_SCHEMA(
            f"it has schema version {version}, this release reads {VERSION}",
            where=path / SPEC_FILE,
            fix="Update rigsight, or export the checkpoint with this release.",
        )
