"""Every way to break a bundle is one line with a code; the whole one opens as folder and as zip."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import zipfile
from pathlib import Path

import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.reader import open_bundle

TINY = Path(__file__).parent / "data" / "tiny_bundle"
FILES = ("golden.npz", "graphs/main.fp32.onnx")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "bundle"))


def zipped(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return target


def edit(folder: Path, change: dict[str, object]) -> None:
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    data.update(change)
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))


def fails(path: Path, pattern: str) -> RigsightError:
    with pytest.raises(RigsightError, match=pattern) as caught:
        open_bundle(path)
    assert "\n" not in caught.value.line()
    assert caught.value.exit_code == 2
    return caught.value


def test_folder_and_zip_are_the_same_bundle(tmp_path: Path) -> None:
    folder, archive = open_bundle(TINY), open_bundle(zipped(TINY, tmp_path / "tiny.zip"))
    assert folder.id == archive.id
    assert folder.id.startswith("tiny-1-")
    assert folder.size == (80, 60)
    assert all(folder.read(name) == archive.read(name) for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_in_a_listed_file_is_found(copy: Path, tmp_path: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    for place in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        (copy / name).write_bytes(changed)
        fails(copy, f"BND-003.*{name}")
        fails(zipped(copy, tmp_path / "b.zip"), f"BND-003.*{name}")


def test_bytes_changed_after_opening_are_found(copy: Path) -> None:
    bundle = open_bundle(copy)
    data = bytearray((copy / FILES[1]).read_bytes())
    data[100] ^= 1
    (copy / FILES[1]).write_bytes(data)
    with pytest.raises(RigsightError, match="BND-003"):
        bundle.read(FILES[1])


@pytest.mark.parametrize("name", FILES)
def test_missing_and_truncated_files_are_found(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-1])
    fails(copy, f"BND-003.*{name}")
    (copy / name).unlink()
    fails(copy, f"BND-003.*{name}.*missing")


def test_unlisted_files_are_refused_but_a_signature_may_lie_there(copy: Path, tmp_path: Path) -> None:
    (copy / "SIGNATURE").write_bytes(bytes(64))
    assert open_bundle(copy).spec.name == "tiny"
    (copy / "graphs" / "extra.onnx").write_bytes(b"x")
    fails(copy, "BND-003.*graphs/extra.onnx.*not listed")
    fails(zipped(copy, tmp_path / "b.zip"), "BND-003.*graphs/extra.onnx.*not listed")


def test_links_are_refused(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes((copy / FILES[1]).read_bytes())
    (copy / FILES[1]).unlink()
    (copy / FILES[1]).symlink_to(outside)
    fails(copy, "BND-003.*link")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "graphs/../../evil", "..\\evil", "C:/evil"])
def test_paths_that_leave_the_bundle_are_refused_in_zip_and_yaml(tmp_path: Path, name: str) -> None:
    target = zipped(TINY, tmp_path / "b.zip")
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"x")
    fails(target, "BND-003")
    folder = Path(shutil.copytree(TINY, tmp_path / "f"))
    edit(folder, {"files": {**dict.fromkeys(FILES, "0" * 64), name: "0" * 64}})
    fails(folder, "BND-00[23]")
    assert not list(tmp_path.parent.glob("evil"))


def test_zip_bombs_and_doubled_members_are_refused(tmp_path: Path) -> None:
    bomb = zipped(TINY, tmp_path / "bomb.zip")
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        for i in range(1001):
            archive.writestr(f"f{i}", b"")
    fails(bomb, "BND-001.*1000 files")
    twice = zipped(TINY, tmp_path / "twice.zip")
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("golden.npz", b"other")
    fails(twice, "BND-003.*twice")


def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path) -> None:
    target = zipped(TINY, tmp_path / "b.zip")
    with zipfile.ZipFile(target) as archive:
        real = archive.getinfo("golden.npz").file_size
    data = target.read_bytes()
    lied = data.replace(struct.pack("<I", real), struct.pack("<I", 10))
    assert lied != data
    target.write_bytes(lied)
    fails(target, "BND-003.*golden.npz")
    huge = data.replace(struct.pack("<I", real), struct.pack("<I", 0xF0000000))
    target.write_bytes(huge)
    fails(target, "BND-001.*2 GiB")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_zip_is_one_line(tmp_path: Path, share: float) -> None:
    target = zipped(TINY, tmp_path / "b.zip")
    data = target.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    fails(target, "BND-001.*zip")


def test_a_flipped_byte_anywhere_in_a_zip_is_found_or_harmless(tmp_path: Path) -> None:
    target = zipped(TINY, tmp_path / "b.zip")
    data = target.read_bytes()
    whole = open_bundle(target)
    for place in range(0, len(data), 29):
        changed = bytearray(data)
        changed[place] ^= 0x41
        target.write_bytes(changed)
        with contextlib.suppress(RigsightError):
            bundle = open_bundle(target)
            assert bundle.sha256 == whole.sha256
            assert all(bundle.read(name) == whole.read(name) for name in FILES)


def test_other_things_than_bundles(tmp_path: Path) -> None:
    fails(tmp_path / "nowhere", "BND-001.*no bundle")
    fails(tmp_path, "BND-001.*no bundle.yaml")
    (tmp_path / "text.zip").write_text("not a zip")
    fails(tmp_path / "text.zip", "BND-001.*zip")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bundle.yaml").write_text("version: 1")
    fails(tmp_path, "BND-003.*pipe")


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"version": 2}, "BND-002.*version 2.*Update rigsight"),
        ({"version": "x"}, "BND-002"),
        ({"tasc": "semantic"}, "BND-002.*tasc.*did you mean 'task'"),
        ({"classes": [{"name": n, "color": [0, 0, 0]} for n in "ab"]}, "BND-004.*wrong class count.*2.*3"),
        ({"files": {FILES[0]: "0" * 64}}, "BND-002.*graphs/main.fp32.onnx"),
        ({"files": {FILES[0]: "short", FILES[1]: "0" * 64}}, "BND-002.*sha256"),
    ],
)
def test_a_bad_bundle_yaml_names_what_is_wrong(copy: Path, change: dict[str, object], pattern: str) -> None:
    edit(copy, change)
    fails(copy, pattern)


@pytest.mark.parametrize(
    ("side", "name", "tensor", "pattern"),
    [
        ("inputs", "rgb", {"dtype": "float32", "shape": [1, 60, 80, 3]}, "'rgb' must be uint8"),
        ("inputs", "rgb", {"dtype": "uint8", "shape": [1, 3, 60, 80]}, "'rgb' must be uint8"),
        ("inputs", "rgb", {"dtype": "uint8", "shape": [1, 60, 40, 3]}, "of one size"),
        ("inputs", "depth", {"dtype": "uint8", "shape": [1, 60, 80, 1]}, "'depth' is no camera"),
        ("outputs", "logits", {"dtype": "float32", "shape": [1, 3, 15, 20]}, "'logits' must be float32"),
        ("outputs", "fused", {"dtype": "float32", "shape": [1, 60, 80, 3]}, "'fused' must be uint8"),
    ],
)
def test_tensors_that_break_the_contract(
    copy: Path, side: str, name: str, tensor: dict[str, object], pattern: str
) -> None:
    parts = yaml.safe_load((copy / "bundle.yaml").read_text())["parts"]
    parts[0][side][name] = tensor
    edit(copy, {"parts": parts})
    fails(copy, f"BND-004.*{pattern}")


def test_a_yaml_bomb_does_not_explode(copy: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    text = (copy / "bundle.yaml").read_text()
    (copy / "bundle.yaml").write_text(text + "\n".join(levels) + "\nclasses: *a29\n")
    fails(copy, "BND-002")


def test_not_utf8_is_one_line(copy: Path) -> None:
    (copy / "bundle.yaml").write_bytes(b"\xff\xfe\x00")
    fails(copy, "BND-002.*YAML")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("bundle.yaml", b"version: 1")
    data = bytearray(stream.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    fails(tmp_path / "locked.zip", "BND-001.*encrypted")
