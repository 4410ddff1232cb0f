"""Signing a bundle, and making the keys for it. Needs no torch.

The private key stays where bundles are signed; robots get the public one (``rigsight.edge.bundle.keys``).
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rigsight.base.files import atomic_path, cannot_write, make_folder, write_bytes
from rigsight.edge import codes
from rigsight.edge.bundle.keys import PublicKey, read_pem, signing_missing
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.storage import SIGNATURE_FILE, SPEC_FILE, ZipStorage
from rigsight.edge.bundle.zip_layout import pieces

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def public_path(private: str | Path) -> Path:
    """Where the public half of a private key lies.

    >>> public_path("keys/fleet.pem").as_posix()
    'keys/fleet.pub.pem'
    """
    private = Path(private)
    return private.with_name(f"{private.stem}.pub{private.suffix or '.pem'}")


def make_keys(private: str | Path) -> PublicKey:
    """Write a new private key (PKCS #8, mode 0600) and beside it its public half; nothing is overwritten.

    Raises:
        RigsightError: BND-023 where one of the two exists, BND-024 without the package for it, IO-001.
    """
    try:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise signing_missing() from error
    private = Path(private)
    public = public_path(private)
    for path in (private, public):
        if os.path.lexists(path):
            raise codes.KEY_EXISTS("there is a file of that name", where=path)
    make_folder(private.parent)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    shown = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    _write_new(private, secret, 0o600)
    try:
        _write_new(public, shown, 0o644)
    except BaseException:
        private.unlink(missing_ok=True)  # nobody has it yet
        raise
    return PublicKey(key.public_key().public_bytes_raw())


def load_private_key(path: str | Path) -> Ed25519PrivateKey:
    """Read a private key that nobody else may read.

    Raises:
        RigsightError: BND-022 for anything but an unencrypted ed25519 private key of mode 0600 or less,
            BND-024 without the package for it.
    """
    path = Path(path)
    data = read_pem(path)
    if b"PUBLIC KEY" in data:
        raise codes.KEY_UNUSABLE("this is a public key", where=path, fix="Sign with the private one.")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise codes.KEY_UNUSABLE(
            f"others may read this private key (mode {mode:04o})",
            where=path,
            fix=f"Run 'chmod 600 {path}'; if somebody may have read it, make a new one.",
        )
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise signing_missing() from error
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise codes.KEY_UNUSABLE("the private key is locked with a password", where=path) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise codes.KEY_UNUSABLE("it is not a private key in PEM", where=path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise codes.KEY_UNUSABLE("it is a private key of another kind than ed25519", where=path)
    return key


def sign_bundle(path: str | Path, private: str | Path) -> Bundle:
    """Verify a bundle, sign its bundle.yaml, and return it as it opens with the public half.

    A folder gets the file SIGNATURE; a zip is written again, uncompressed (see ``zip_layout``). A signature
    that was there is replaced. Either happens whole or not at all.

    Raises:
        RigsightError: BND-001 … BND-004 for a bundle that is not whole, BND-022 for the key, BND-024, IO-001.
    """
    key = load_private_key(private)
    bundle = open_bundle(path)
    description = bundle.description()
    signature = key.sign(description)
    if isinstance(bundle.storage, ZipStorage):

        def read(name: str) -> bytes:
            own = {SPEC_FILE: description, SIGNATURE_FILE: signature}
            return own[name] if name in own else bundle.read(name)

        with atomic_path(bundle.path) as temporary, temporary.open("wb") as file:
            file.writelines(pieces((SPEC_FILE, SIGNATURE_FILE, *bundle.spec.files), read))
    else:
        write_bytes(bundle.path / SIGNATURE_FILE, signature)
    return open_bundle(path, PublicKey(key.public_key().public_bytes_raw()))


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet, whole or not at all; it never has more rights than ``mode``."""
    try:
        handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.link(name, path)  # unlike a rename, it fails where there is a file
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name)
    except FileExistsError as error:
        raise codes.KEY_EXISTS("there is a file of that name", where=path) from error
    except OSError as error:
        raise cannot_write(error, path) from error
