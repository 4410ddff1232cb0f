"""Two cameras (or one) solved together from views of one board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.checks.motion import require_one_instant
from rigsight.calibration.rig import Camera, Covariance
from rigsight.calibration.solve.agree import agree
from rigsight.calibration.solve.camera import (
    FEWEST_VIEWS,
    MAX_REJECTED,
    OUTLIER_AT_LEAST_PX,
    OUTLIER_OF_MEDIAN,
    CameraSolution,
    check_conditioning,
    rms,
    solve_camera,
)
from rigsight.calibration.solve.clusters import view_inflation
from rigsight.calibration.solve.first_guess import Model, Spectrum, checked_lens
from rigsight.calibration.solve.lens import lens_names
from rigsight.calibration.solve.noise import covariance_of
from rigsight.calibration.solve.refine import Refined, refine, view_errors
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.third_radial import with_significant_k3
from rigsight.calibration.solve.views import View


@dataclass(frozen=True)
class Setup:
    """What is known of a camera before it is calibrated."""

    name: str
    spectrum: Spectrum = "rgb"
    model: Model = "pinhole-radtan"


def solve_rig(
    views: Sequence[View],
    board: Board,
    setups: Sequence[Setup],
    *,
    refine_intrinsics: bool = True,
    bend: bool = False,
) -> Solution:
    """Solve lenses, relative pose and board poses jointly, with their covariance.

    Every camera is first solved alone; then one relative pose is found on which the views agree, whatever
    corner the detections began at; then everything moves together. Views that fit far worse than the rest
    are dropped, worst first. Views that only one camera saw still serve its lens.

    Args:
        views: what was detected.
        board: what it was detected on.
        setups: one or two cameras, the reference first.
        refine_intrinsics: let the lenses move in the joint solution; otherwise they stay as each camera's own
            views have them, and their covariance is left out.
        bend: estimate how the board deviates from flat.

    Raises:
        RigsightError: CAL-016 too few views, CAL-017 a camera is not determined, CAL-018 the views contradict
            each other, CAL-009 two relative poses fit equally well.
    """
    alone = {
        setup.name: solve_camera(
            {view.name: view.seen[setup.name] for view in views if setup.name in view.seen},
            board,
            spectrum=setup.spectrum,
            model=setup.model,
            name=setup.name,
        )
        for setup in setups
    }
    rejected = _rejected_alone(alone)
    views = [view for view in views if view.name not in rejected]
    poses = [solution.poses for solution in alone.values()]
    extrinsics = [np.eye(4)]
    swapped: tuple[str, ...] = ()
    if len(setups) > 1:
        reference, other = alone.values()
        agreed = agree(views, board, reference, other, (setups[0].name, setups[1].name))
        views, swapped, poses[1] = agreed.views, agreed.reordered, agreed.camera_poses
        rejected |= agreed.contradicting
        extrinsics.append(agreed.pose)
    cameras = {name: solution.camera for name, solution in alone.items()}
    start = _start(views, cameras, poses, extrinsics, refine_intrinsics, bend)
    views, refined, worse = _without_outliers(start, views, board, len(views) + len(rejected))
    rejected |= worse
    refined = with_significant_k3(refined, views, board)
    if len(setups) > 1 and refine_intrinsics:
        together = view_errors(refined, views, board).values()
        require_one_instant(
            {name: solution.rms_px for name, solution in alone.items()},
            {name: rms(*(off[name] for off in together if name in off)) for name in alone},
        )
    return _solution(refined, views, board, rejected, swapped)


def _rejected_alone(alone: Mapping[str, CameraSolution]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for solution in alone.values():
        reasons = {**solution.rejected, **reasons}
    return reasons


def _start(
    views: Sequence[View],
    cameras: Mapping[str, Camera],
    poses: Sequence[Mapping[str, Float64]],
    extrinsics: Sequence[Float64],
    refine_intrinsics: bool,
    bend: bool,
) -> State:
    boards = []
    for view in views:
        first = next(index for index, name in enumerate(cameras) if name in view.seen)
        boards.append(np.linalg.inv(extrinsics[first]) @ poses[first][view.name])
    return State(
        names=tuple(cameras),
        cameras=tuple(cameras.values()),
        free=tuple(np.full(len(lens_names(camera)), refine_intrinsics) for camera in cameras.values()),
        extrinsics=np.array(extrinsics),
        poses=np.array(boards),
        bend=np.zeros(2) if bend else None,
    )


def _without_outliers(
    state: State, views: Sequence[View], board: Board, offered: int
) -> tuple[list[View], Refined, dict[str, str]]:
    """The joint minimum without the views that fit far worse than the rest."""
    kept, rejected = list(views), dict[str, str]()
    while True:
        refined = refine(state, kept, board)
        errors = {name: rms(*off.values()) for name, off in view_errors(refined, kept, board).items()}
        worst = max(errors, key=lambda name: errors[name])
        median = float(np.median(list(errors.values())))
        limit = max(OUTLIER_OF_MEDIAN * median, OUTLIER_AT_LEAST_PX)
        pairs = sum(len(view.seen) == len(state.names) for view in kept)
        enough = pairs > FEWEST_VIEWS and len(rejected) + 1 <= MAX_REJECTED * offered
        if errors[worst] <= limit or not enough:
            return kept, refined, rejected
        rejected[worst] = f"pair: error {errors[worst]:.2f} px, the median pair has {median:.2f} px"
        remaining = [index for index, view in enumerate(kept) if view.name != worst]
        kept = [kept[index] for index in remaining]
        state = refined.state.without_views(remaining)


def _solution(
    refined: Refined,
    views: Sequence[View],
    board: Board,
    rejected: dict[str, str],
    swapped: Sequence[str],
) -> Solution:
    state = refined.state
    for name, camera in zip(state.names, state.cameras, strict=True):
        checked_lens(camera, name)
    try:
        matrix = covariance_of(refined.found.arrow)
    except np.linalg.LinAlgError as error:
        raise codes.SOLVE_DEGENERATE("the views leave the cameras undetermined") from error
    names = state.shared_names
    rig_rows = [index for index, name in enumerate(names) if not name.startswith("board.")]
    for index, name in enumerate(state.names):
        columns = state.lens_columns(index)
        if state.free[index].all():
            sigma = float(np.sqrt(matrix[columns, columns][0, 0])) / state.cameras[index].K[0][0]
            seen = {v.name: state.extrinsics[index] @ p for v, p in zip(views, state.poses, strict=True)}
            check_conditioning({v.name: seen[v.name] for v in views if name in v.seen}, sigma, name)
    inflation = view_inflation(refined, board)
    matrix = inflation * matrix[np.ix_(rig_rows, rig_rows)]
    return Solution(
        cameras=dict(zip(state.names, state.cameras, strict=True)),
        transforms=dict(zip(state.names[1:], state.extrinsics[1:], strict=True)),
        poses={view.name: pose for view, pose in zip(views, state.poses, strict=True)},
        residuals=view_errors(refined, views, board),
        noise_px=_noise_px(refined, views),
        covariance=Covariance(
            parameters=tuple(names[row] for row in rig_rows),
            matrix=tuple(tuple(float(value) for value in row) for row in matrix),
        ),
        inflation=inflation,
        bend_m=None if state.bend is None else (float(state.bend[0]), float(state.bend[1])),
        views=tuple(views),
        rejected=rejected,
        reordered=tuple(name for name in swapped if name not in rejected),
        refined=refined,
    )


def _noise_px(refined: Refined, views: Sequence[View]) -> dict[str, float]:
    """Standard deviation of a typical point along one axis, pixels."""
    noise = {}
    for name, factor in zip(refined.state.names, refined.factors, strict=True):
        stated = np.concatenate([np.asarray(v.seen[name].covariance) for v in views if name in v.seen])
        noise[name] = factor * float(np.sqrt(np.trace(stated, axis1=1, axis2=2).mean() / 2))
    return noise
