"""A trusted bundle is what was signed, to the last byte; keys are what they should be."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.keys import PublicKey, load_public_key
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.zip_layout import pieces
from rigsight.export.signing import make_keys, public_path, sign_bundle

_spec = importlib.util.spec_from_file_location("small_bundles", Path(__file__).with_name("small_bundles.py"))
assert _spec
assert _spec.loader
small_bundles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_bundles)
TINY, keys, release = small_bundles.TINY, small_bundles.keys, small_bundles.release
FLIPS = 1000
OTHER_FILES = ("bundle.yaml", "SIGNATURE", "golden.npz", "graphs/main.fp32.onnx")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PublicKey]:
    return keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path: Path, fleet: tuple[Path, PublicKey]) -> Path:
    copy = Path(shutil.copytree(TINY, tmp_path / "bundle"))
    sign_bundle(copy, fleet[0])
    return copy


@pytest.fixture
def archive(tmp_path: Path, fleet: tuple[Path, PublicKey]) -> Path:
    return release(tmp_path / "bundle.zip", 1, fleet[0])


def refused(path: Path, trust: PublicKey | None, pattern: str) -> None:
    with pytest.raises(RigsightError, match=pattern) as caught:
        open_bundle(path, trust)
    assert "\n" not in caught.value.line()
    assert caught.value.exit_code == 2


def test_a_signed_bundle_opens_with_its_key_and_without(
    folder: Path, archive: Path, fleet: tuple[Path, PublicKey]
) -> None:
    for path in (folder, archive):
        assert open_bundle(path, fleet[1]).trust == fleet[1]
        assert open_bundle(path).trust is None
        assert open_bundle(path).signed
    assert open_bundle(folder).spec == open_bundle(archive).spec
    assert (folder / "SIGNATURE").stat().st_size == 64


def test_the_signature_is_what_another_implementation_makes(
    folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    ours, theirs = folder / "SIGNATURE", tmp_path / "theirs"
    sign = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", fleet[0], "-in", folder / "bundle.yaml"]
    done = subprocess.run([*map(str, sign), "-out", str(theirs)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this openssl cannot sign with ed25519: {done.stderr.strip()}")
    assert ours.read_bytes() == theirs.read_bytes()


def test_one_changed_byte_in_any_file_of_a_folder_is_refused(
    folder: Path, fleet: tuple[Path, PublicKey]
) -> None:
    chance = random.Random(1)
    for name in OTHER_FILES:
        data = (folder / name).read_bytes()
        places = range(len(data)) if len(data) <= 64 else chance.sample(range(len(data)), 60)
        for place in places:
            changed = bytearray(data)
            changed[place] ^= 1 << chance.randrange(8)
            (folder / name).write_bytes(changed)
            refused(folder, fleet[1], "BND-0(03|21)")
        (folder / name).write_bytes(data)
    open_bundle(folder, fleet[1])


def header_places(data: bytes, archive: Path) -> Iterator[int]:
    """Every byte of the zip that is not in a file."""
    inside: set[int] = set()
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            start = member.header_offset + 30 + len(member.filename)
            inside.update(range(start, start + member.file_size))
    return (place for place in range(len(data)) if place not in inside)


def test_one_changed_byte_anywhere_in_a_zip_is_refused(archive: Path, fleet: tuple[Path, PublicKey]) -> None:
    chance = random.Random(2)
    data = archive.read_bytes()
    headers = list(header_places(data, archive))
    assert len(headers) == 4 * (30 + 46) + 2 * sum(map(len, OTHER_FILES)) + 22
    random_places = [chance.randrange(len(data)) for _ in range(FLIPS)]
    for place in [*headers, *random_places]:
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        archive.write_bytes(changed)
        refused(archive, fleet[1], "BND-0")
    archive.write_bytes(data)
    open_bundle(archive, fleet[1])


@pytest.mark.slow
def test_every_bit_of_every_header_counts(archive: Path, fleet: tuple[Path, PublicKey]) -> None:
    data = archive.read_bytes()
    for place in header_places(data, archive):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            archive.write_bytes(changed)
            refused(archive, fleet[1], "BND-0")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\0",
        lambda data: b"\0" + data,
        lambda data: data[:-1],
        lambda data: data[:-2] + b"\1\0!",  # a comment of one byte
        lambda data: data[:40] + b"\0" + data[40:],
    ],
)
def test_bytes_before_after_and_between_are_refused(
    change: object, archive: Path, fleet: tuple[Path, PublicKey]
) -> None:
    assert callable(change)
    archive.write_bytes(change(archive.read_bytes()))
    refused(archive, fleet[1], "BND-00[13]")


def test_other_zips_of_the_same_files_are_refused_and_say_what_to_do(
    folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    by_hand = tmp_path / "by_hand.zip"
    with zipfile.ZipFile(by_hand, "w", zipfile.ZIP_DEFLATED) as made:
        for name in OTHER_FILES:
            made.write(folder / name, name)
    assert open_bundle(by_hand).signed
    refused(by_hand, fleet[1], "BND-003.*zipped by hand must be unpacked")
    reordered = tmp_path / "reordered.zip"
    with zipfile.ZipFile(reordered, "w") as made:
        for name in reversed(OTHER_FILES):
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), (folder / name).read_bytes())
    refused(reordered, fleet[1], "BND-003.*the zip itself")


def test_two_signed_zips_are_the_same_bytes_and_unpack_to_the_signed_folder(
    archive: Path, folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    again = release(tmp_path / "again.zip", 1, fleet[0])
    assert again.read_bytes() == archive.read_bytes()
    sign_bundle(archive, fleet[0])
    assert again.read_bytes() == archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path / "unpacked")
    assert open_bundle(tmp_path / "unpacked", fleet[1]).sha256 == open_bundle(archive).sha256


def test_unsigned_altered_and_strangers_bundles_are_refused(
    folder: Path, archive: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    refused(TINY, fleet[1], "BND-020.*not signed|BND-020.*no SIGNATURE")
    refused(release(tmp_path / "plain.zip", 1), fleet[1], "BND-020")
    stranger, strangers = keys(tmp_path, "stranger")
    for path in (folder, archive):
        refused(path, strangers, f"BND-021.*{strangers.fingerprint}")
    (folder / "notes.txt").write_text("not listed")
    refused(folder, fleet[1], "BND-003.*notes.txt.*not listed")
    with pytest.raises(RigsightError, match="BND-003.*not listed"):
        sign_bundle(folder, stranger)
    (folder / "notes.txt").unlink()
    for size in (0, 63, 65):
        (folder / "SIGNATURE").write_bytes(bytes(size))
        refused(folder, fleet[1], f"BND-021.*{size} bytes, not 64")


def test_an_altered_bundle_is_not_signed_and_a_new_key_replaces_the_signature(
    folder: Path, archive: Path, tmp_path: Path
) -> None:
    other, others = keys(tmp_path, "other")
    for path in (folder, archive):
        sign_bundle(path, other)
        open_bundle(path, others)
    signature = (folder / "SIGNATURE").read_bytes()
    (folder / "golden.npz").write_bytes(b"other")
    with pytest.raises(RigsightError, match="BND-003.*golden.npz"):
        sign_bundle(folder, other)
    assert (folder / "SIGNATURE").read_bytes() == signature


def test_signing_on_a_full_disk_leaves_the_bundle_as_it_was(
    archive: Path, folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    """A file-size limit stands in for a full disk."""
    code = (
        "import resource, signal, sys\n"
        "from rigsight.export.signing import sign_bundle, make_keys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        "for step in (lambda: sign_bundle(*sys.argv[1:3]), lambda: sign_bundle(*sys.argv[3:5]),\n"
        "             lambda: make_keys(sys.argv[5])):\n"
        "    try:\n"
        "        step()\n"
        "    except Exception as error:\n"
        "        print(error)\n"
    )
    before = {path: path.read_bytes() for path in (archive, folder / "SIGNATURE")}
    words = [archive, fleet[0], folder, fleet[0], tmp_path / "new.pem"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert [line[:6] for line in said] == ["IO-001"] * 3, done
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.zip"]
    assert len(list(folder.iterdir())) == 4


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make_keys(tmp_path / "new" / "fleet.pem")
    finally:
        os.umask(before)
    private, public = tmp_path / "new" / "fleet.pem", tmp_path / "new" / "fleet.pub.pem"
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert load_public_key(public) == made
    texts = private.read_bytes(), public.read_bytes()
    with pytest.raises(RigsightError, match="BND-023.*fleet.pem"):
        make_keys(private)
    private.rename(tmp_path / "elsewhere.pem")
    with pytest.raises(RigsightError, match="BND-023.*fleet.pub.pem"):
        make_keys(private)
    assert ((tmp_path / "elsewhere.pem").read_bytes(), public.read_bytes()) == texts
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["fleet.pub.pem"]


def test_keys_of_the_wrong_kind_are_one_line(
    folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def save(name: str, data: bytes, mode: int = 0o600) -> Path:
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(mode)
        return tmp_path / name

    pem, pkcs8, plain = form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    curve = generate_private_key(SECP256R1())
    edwards = Ed25519PrivateKey.generate()
    text = fleet[0].read_bytes()
    locked = edwards.private_bytes(pem, pkcs8, form.BestAvailableEncryption(b"x"))
    spki = curve.public_key().public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo)
    private = {
        "the private key.*another kind|private key of another kind": save(
            "p256.pem", curve.private_bytes(pem, pkcs8, plain)
        ),
        "this is a public key.*private one": public_path(fleet[0]),
        "locked with a password": save("locked.pem", locked),
        "others may read.*0640.*chmod 600": save("open.pem", text, 0o640),
        "others may read.*0604": save("open2.pem", text, 0o604),
        "not a private key in PEM": save("cut.pem", text[:60]),
        "not a key in PEM": save("noise.pem", os.urandom(200)),
        "No such file": tmp_path / "none.pem",
        "Is a directory": tmp_path,
    }
    public = {
        "this is a private key.*stays where": fleet[0],
        "another kind than ed25519": save("p256.pub.pem", spki),
        "not a public key in PEM": save("cut.pub.pem", public_path(fleet[0]).read_bytes()[:50]),
        "not a key in PEM": save("huge.pem", b"-----BEGIN " * 10_000),
        "No such file": tmp_path / "none.pem",
    }
    before = (folder / "SIGNATURE").read_bytes()
    for pattern, path in private.items():
        with pytest.raises(RigsightError, match=f"BND-022.*({pattern})"):
            sign_bundle(folder, path)
    for pattern, path in public.items():
        with pytest.raises(RigsightError, match=f"BND-022.*({pattern})"):
            load_public_key(path)
    assert (folder / "SIGNATURE").read_bytes() == before


def test_without_the_package_one_line_says_what_to_install(
    folder: Path, fleet: tuple[Path, PublicKey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for step in (
        lambda: open_bundle(folder, fleet[1]),
        lambda: load_public_key(public_path(fleet[0])),
        lambda: sign_bundle(folder, fleet[0]),
        lambda: make_keys(tmp_path / "new.pem"),
    ):
        with pytest.raises(RigsightError, match=r"BND-024.*pip install 'rigsight\[signing\]'") as caught:
            step()
        assert caught.value.exit_code == 1
    assert open_bundle(folder).signed
    assert not (tmp_path / "new.pem").exists()


def test_zips_hold_names_in_utf8() -> None:
    import io

    files = {"bundle.yaml": b"a", "eval/größe.png": b"bc", "SIGNATURE": b""}
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces(files, files.__getitem__)))) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == files
