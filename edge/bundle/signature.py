"""SIGNATURE: 64 bytes, ed25519 over the bytes of bundle.yaml, which holds the sha256 of every other file."""

from __future__ import annotations

from rigsight.edge import codes
from rigsight.edge.bundle.keys import PublicKey
from rigsight.edge.bundle.storage import SIGNATURE_FILE, Storage

SIGNATURE_BYTES = 64


def check_signature(storage: Storage, description: bytes, trust: PublicKey) -> None:
    """Check that whoever holds ``trust``'s private half signed ``description``, the bytes of bundle.yaml.

    Raises:
        RigsightError: BND-020 unsigned, BND-021 signed by another key, or altered since, BND-024 without
            the package for it.
    """
    if SIGNATURE_FILE not in storage.sizes:
        raise codes.BUNDLE_UNSIGNED(
            "only signed bundles are trusted and it has no SIGNATURE", where=storage.path
        )
    size = storage.sizes[SIGNATURE_FILE]
    if size != SIGNATURE_BYTES:
        raise codes.SIGNATURE_WRONG(f"SIGNATURE has {size} bytes, not {SIGNATURE_BYTES}", where=storage.path)
    if not trust.verifies(storage.read(SIGNATURE_FILE), description):
        raise codes.SIGNATURE_WRONG(
            f"bundle.yaml or SIGNATURE was altered, or another key than {trust.fingerprint} signed",
            where=storage.path,
        )
