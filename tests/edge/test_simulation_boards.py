"""Boards: detected points lie where the truth says, in both cameras."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.edge.simulation.rig import SimulatedRig

CHESSBOARD = Board(kind="chessboard", columns=7, rows=5, square_m=0.08)
COUNT = 8


def _grey(picture):
    if picture.ndim == 3:
        return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(picture, (0.5, 99.5))
    return np.clip((picture - low) / (high - low) * 255, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", params=["street", "facade"])
def views(request):
    simulated = SimulatedRig(request.param, 2)
    studio = simulated.board_studio(CHESSBOARD)
    return studio, studio.poses(COUNT), simulated.board_views(CHESSBOARD, COUNT)


def test_corners_lie_where_the_truth_says(views):
    studio, poses, pictures = views
    for camera, which in (("rgb", 0), ("thermal", 1)):
        errors = []
        for T, pair in zip(poses, pictures, strict=True):
            truth = studio.project(camera, T)
            # A blunt start, half a pixel off: the refinement has to find the corner itself.
            start = (truth + np.where(np.arange(len(truth)) % 2, 0.4, -0.4)[:, None]).astype(np.float32)
            refined = cv2.cornerSubPix(
                _grey(pair[which]), start.reshape(-1, 1, 2), (4, 4), (-1, -1), (3, 60, 1e-4)
            )
            errors.append(refined.reshape(-1, 2) - truth)
        errors = np.concatenate(errors)
        assert np.sqrt((errors**2).sum(axis=1).mean()) < 0.1
        assert np.abs(errors.mean(axis=0)).max() < 0.02


def test_poses_are_varied_and_in_view_of_both(views):
    studio, poses, _ = views
    tilts = np.degrees([np.arccos(T[2, 2]) for T in poses])
    assert tilts.min() < 1
    assert 30 < tilts.max() <= 41
    centres = []
    for T in poses:
        for camera in ("rgb", "thermal"):
            points = studio.project(camera, T)
            assert ((points > 3) & (points < [316, 236])).all()
        centres.append(studio.project("rgb", T).mean(axis=0))
    assert (np.ptp(centres, axis=0) > [40, 25]).all()


def test_detectors_find_the_board(views):
    _, _, pictures = views
    assert all(cv2.findChessboardCornersSB(_grey(rgb), (7, 5))[0] for rgb, _ in pictures)
    # Warm ink: a thermal picture of a printed board is inverted.
    found = [cv2.findChessboardCornersSB(255 - _grey(thermal), (7, 5))[0] for _, thermal in pictures]
    assert sum(found) >= COUNT - 1


@pytest.mark.parametrize(
    "board",
    [
        Board(kind="circles", columns=7, rows=5, pitch_m=0.09),
        Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.08),
    ],
)
def test_circles(board):
    simulated = SimulatedRig("pipe", 4)
    studio = simulated.board_studio(board)
    poses, pictures = studio.poses(4), simulated.board_views(board, 4)
    kind = cv2.CALIB_CB_SYMMETRIC_GRID if board.kind == "circles" else cv2.CALIB_CB_ASYMMETRIC_GRID
    size = (board.columns, board.rows)
    for camera, which, invert in (("rgb", 0, False), ("thermal", 1, True)):
        detected = 0
        for T, pair in zip(poses, pictures, strict=True):
            grey = 255 - _grey(pair[which]) if invert else _grey(pair[which])
            large = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            found, centres = cv2.findCirclesGrid(large, size, flags=kind)
            if not found:
                continue
            detected += 1
            centres = (np.asarray(centres).reshape(-1, 2) + 0.5) / 2 - 0.5
            truth = studio.project(camera, T)
            away = np.linalg.norm(centres[:, None] - truth[None], axis=-1).min(axis=1)
            # The centre of a tilted circle's picture is not the picture of its centre: allow for that.
            assert np.sqrt((away**2).mean()) < 0.15
        # OpenCV's stock detector gives up on strong tilts.
        assert detected >= 3


def test_the_same_arguments_give_the_same_boards():
    a = SimulatedRig("street", 9).board_views(CHESSBOARD, 2)
    b = SimulatedRig("street", 9).board_views(CHESSBOARD, 2)
    for (rgb_a, thermal_a), (rgb_b, thermal_b) in zip(a, b, strict=True):
        np.testing.assert_array_equal(rgb_a, rgb_b)
        np.testing.assert_array_equal(thermal_a, thermal_b)
