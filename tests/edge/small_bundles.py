"""Bundles and keys for the tests of signing and installing, made from the tiny bundle."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import yaml

from rigsight.base.files import cannot_write
from rigsight.edge.bundle.keys import PublicKey, load_public_key
from rigsight.edge.bundle.reader import open_bundle
from rigsight.export.signing import make_keys, public_path, sign_bundle
from rigsight.export.writer import write_bundle

TINY = Path(__file__).parent / "data" / "tiny_bundle"


def release(out: Path, number: int, key: Path | None = None, **changes: object) -> Path:
    """The tiny bundle as another release, as a folder or zip, signed where a key is given."""
    tiny = open_bundle(TINY)
    spec = tiny.spec.model_copy(update={"release": number, **changes})
    write_bundle(out, spec, {name: tiny.read(name) for name in spec.files})
    if key is not None:
        sign_bundle(out, key)
    return out


def broken_release(out: Path, number: int) -> Path:
    """A release whose graph is no graph: every start of it fails."""
    shutil.copytree(TINY, out)
    return edited(out, "graphs/main.fp32.onnx", b"no graph", number)


def wrong_release(out: Path, number: int) -> Path:
    """A release whose golden file expects what the graph does not give."""
    from rigsight.edge.bundle.golden import Golden

    golden = Golden.from_bytes((TINY / "golden.npz").read_bytes())
    masks = tuple(2 - mask for mask in golden.masks)
    data = Golden(golden.rgb, golden.thermal, golden.rigs, golden.scenes, masks, golden.fused).to_bytes()
    shutil.copytree(TINY, out)
    return edited(out, "golden.npz", data, number)


def edited(bundle: Path, name: str, data: bytes, number: int) -> Path:
    """Replace a listed file and what bundle.yaml says of it."""
    text = yaml.safe_load((bundle / "bundle.yaml").read_text())
    text["files"][name] = hashlib.sha256(data).hexdigest()
    text["release"] = number
    (bundle / "bundle.yaml").write_text(yaml.safe_dump(text))
    (bundle / name).write_bytes(data)
    return bundle


def keys(folder: Path, name: str = "fleet") -> tuple[Path, PublicKey]:
    """A new private key's path, and the public key."""
    private = folder / f"{name}.pem"
    make_keys(private)
    return private, load_public_key(public_path(private))


def full_disk(*_: object) -> None:
    """In place of a write: what it raises when the disk is full."""
    raise cannot_write(OSError(28, "No space left on device"), "the disk")
