"""Alignment of simulated rigs at 10 m after so many views, held in so many ways."""

from __future__ import annotations

import time

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.uncertainty import predicted_alignment_errors
from rigsight.edge.benchmarks.calibration import rigs
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.benchmarks.calibration.uncertainty import calibrated_rig, solve

GOAL_PX = {(160, 120): 1.0, (320, 256): 0.25, (640, 512): 0.2}
HELD = {
    "25 good": (25, rigs.GOOD),
    "12 good": (12, rigs.GOOD),
    "25 of low tilt": (25, rigs.LOW_TILT),
    "25 in the centre": (25, rigs.CENTRE),
    "25 far": (25, rigs.FAR),
    "25 frontal": (25, rigs.FRONTAL),
}
DISTANCE_M = 10.0
SEED = 30_000
RIGS, QUICK_RIGS = 20, 3


def figures(quick: bool = False) -> list[Figure]:
    """Median over rigs of the alignment error at 10 m, RGB pixels; refusals counted."""
    count = QUICK_RIGS if quick else RIGS
    rows = []
    for size, goal in GOAL_PX.items():
        for held, (views, how) in HELD.items():
            errors, bounds, refused = [], [], 0
            for number in range(count):
                rng = np.random.default_rng([SEED, number, size[0]])
                truth = rigs.random_rig(rng, size)
                try:
                    rig = calibrated_rig(solve(rigs.random_views(rng, truth, rigs.BOARD, views, how)), truth)
                except RigsightError:
                    refused += 1
                    continue
                errors.append(alignment_error_px(rig, truth, "thermal", DISTANCE_M))
                bounds.append(predicted_alignment_errors(rig, "thermal", [DISTANCE_M])[0].bound_px)
            name = f"{size[0]}x{size[1]}, {held}"
            if errors:
                rows.append(Figure(name, float(np.median(errors)), "px", goal if held == "25 good" else None))
                rows.append(Figure(f"{name}: predicted bound", float(np.median(bounds)), "px"))
            if refused:
                rows.append(Figure(f"{name}: refused", 100 * refused / count, "%"))
    return [*rows, *speed(quick)]


def speed(quick: bool = False) -> list[Figure]:
    """Processor time to solve 50 pairs, with covariance and prediction."""
    rng = np.random.default_rng(SEED)
    truth = rigs.random_rig(rng, (640, 512))
    views = rigs.random_views(rng, truth, rigs.BOARD, 50)
    times = []
    for _ in range(1 if quick else 3):
        start = time.process_time()
        rig = calibrated_rig(solve(views), truth)
        predicted_alignment_errors(rig, "thermal", (5.0, 10.0, 20.0))
        times.append(time.process_time() - start)
    return [Figure("50 pairs solved with uncertainty", float(np.median(times)), "s", 5.0)]
