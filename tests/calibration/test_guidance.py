"""Guided capture: information, stillness, words and coverage against closed forms and the solver itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance import words
from rigsight.calibration.guidance.drawing import GHOST, SHOWN_WIDTH, annotate
from rigsight.calibration.guidance.estimate import Settings, Snapshot, solve
from rigsight.calibration.guidance.information import (
    Outlook,
    as_covariance,
    information_of_views,
    rig_state,
)
from rigsight.calibration.guidance.keep import Kept
from rigsight.calibration.guidance.poses import first_poses, outline, poses_of, seen_by_all, wishes
from rigsight.calibration.guidance.proposal import best_proposal, first_proposal, nominal_camera, nominal_rig
from rigsight.calibration.guidance.stillness import Stillness
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Rig
from rigsight.calibration.solve.adjust import total
from rigsight.calibration.solve.linear import Target, linearise
from rigsight.calibration.solve.noise import reduced_information
from rigsight.calibration.solve.state import State, rotation_matrices
from rigsight.calibration.solve.views import Observations
from rigsight.calibration.uncertainty import expected_rms_px

BOARD = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05)
NOISE = {"rgb": 0.08, "thermal": 0.05}


def state_of(rig: Rig) -> State:
    return rig_state(rig.cameras, {"thermal": rig.pose("thermal")})


def seen_poses(rig: State) -> Float64:
    poses = poses_of(rig, BOARD, wishes(BOARD))
    return poses[seen_by_all(rig, BOARD, poses)]


def solvers_information(rig: State, pose: Float64) -> Float64:
    """The same from the solver's normal equations."""
    state = replace(rig, poses=pose[None])
    ids = np.arange(BOARD.count)
    arrows = []
    for index, name in enumerate(rig.names):
        T = rig.extrinsics[index] @ pose
        pixels = project(rig.cameras[index], BOARD.object_points() @ T[:3, :3].T + T[:3, 3])
        whiten = np.broadcast_to(np.eye(2) / NOISE[name], (len(ids), 2, 2))
        seen = Observations(np.zeros(len(ids), dtype=np.intp), ids, pixels, whiten)
        arrows.append(linearise(state, index, seen, Target.of(BOARD), np.ones(len(ids))))
    return reduced_information(total(arrows))


@pytest.mark.parametrize("fisheye", [False, True])
def test_information_of_many_views_is_that_of_each(make_rig: Callable[..., Rig], fisheye: bool) -> None:
    rig = state_of(make_rig(fisheye=fisheye))
    poses = seen_poses(rig)[::40]
    assert len(poses) >= 3
    for pose, found in zip(poses, information_of_views(rig, poses, BOARD, NOISE), strict=True):
        expected = solvers_information(rig, pose)
        np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


def test_outlook_is_the_error_of_the_covariance_with_the_view(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    state = state_of(rig)
    information = information_of_views(state, seen_poses(state)[::10], BOARD, NOISE)
    few, more = information[:8].sum(axis=0), information[:9].sum(axis=0)
    covariances = (as_covariance(known, state.shared_names) for known in (few, more))
    now, after = (rig.model_copy(update={"covariance": covariance}) for covariance in covariances)
    outlook = Outlook(now, "thermal", (8.0,))
    assert outlook.error_px == pytest.approx(expected_rms_px(now, "thermal", 8.0), rel=1e-6)
    expected = expected_rms_px(after, "thermal", 8.0)
    assert outlook.with_views(information[8:9])[0] == pytest.approx(expected, rel=1e-4)


def test_the_best_proposal_beats_all_candidates(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    state = state_of(rig)
    poses = seen_poses(state)
    information = information_of_views(state, poses, BOARD, NOISE)
    known = information[::30].sum(axis=0)
    outlook = Outlook(
        rig.model_copy(update={"covariance": as_covariance(known, state.shared_names)}), "thermal", (8.0,)
    )
    best = best_proposal(state, BOARD, outlook, NOISE, [])
    assert best is not None
    assert best.expected_px == pytest.approx(outlook.with_views(information).min())
    assert best.expected_px < outlook.error_px
    other = best_proposal(state, BOARD, outlook, NOISE, [best.pose])
    assert other is not None
    assert np.abs(other.pose - best.pose).max() > 0.05


def test_first_proposals_are_seen_differ_and_make_the_solver_succeed(make_rig: Callable[..., Rig]) -> None:
    true = make_rig()
    rng = np.random.default_rng(0)
    nominal = {
        name: nominal_camera(camera.size, camera.spectrum, "pinhole-radtan", 62.0)
        for name, camera in true.cameras.items()
    }
    rig = nominal_rig(nominal, {"thermal": true.pose("thermal")})
    taken: list[Float64] = []
    shots = []
    for number in range(6):
        proposal = first_proposal(rig, BOARD, taken, (10.0,))
        assert proposal is not None
        assert seen_by_all(rig, BOARD, proposal.pose[None]).all()
        taken.append(proposal.pose)
        seen = {}
        for name, camera in true.cameras.items():
            T = true.pose(name) @ proposal.pose
            pixels = project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3])
            seen[name] = Detection(pixels + 0.05 * rng.standard_normal(pixels.shape), camera.size)
        shots.append(Snapshot(f"{number}", number, {}, seen))
    estimate = solve(shots, BOARD, Settings(background=False))
    assert estimate.worst.bound_px < 1.0
    assert not estimate.good_enough(5.0), "six views have no held-out error to confirm them"


def test_candidates_reach_every_corner_and_stay_in_both_pictures(make_rig: Callable[..., Rig]) -> None:
    rig = state_of(make_rig())
    poses = seen_poses(rig)
    assert len(poses) > 50
    points = np.concatenate(
        [project(rig.cameras[0], BOARD.object_points() @ T[:3, :3].T + T[:3, 3]) for T in poses]
    )
    assert (points >= 0).all()
    assert (points <= np.array(rig.cameras[0].size) - 1).all()
    assert (points.max(axis=0) - points.min(axis=0) > 0.75 * np.array(rig.cameras[0].size)).all()
    assert first_poses(rig, BOARD)


def test_the_outline_lies_round_the_points(make_rig: Callable[..., Rig]) -> None:
    rig = state_of(make_rig())
    pose = first_poses(rig, BOARD)[0]
    for index, camera in enumerate(rig.cameras):
        edge = outline(rig, index, BOARD, pose)
        T = rig.extrinsics[index] @ pose
        points = project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3])
        assert (edge.min(axis=0) < points.min(axis=0)).all()
        assert (edge.max(axis=0) > points.max(axis=0)).all()


def test_words_lead_to_the_pose() -> None:
    """Whoever obeys, one move after the other, arrives."""
    start, wanted = np.eye(4), np.eye(4)
    start[:3, 3] = (0.3, -0.2, 1.6)
    wanted[:3, :3] = rotation_matrices(np.radians([[30.0, -25.0, 20.0]]))[0]
    wanted[:3, 3] = (-0.2, 0.1, 1.0)
    assert "," in words.move_between(start, wanted, BOARD).text(), "two moves at a time"
    middle = np.append(np.ptp(BOARD.object_points(), axis=0) / 2, 1)
    for _ in range(12):
        move = words.move_between(start, wanted, BOARD)
        if move.arrived:
            break
        turn = np.array([[-move.top_away_deg, -move.right_away_deg, move.clockwise_deg]])
        centre = (start @ middle)[:3]
        moved = np.array([move.right_m, move.down_m, 0.0])
        scale = move.depth_m / centre[2]
        start[:3, :3] = rotation_matrices(np.radians(turn))[0] @ start[:3, :3]
        goal = centre * [scale, scale, 1] + moved + [0, 0, move.away_m]
        start[:3, 3] = goal - start[:3, :3] @ middle[:3]
    assert words.move_between(start, wanted, BOARD).arrived
    assert words.move_between(start, wanted, BOARD).text() == words.HOLD


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ((-30, 0, 0), "Tip the top away"),
        ((30, 0, 0), "Tip the top towards the cameras"),
        ((0, -30, 0), "Turn the right side away"),
        ((0, 30, 0), "Turn the left side away"),
        ((0, 0, 40), "Rotate it clockwise"),
    ],
)
def test_words_name_the_side_that_goes_away(axis: tuple[float, ...], said: str) -> None:
    """The side that is named must indeed be farther from the camera in the wanted pose."""
    middle = np.ptp(BOARD.object_points(), axis=0) / 2
    now, wanted = np.eye(4), np.eye(4)
    wanted[:3, :3] = rotation_matrices(np.radians([axis]))[0]
    for pose in (now, wanted):
        pose[:3, 3] = np.array([0, 0, 1.0]) - pose[:3, :3] @ middle
    assert words.move_between(now, wanted, BOARD).text() == said
    depths = (BOARD.object_points() @ wanted[:3, :3].T + wanted[:3, 3])[:, 2]
    x, y = BOARD.object_points()[:, :2].T
    sides = {"top": y == y.min(), "right": x == x.max(), "left": x == x.min()}
    for name, side in sides.items():
        if f"{name} away" in said or f"{name} side away" in said:
            assert depths[side].mean() > 1.0 + 0.01


def test_a_board_is_still_only_after_half_a_second_of_it() -> None:
    rng = np.random.default_rng(0)
    its = Stillness()
    points = rng.uniform(50, 500, (36, 2))

    def seen(shift: float) -> Detection:
        return Detection(points + shift + 0.1 * rng.standard_normal(points.shape), (640, 480))

    held = []
    for step in range(8):
        its.add(seen(0.0), step * 100_000_000)
        held.append(its.still)
    assert held == [False] * 5 + [True] * 3
    its.add(seen(5.0), 800_000_000)
    assert not its.still
    its.add(None, 900_000_000)
    assert its.held == 0.0
    for step in range(10, 20):  # 3 px/s: too fast
        its.add(seen(0.3 * step), step * 100_000_000)
    assert not its.still
    assert its.drift_px == pytest.approx(1.5 * 2**0.5, abs=0.2)


def test_a_stream_with_few_pictures_or_a_jumping_clock_is_never_still() -> None:
    its = Stillness()
    seen = Detection(np.ones((4, 2)), (640, 480))
    its.add(seen, 0)
    its.add(seen, 600_000_000)
    assert not its.still
    its.add(seen, 100)
    assert its.held == 0.0


def test_pictures_show_points_and_outline_where_they_are() -> None:
    counts = np.full((120, 160), 7000, np.uint16)
    counts[:, 80:] = 7400
    edge = np.array([[20.0, 20], [140, 20], [140, 100], [20, 100]])
    shown = annotate(counts, Detection(np.array([[80.0, 60.0]]), (160, 120)), edge, True, [])
    assert shown.shape == (480, SHOWN_WIDTH, 3)
    assert shown.dtype == np.uint8
    assert tuple(shown[241, 80]) == pytest.approx(GHOST, abs=40)
    assert shown[242, 322, 1] > shown[242, 322, 0] + 50, "a green point"
    assert shown[300, 300].max() < shown[300, 500].min(), "the contrast is stretched"
    plain = annotate(counts, None, None, False, [])
    tinted = annotate(counts, None, None, False, [Detection(np.array([[10.0, 10.0]]), (160, 120))])
    changed = np.argwhere((plain != tinted).any(axis=2))
    assert changed.max(axis=0).tolist() == [79, 79], "only the cell of the point"


def test_kept_views_come_back_as_they_were(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    shots = [
        Snapshot(
            f"{number:03d}",
            0,
            {
                "rgb": rng.integers(0, 255, (6, 8, 3), dtype=np.uint8),
                "thermal": rng.integers(0, 1 << 14, (5, 7), dtype=np.uint16),
            },
            {},
        )
        for number in (1, 2)
    ]
    kept = Kept(tmp_path / "views", ("rgb", "thermal"))
    kept.follow(shots)
    back = Kept(tmp_path / "views", ("rgb", "thermal")).load()
    assert list(back) == ["001", "002"]
    for shot in shots:
        for name, picture in shot.pictures.items():
            np.testing.assert_array_equal(back[shot.name][name], picture)
            assert back[shot.name][name].dtype == picture.dtype
    kept.follow(shots[1:])
    assert list(kept.load()) == ["002"]
