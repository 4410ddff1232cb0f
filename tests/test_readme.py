"""The commands and the Python of README and docs run as they are shown.

A block runs unless the line before it says ``<!-- not run: reason -->``; ``<!-- slow -->`` moves it to the
slow tests. All blocks of a page share one folder, in the order of the page.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.edge.simulation.rig import SimulatedRig

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!-- ([^>]*) -->\n)?^```(bash|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINKED = ("bundles", "profiles", "schemas", "training")
BOARD_VIEWS = 16


@dataclass(frozen=True)
class Block:
    page: str
    number: int
    marker: str
    language: str
    text: str


def blocks() -> list[Block]:
    return [
        Block(page.stem, number, marker.strip(), language, text)
        for page in PAGES
        for number, (marker, language, text) in enumerate(BLOCK.findall(page.read_text()))
    ]


def run_block(block: Block, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run([*command, block.text], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader would have it: shipped files, own pictures, board pictures, a rig.yaml."""
    folder = tmp_path_factory.mktemp("reader")
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    simulated = SimulatedRig("street", seed=3, split="test")
    # The board that `rigsight board` recommends, so that it accepts the board.yaml that is there.
    board = Board(
        kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.045, diameter_m=0.0382, cutout=True
    )
    board.save(folder / "board.yaml")
    simulated.rig.save(folder / "rig.yaml")
    pictures = {"boards": simulated.board_views(board, BOARD_VIEWS)}
    pictures["my"] = [(s.rgb, s.thermal) for s in (simulated.render(index) for index in range(3))]
    for kind, pairs in pictures.items():
        for camera in ("rgb", "thermal"):
            (folder / kind / camera).mkdir(parents=True)
        for number, (rgb, thermal) in enumerate(pairs):
            cv2.imwrite(
                str(folder / kind / "rgb" / f"{number:04d}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
            )
            cv2.imwrite(str(folder / kind / "thermal" / f"{number:04d}.png"), thermal)
    write_photos(folder / "photos", pictures["my"])
    return folder


def write_photos(folder: Path, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Radiometric JPEGs, as a thermal camera's memory card holds them."""
    spec = importlib.util.spec_from_file_location("flir", ROOT / "tests/edge/radiometry/conftest.py")
    assert spec
    assert spec.loader
    writer = importlib.util.module_from_spec(spec)
    sys.modules["flir"] = writer  # dataclasses look themselves up there
    spec.loader.exec_module(writer)
    folder.mkdir()
    for number, (rgb, thermal) in enumerate(pairs):
        visible = np.ascontiguousarray(rgb[..., ::-1])
        made = writer.FlirFile(thermal, visible=visible, alignment=(1.2, 4, -2), gps=(49.0, 8.4, 115.0))
        (folder / f"IR_{number:04d}.jpg").write_bytes(made.bytes())


FAST = [block for block in blocks() if not block.marker]
SLOW = [block for block in blocks() if block.marker == "slow"]


def name_of(block: Block) -> str:
    return f"{block.page}-{block.number}"


@pytest.mark.parametrize("block", FAST, ids=name_of)
def test_what_is_shown_runs(block: Block, workplace: Path) -> None:
    run_block(block, workplace)


@pytest.mark.slow
@pytest.mark.parametrize("block", SLOW, ids=name_of)
def test_what_is_shown_and_slow_runs(block: Block, workplace: Path) -> None:
    run_block(block, workplace)


def test_every_marker_is_understood() -> None:
    for block in blocks():
        assert not block.marker or block.marker == "slow" or re.match(r"not run: \w+", block.marker), block
    assert len(FAST) >= 6


def test_every_verb_shown_exists() -> None:
    from rigsight.cli.main import VERBS

    for block in blocks():
        for verb in re.findall(r"^\s*rigsight ([\w-]+)", block.text, flags=re.MULTILINE):
            assert verb in VERBS, f"{block.page}: rigsight {verb}"


def test_make_has_the_targets_shown() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for block in blocks():
        for target in re.findall(r"^make (\w+)", block.text, flags=re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
