"""Simulated boards with markers are found where the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detect import detect
from rigsight.edge.simulation.rig import SimulatedRig


@pytest.mark.parametrize(
    "board",
    [
        Board(kind="charuco", columns=6, rows=4, square_m=0.12, marker_m=0.1, dictionary="DICT_4X4_50"),
        Board(kind="aprilgrid", columns=3, rows=2, tag_m=0.2, spacing=0.4),
    ],
    ids=lambda b: b.kind,
)
def test_marker_boards_are_simulated(board: Board) -> None:
    simulated = SimulatedRig("street", 4)
    studio = simulated.board_studio(board)
    poses = studio.poses(2)
    found = 0
    for T, pair in zip(poses, simulated.board_views(board, 2), strict=True):
        for camera, picture in zip(("rgb", "thermal"), pair, strict=True):
            seen = detect(picture, board)
            if seen is None:
                continue
            truth = studio.project(camera, T)[seen.ids]
            assert np.linalg.norm(seen.points - truth, axis=1).max() < 0.7
            found += 1
    assert found >= 3
