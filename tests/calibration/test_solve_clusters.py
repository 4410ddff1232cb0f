"""The covariance grows with errors that a view's points share, and only with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.solve.joint import Setup, solve_rig
from rigsight.calibration.solve.views import View
from rigsight.edge.benchmarks.calibration import rigs


def inflations(shared_px: float) -> list[float]:
    """Of simulated rigs whose views bulge or shrink as a whole by about ``shared_px`` at the rim."""
    board: Board = rigs.BOARD
    found = []
    for seed in range(8):
        rng = np.random.default_rng([77, seed])
        truth = rigs.random_rig(rng, (320, 256))
        views = []
        for view in rigs.random_views(rng, truth, board, 12):
            seen: dict[str, Detection] = {}
            for name, its in view.seen.items():
                centred = its.points - its.points.mean(axis=0)
                radius = np.abs(centred).max()
                bulge = shared_px * rng.standard_normal(2) * (centred / radius) ** 2
                seen[name] = replace(its, points=its.points + bulge)
            views.append(View(view.name, seen))
        solution = solve_rig(views, board, [Setup("rgb"), Setup("thermal", "thermal")])
        found.append(solution.inflation)
    return found


def test_independent_noise_leaves_the_covariance() -> None:
    assert sorted(inflations(0.0))[:6] == [1.0] * 6


def test_errors_shared_by_a_view_widen_it() -> None:
    assert np.median(inflations(0.3)) > 2


@pytest.mark.parametrize("names", [("rgb",), ("thermal",)])
def test_one_camera_too(names: tuple[str, ...]) -> None:
    rng = np.random.default_rng(5)
    truth = rigs.random_rig(rng, (320, 256))
    views = [
        View(v.name, {n: v.seen[n] for n in names}) for v in rigs.random_views(rng, truth, rigs.BOARD, 12)
    ]
    assert solve_rig(views, rigs.BOARD, [Setup(name) for name in names]).inflation < 1.5
