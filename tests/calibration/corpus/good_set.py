"""A calibration that works, to be spoilt: small pictures of a simulated rig's heated board."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.rig import Rig
from rigsight.edge.simulation.boards import BoardStudio
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import Draw

Image = NDArray[Any]
Pair = tuple[Image, Image]

STREAM = 300  # of the simulator's random numbers, used by nothing else
VIEWS = 10
WIDTH, HEIGHT = 240, 180
CIRCLES = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05, diameter_m=0.04)
CHESSBOARD = Board(kind="chessboard", columns=8, rows=5, square_m=0.06)


class GoodSet:
    """Ten pairs, and the studio in which more are taken. Views are named ``00`` to ``09``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sim = SimulatedRig("street", 3, "train", WIDTH, HEIGHT)

    def studio(self, board: Board = CIRCLES, seed: int = 0, rig: Rig | None = None) -> BoardStudio:
        """Who holds a board; the same arguments give the same poses, whatever cases ran before."""
        return BoardStudio(rig or self.sim.rig, board, self.draw(seed))

    def draw(self, seed: int) -> Draw:
        """Random numbers of a case."""
        return self.sim.pools.stream(STREAM, seed)

    @cached_property
    def poses(self) -> list[Float64]:
        """T_rgb_board of the pairs."""
        return self.studio().poses(VIEWS)

    @cached_property
    def pairs(self) -> list[Pair]:
        """(rgb, thermal counts) of the board of circles."""
        return self.shoot(self.poses)

    @cached_property
    def chess_poses(self) -> list[Float64]:
        """T_rgb_board of the pairs of the chessboard."""
        return self.studio(CHESSBOARD).poses(VIEWS)

    @cached_property
    def chess_pairs(self) -> list[Pair]:
        """(rgb, thermal counts) of the chessboard."""
        return self.shoot(self.chess_poses, self.studio(CHESSBOARD))

    def shoot(self, poses: Sequence[Float64], studio: BoardStudio | None = None, seed: int = 1) -> list[Pair]:
        """Take pictures of a board (that of circles, where no studio is given) at poses T_rgb_board."""
        studio = studio or self.studio(seed=seed)
        sensors = self.sim.rgb_sensor, self.sim.thermal_sensor
        return [studio.render(pose, 100 * seed + index, *sensors) for index, pose in enumerate(poses)]

    @cached_property
    def _written(self) -> Path:
        write_pairs(self.folder, self.pairs)
        return self.folder

    def copy(self, root: Path, board: Board = CIRCLES) -> list[str]:
        """A copy of the good set's files under ``root``; the words that calibrate it."""
        shutil.copytree(self._written, root, dirs_exist_ok=True)
        return words_for(root, board)

    def changed(
        self,
        root: Path,
        *,
        rgb: Callable[[int, Image], Image] | None = None,
        thermal: Callable[[int, Image], Image] | None = None,
        views: Sequence[int] = range(VIEWS),
    ) -> list[str]:
        """The good set with its pictures changed: functions of the view's number and the picture."""
        pairs = []
        for index in views:
            first, second = self.pairs[index]
            pairs.append((rgb(index, first) if rgb else first, thermal(index, second) if thermal else second))
        write_pairs(root, pairs)
        return words_for(root, CIRCLES)


def write_pairs(root: Path, pairs: Sequence[Pair]) -> None:
    """Write ``rgb/00.png``, ``thermal/00.png`` and so on."""
    for side, name in enumerate(("rgb", "thermal")):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index, pair in enumerate(pairs):
            write_picture(root / name / f"{index:02d}.png", pair[side])


def write_picture(path: Path, image: Image) -> None:
    """Write a grey or RGB picture in the format of its suffix."""
    stored = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    ok, data = cv2.imencode(path.suffix, stored)
    assert ok
    path.write_bytes(data.tobytes())  # cv2.imwrite takes no names outside ASCII on some systems


def words_for(root: Path, board: Board | str) -> list[str]:
    """Words that calibrate ``root/rgb`` and ``root/thermal``; a board given as text is written as it is."""
    text = board if isinstance(board, str) else board.to_yaml()
    (root / "board.yaml").write_text(text)
    return ["calibrate", str(root / "rgb"), str(root / "thermal"), "--board", str(root / "board.yaml")]
