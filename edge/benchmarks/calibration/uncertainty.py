"""Do calibrations know how good they are? The 95 % band against the truth of simulated rigs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.boards import Board
from rigsight.calibration.output_grid import with_crop
from rigsight.calibration.rig import OutputGrid, Rig, as_matrix4
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.solve.views import View
from rigsight.calibration.uncertainty import PredictedError, predicted_alignment_errors
from rigsight.edge.benchmarks.calibration import rigs
from rigsight.edge.benchmarks.calibration.table import Figure

DISTANCES_M = (0.3, 1.5, 5.0, 10.0, 50.0)
VIEWS = (8, 15, 25)
RIGS, QUICK_RIGS = 500, 24
COVERED = (93.0, 97.0)
SEED = 20_000


@dataclass(frozen=True)
class Outcome:
    """One simulated rig: true errors and predictions at the distances, or None where it was refused."""

    true_px: tuple[float, ...]
    predicted: tuple[PredictedError, ...]


def calibrated_rig(solution: Solution, like: Rig) -> Rig:
    """The rig of a solution, with the surface of another one."""
    reference = solution.reference
    camera = solution.cameras[reference]
    return with_crop(
        Rig(
            cameras=solution.cameras,
            reference=reference,
            transforms={name: as_matrix4(T) for name, T in solution.transforms.items()},
            surface=like.surface,
            output=OutputGrid(camera=reference, width=camera.width, height=camera.height, K=camera.K),
            covariance=solution.covariance,
        )
    )


def solve(views: list[View], board: Board = rigs.BOARD) -> Solution:
    """The joint solution of an RGB and a thermal camera."""
    return solve_rig(views, board, [Setup("rgb", "rgb"), Setup("thermal", "thermal")])


def outcome(number: int) -> Outcome | None:
    """Simulate, solve and judge one rig; the same number gives the same rig. None where it is refused."""
    rng = np.random.default_rng([SEED, number])
    sizes = list(rigs.THERMAL_NOISE_PX)
    truth = rigs.random_rig(rng, sizes[number % len(sizes)])
    views = rigs.random_views(rng, truth, rigs.BOARD, VIEWS[number // len(sizes) % len(VIEWS)])
    try:
        rig = calibrated_rig(solve(views), truth)
    except RigsightError:
        return None
    predicted = predicted_alignment_errors(rig, "thermal", DISTANCES_M)
    true = tuple(alignment_error_px(rig, truth, "thermal", distance) for distance in DISTANCES_M)
    return Outcome(true, predicted)


def figures(quick: bool = False) -> list[Figure]:
    """Share of rigs whose true error lies in the predicted 95 % band, for each distance."""
    count = QUICK_RIGS if quick else RIGS
    found = [outcome(number) for number in range(count)]
    solved = [one for one in found if one is not None]
    rows = [Figure("rigs solved", len(solved)), Figure("rigs refused", count - len(solved))]
    inside: list[bool] = []
    for index, distance in enumerate(DISTANCES_M):
        pairs = [(one.true_px[index], one.predicted[index]) for one in solved]
        band = [predicted.low_px <= true <= predicted.high_px for true, predicted in pairs]
        bound = [true <= predicted.bound_px for true, predicted in pairs]
        inside += band
        rows.append(_share(f"in the 95 % band at {distance:g} m", band))
        rows.append(_share(f"below the 95 % bound at {distance:g} m", bound))
    rows.append(_share("in the 95 % band, all distances", inside))
    rows.append(Figure("the same, not too wide", 100 * float(np.mean(inside)), "%", COVERED[1], "lower"))
    return rows


def _share(name: str, values: list[bool]) -> Figure:
    return Figure(name, 100 * float(np.mean(values)), "%", COVERED[0], "higher")
