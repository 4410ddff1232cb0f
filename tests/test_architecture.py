"""The house keeps its walls: which room may import which, and how long importing takes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("calibration", "edge", "training", "export")

# room -> rooms that it may import. rigsight.base stands under all of them and imports none.
ARROWS: dict[str, set[str]] = {
    "base": set(),
    "calibration": {"base"},
    "edge": {"base", "calibration"},
    "training": {"base", "calibration", "edge"},
    "export": {"base", "calibration", "edge", "training"},
    "cli": {"base", "calibration", "edge", "training", "export"},
}
LAZY_ONLY = {"scipy", "onnxruntime", "serial", "cryptography", "rich", "typer"}
NEVER_AT_THE_EDGE = {"torch", "torchvision", "lightning", "torchmetrics", "transformers", "onnx"}
MAX_IMPORT_S = 0.4


def modules_of(room: str) -> list[Path]:
    folder = ROOT / room if room in ROOMS else ROOT / "rigsight" / room
    return sorted(folder.rglob("*.py"))


def imports_of(path: Path, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    if top_level_only:
        nodes: Iterator[ast.AST] = _executed_at_import(tree)
    else:
        nodes = ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module == "rigsight":
                yield from (f"rigsight.{alias.name}" for alias in node.names)


def _executed_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes outside functions and outside ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _executed_at_import(node)


@pytest.mark.parametrize("room", list(ARROWS))
def test_arrows_point_only_down(room: str) -> None:
    files = modules_of(room)
    assert files, f"the room {room} is empty"
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "rigsight" and len(parts) > 1 and parts[1] in ARROWS:
                assert parts[1] == room or parts[1] in ARROWS[room], f"{path} imports {name}"
            assert parts[0] not in ROOMS, f"{path} imports {name}: write rigsight.{name}"


@pytest.mark.parametrize("room", ["calibration", "edge"])
def test_the_edge_knows_no_training_libraries_and_imports_heavy_ones_lazily(room: str) -> None:
    for path in modules_of(room):
        everywhere = {name.split(".")[0] for name in imports_of(path)}
        assert not everywhere & NEVER_AT_THE_EDGE, path
        at_import = {name.split(".")[0] for name in imports_of(path, top_level_only=True)}
        assert not at_import & LAZY_ONLY, f"{path}: import {at_import & LAZY_ONLY} where it is used"


def test_links_give_the_rooms_their_place_in_the_package() -> None:
    for room in ROOMS:
        link = ROOT / "rigsight" / room
        assert link.is_symlink()
        assert link.resolve() == ROOT / room


def test_importing_calibration_and_edge_loads_no_torch_and_no_scipy() -> None:
    names = [
        "rigsight." + str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for room in ("calibration", "edge")
        for path in modules_of(room)
    ]
    code = (
        "import sys\n"
        + "".join(f"import {name}\n" for name in names)
        + "print([m for m in ('torch', 'scipy', 'onnxruntime', 'serial', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
