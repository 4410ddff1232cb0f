"""Whether lens and board are what they were taken for: another model that explains the residuals better.

A wrong model leaves residuals that look alike in all views, so that they do not average out: the predicted
error is then too small. Here the alternatives are solved, too. One counts where the Bayesian information
criterion (Schwarz 1978) prefers it clearly and it moves the aligned pictures by more than the error that was
predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error
from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Camera, Rig, as_matrix4
from rigsight.calibration.solve.first_guess import Model
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.refine import Refined, refine
from rigsight.calibration.solve.solution import Solution
from rigsight.calibration.uncertainty import PredictedError

CLEARLY_BETTER = 30.0  # of the criterion; 10 is called very strong, but noise is never quite Gaussian
NOISE_LOWERED = 1.1  # by a lens of another kind, at least
OF_PREDICTED, OF_TOLERANCE = 0.7, 0.25  # what a shift must exceed to count
SUSPICIOUS_INFLATION = 3.0  # of the variance, by residuals that are alike within views
OTHER_MODEL: dict[str, Model] = {"pinhole-radtan": "fisheye", "fisheye": "pinhole-radtan"}


def model_objections(
    solution: Solution,
    rig: Rig,
    board: Board,
    predicted: Sequence[PredictedError],
    tolerance_px: float,
) -> list[str]:
    """Reasons why a pair of cameras must not be used: a bent board or a lens of another kind.

    Args:
        solution: of two cameras.
        rig: made from it.
        board: as board.yaml has it.
        predicted: the alignment errors that the solution predicts.
        tolerance_px: largest bearable alignment error.
    """
    judged = _Judged(rig, predicted, tolerance_px)
    bend = _bend_objection(solution, board, judged)
    if bend:
        return [bend]
    if solution.inflation > SUSPICIOUS_INFLATION and judged.bad_anyway:
        lens = _lens_objection(solution, board, judged)
        return [lens] if lens else []
    return []


@dataclass(frozen=True)
class _Judged:
    """The rig in question and what is asked of it."""

    rig: Rig
    predicted: Sequence[PredictedError]
    tolerance_px: float

    @property
    def bad_anyway(self) -> bool:
        """Whether the predicted error is unbearable."""
        return max(error.bound_px for error in self.predicted) > self.tolerance_px

    def harm(self, other: Refined, explains: bool = False) -> str | None:
        """What the better model changes, in words; None when it makes no difference to the user.

        It does when it moves the pictures by more than was predicted, and when it ``explains`` an error that
        is unbearable anyway.
        """
        state = other.state
        cameras: dict[str, Camera] = dict(zip(state.names, state.cameras, strict=True))
        transforms = {
            name: as_matrix4(T) for name, T in zip(state.names[1:], state.extrinsics[1:], strict=True)
        }
        rig = self.rig.model_copy(update={"cameras": cameras, "transforms": transforms, "covariance": None})
        moved = {
            error: alignment_error(self.rig, rig, state.names[1], error.distance_m).rms_px
            for error in self.predicted
        }
        worst = max(moved, key=lambda error: moved[error] / max(error.bound_px, 1e-9))
        shift = moved[worst]
        hidden = shift > max(OF_PREDICTED * worst.bound_px, OF_TOLERANCE * self.tolerance_px)
        if not hidden and not (explains and self.bad_anyway):
            return None
        return f"the pictures lie {shift:.2g} px elsewhere at {worst.distance_m:g} m"


def preference(refined: Refined, other: Refined) -> float:
    """By how much the Bayesian information criterion prefers ``other``: 2 ln L - k ln n, larger is better.

    Each camera's residuals are Gaussian with its own estimated deviation, f times the stated one.
    """
    counts = [2 * len(seen.pixels) for seen in refined.observed]
    gains = [
        n * np.log(before / after)
        for n, before, after in zip(counts, refined.factors, other.factors, strict=True)
    ]
    more = other.state.shared_count - refined.state.shared_count
    return float(2 * sum(gains) - more * np.log(sum(counts)))


def _bend_objection(solution: Solution, board: Board, judged: _Judged) -> str | None:
    if solution.bend_m is not None:
        return None
    bent = refine(replace(solution.refined.state, bend=np.zeros(2)), solution.views, board)
    if bent.state.bend is None or preference(solution.refined, bent) < CLEARLY_BETTER:
        return None
    if not all(a <= b for a, b in zip(bent.factors, solution.refined.factors, strict=True)):
        return None  # a bend makes up for something else in one camera, at the cost of the other
    harm = judged.harm(bent)
    if harm is None:
        return None
    millimetres = 1000 * float(np.abs(bent.state.bend).max())
    return f"the board is bent by {millimetres:.2g} mm ({harm}): add --bend, or use a stiff board"


def _lens_objection(solution: Solution, board: Board, judged: _Judged) -> str | None:
    models: dict[str, Model] = {name: camera.model for name, camera in solution.cameras.items()}
    best: tuple[float, list[str], Refined] | None = None
    for changed in ([*models], *([name] for name in models)):
        tried = _solved(solution, board, models | {name: OTHER_MODEL[models[name]] for name in changed})
        if tried is None:
            continue
        lowered = [solution.noise_px[name] > NOISE_LOWERED * tried.noise_px[name] for name in changed]
        better = preference(solution.refined, tried.refined)
        if all(lowered) and better > (best[0] if best else CLEARLY_BETTER):
            best = better, changed, tried.refined
    harm = judged.harm(best[2], explains=True) if best else None
    if best is None or harm is None:
        return None
    wrong = " and ".join(f"'{name}'" for name in best[1])
    kinds = " and ".join(dict.fromkeys(OTHER_MODEL[models[name]] for name in best[1]))
    option = ",".join(OTHER_MODEL[model] if name in best[1] else model for name, model in models.items())
    return f"the lens model of {wrong} is wrong, {kinds} fits far better ({harm}): add --models {option}"


def _solved(solution: Solution, board: Board, models: dict[str, Model]) -> Solution | None:
    """The same views solved with other lens models; None where they give no solution from all of them."""
    setups = [Setup(name, solution.cameras[name].spectrum, model) for name, model in models.items()]
    try:
        tried = solve_rig(solution.views, board, setups)
    except RigsightError:
        return None
    return tried if len(tried.views) == len(solution.views) else None
