"""``rigsight bundle keygen`` and ``sign``: where bundles are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KEYGEN_EXAMPLE = "Example: rigsight bundle keygen keys/fleet.pem"
SIGN_EXAMPLE = "Example: rigsight bundle sign out/bundle --key keys/fleet.pem"


def keygen(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="The new private key, such as fleet.pem.")],
) -> None:
    """Make a pair of keys: KEY signs and stays secret, the .pub.pem beside it goes to the robots.

    Neither is ever overwritten.
    """
    from rigsight.export.signing import make_keys, public_path

    made = make_keys(key)
    print(f"{key}: the private key; keep it secret and keep a copy")
    print(f"{public_path(key)}: the public key {made.fingerprint}, for --trust")


def sign(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or zip.")],
    key: Annotated[Path, typer.Option(metavar="KEY", help="The private key, readable by you alone.")],
) -> None:
    """Sign a bundle in place, once every byte of it was found as exported.

    A folder gets the file SIGNATURE; a zip is written again, uncompressed.
    """
    from rigsight.export.signing import sign_bundle

    signed = sign_bundle(path, key)
    assert signed.trust is not None
    print(f"{signed.id}: signed with the key {signed.trust.fingerprint}")
