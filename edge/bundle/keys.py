"""Public keys: what a machine needs to know whose bundles it runs. Private ones are the export room's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.edge import codes

KEY_BYTES = 32
MAX_PEM_BYTES = 1 << 16


@dataclass(frozen=True)
class PublicKey:
    """An ed25519 public key (RFC 8032, section 5.1): 32 bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """The first 16 digits of the key's sha256, to compare by eye or telephone.

        >>> PublicKey(bytes(32)).fingerprint
        '66687aadf862bd77'
        """
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether ``signature`` (64 bytes) was made over ``data`` with the private half.

        Raises:
            RigsightError: BND-024 without the package for it.
        """
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError as error:
            raise signing_missing() from error
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


def load_public_key(path: str | Path) -> PublicKey:
    """Read a public key from its PEM file.

    Raises:
        RigsightError: BND-022 for anything but an ed25519 public key, BND-024 without the package for it.
    """
    path = Path(path)
    data = read_pem(path)
    if b"PRIVATE KEY" in data:
        raise codes.KEY_UNUSABLE(
            "this is a private key",
            where=path,
            fix="Give the public one (.pub.pem); the private one stays where bundles are signed.",
        )
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise signing_missing() from error
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise codes.KEY_UNUSABLE("it is not a public key in PEM", where=path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise codes.KEY_UNUSABLE("it is a public key of another kind than ed25519", where=path)
    return PublicKey(key.public_bytes_raw())


def read_pem(path: Path) -> bytes:
    """The bytes of a key file. Raises RigsightError BND-022 where there is none or it is no text of a key."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise codes.KEY_UNUSABLE(error.strerror or str(error), where=path) from error
    if len(data) > MAX_PEM_BYTES or b"-----BEGIN " not in data:
        raise codes.KEY_UNUSABLE("it is not a key in PEM", where=path)
    return data


def signing_missing() -> RigsightError:
    """The error for a machine without the package ``cryptography``."""
    return codes.SIGNING_MISSING("the package 'cryptography' is not installed")
