"""Grids of circles in simulated thermal pictures: found, to what accuracy, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.board_map import fit_board_map
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.disc_profile import profile
from rigsight.calibration.detection.discs import fit_discs
from rigsight.calibration.detection.grid_check import is_denser
from rigsight.calibration.detection.lattice_fit import find_seeds, placements
from rigsight.edge.benchmarks.calibration.detection import false_pictures
from rigsight.edge.simulation.thermal_boards import (
    CONDITIONS,
    board_points,
    board_pose,
    picture_of_board,
    thermal_camera,
)

PATIENCE_S = 20.0  # what is found is judged here, not how fast the machine is
BOARD = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.04, diameter_m=0.034)


def shown(
    board: Board, condition: str, seed: int, size: tuple[int, int] = (320, 256), **how: object
) -> tuple[np.ndarray, Float64]:
    """A picture and the true points."""
    rng = np.random.default_rng(seed)
    camera = thermal_camera(*size)
    pose = board_pose(board, camera, rng)
    picture = picture_of_board(board, camera, pose, CONDITIONS[condition], rng, **how)  # type: ignore[arg-type]
    return picture, board_points(board, camera, pose)


@pytest.mark.parametrize(
    ("condition", "size", "limit_px"),
    [
        ("easy", (320, 256), 0.03),
        ("medium", (320, 256), 0.06),
        ("hard", (320, 256), 0.3),
        ("medium", (160, 120), 0.12),
    ],
)
def test_centres_of_circles_under_tilt_and_distortion(
    condition: str, size: tuple[int, int], limit_px: float
) -> None:
    errors = []
    for seed in range(4):
        picture, true = shown(BOARD, condition, seed, size, warm_ink=bool(seed % 2), eight_bit=seed > 1)
        detection = detect(picture, BOARD, PATIENCE_S)
        assert detection is not None
        assert not detection.ellipse_centres
        errors.append(np.linalg.norm(detection.points - true, axis=1))
    assert float(np.sqrt(np.mean(np.square(errors)))) < limit_px


def test_spots_at_the_papers_rim_do_not_shift_the_board() -> None:
    # They continue the grid on one side, where the weak line on the other was lost among stronger spots.
    rng = np.random.default_rng([92_000, 15, 160])
    camera = thermal_camera(160, 120, kind=0)
    pose = board_pose(BOARD, camera, rng)
    picture = picture_of_board(BOARD, camera, pose, CONDITIONS["medium"], rng, eight_bit=True)
    detection = detect(picture, BOARD, PATIENCE_S)
    assert detection is not None
    true = board_points(BOARD, camera, pose)
    assert float(np.linalg.norm(detection.points[:, None] - true, axis=2).min(axis=1).max()) < 0.3


def test_the_covariance_states_the_errors() -> None:
    scaled = []
    for seed in range(4):
        picture, true = shown(BOARD, "medium", 20 + seed)
        detection = detect(picture, BOARD, PATIENCE_S)
        assert detection is not None
        off = (detection.points - true)[..., None]
        squares = off.transpose(0, 2, 1) @ np.linalg.solve(detection.covariance, off)
        scaled.append(float(squares.mean()) / 2)
    # Noise of whole rows and columns comes on top of what pixels tell.
    assert 0.5 < float(np.mean(scaled)) < 3.0


def test_the_diameter_need_not_be_known() -> None:
    unknown = BOARD.model_copy(update={"diameter_m": None})
    picture, true = shown(BOARD, "medium", 3)
    detection = detect(picture, unknown, PATIENCE_S)
    assert detection is not None
    assert float(np.linalg.norm(detection.points - true, axis=1).max()) < 0.3


@pytest.mark.parametrize("change", [{"rows": 9}, {"rows": 13}, {"columns": 5}, {"columns": 3}])
def test_a_board_of_another_size_is_refused(change: dict[str, int]) -> None:
    picture, _ = shown(BOARD.model_copy(update=change), "medium", 5)
    assert detect(picture, BOARD) is None


def test_a_turned_part_of_a_symmetric_grid_is_refused() -> None:
    # Discs of 2 px: a grid grown across the rows passed for a noisy board.
    _, picture = false_pictures(325, (160, 120))
    assert detect(picture, BOARD) is None


def test_every_other_disc_of_a_denser_grid_is_refused() -> None:
    dense = Board(kind="circles", columns=9, rows=13, pitch_m=0.04, diameter_m=0.026)
    sparse = BOARD.model_copy(update={"diameter_m": 0.026})
    camera = thermal_camera(320, 256)
    rng = np.random.default_rng(8)
    pose = board_pose(dense, camera, rng)
    picture = picture_of_board(dense, camera, pose, CONDITIONS["easy"], rng)
    assert detect(picture, sparse) is None
    # The places and discs alone would do: what lies between them tells.
    shift = np.array([0.04, 0.04, 0.0])
    points = board_points(sparse, camera, _shifted(pose, shift))
    found = fit_discs(picture, points, sparse.object_points()[:, :2], 0.013, 0.04 * 2**0.5)
    assert found is not None
    smooth = fit_board_map(found.centres, sparse.object_points()[:, :2], camera.size)
    assert smooth is not None
    assert is_denser(picture, found, smooth, sparse)
    true_pose = board_pose(sparse, camera, np.random.default_rng(8))
    shown_alone = picture_of_board(sparse, camera, true_pose, CONDITIONS["easy"], np.random.default_rng(8))
    detection = detect(shown_alone, sparse)
    assert detection is not None


def _shifted(pose: Float64, shift: Float64) -> Float64:
    moved = pose.copy()
    moved[:3, 3] += pose[:3, :3] @ shift
    return moved


def test_a_covered_disc_refuses_the_board() -> None:
    _, true = shown(BOARD, "medium", 6)
    x, y = true[17]
    picture, _ = shown(BOARD, "medium", 6, covered=(float(x), float(y), 8.0))
    assert detect(picture, BOARD) is None


def test_nothing_is_found_after_the_deadline() -> None:
    picture, _ = shown(BOARD, "easy", 0)
    assert detect(picture, BOARD, deadline_s=0.0) is None


def test_the_map_follows_a_lens_that_it_was_not_told() -> None:
    camera = thermal_camera(320, 256, kind=1)
    pose = board_pose(BOARD, camera, np.random.default_rng(2))
    pixels = board_points(BOARD, camera, pose)
    points = BOARD.object_points()[:, :2]
    board_map = fit_board_map(pixels, points, camera.size)
    assert board_map is not None
    assert float(np.abs(board_map.residuals_px(pixels, points)).max()) < 0.05
    np.testing.assert_allclose(board_map.to_board(board_map.to_picture(points)), points, atol=1e-6)


def test_profile_of_a_small_disc_is_that_of_a_disc_convolved_with_a_gaussian() -> None:
    radius = 2.0  # sigmas
    grid = np.arange(-9, 9.01, 0.05)
    x, y = np.meshgrid(grid, grid)
    disc = x * x + y * y < radius * radius
    for r in (0.0, 1.0, 2.0, 3.0):
        exact = (disc * np.exp(-((x - r) ** 2 + y * y) / 2)).sum() * 0.05**2 / (2 * np.pi)
        share, _ = profile(np.array([radius - r]), np.array([1 / radius]))
        assert share[0] == pytest.approx(exact, abs=3e-3)


def test_a_grid_with_missing_points_is_placed() -> None:
    points = BOARD.object_points()[:, :2] * 500 + 20
    kept = np.ones(BOARD.count, dtype=bool)
    kept[[5, 30]] = False
    strength = np.ones(int(kept.sum()))
    seeds = find_seeds(points[kept], strength)
    placed = [place for group in placements(points[kept], strength, seeds, BOARD) for place in group]
    best = max(placed, key=lambda place: place.covered)
    assert best.covered == BOARD.count - 2
