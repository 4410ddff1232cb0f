"""Boards held before the simulated rig, calibrated, and compared with the rig's true geometry."""

from __future__ import annotations

import pytest

from rigsight.calibration.accuracy import alignment_error_px, parallax_px
from rigsight.calibration.boards import Board
from rigsight.calibration.calibrate import calibrate_pair
from rigsight.edge.simulation.rig import SimulatedRig

SCENES = {"street": (5.0, 10.0, 20.0, 50.0), "facade": (3.0, 5.0, 8.0), "pipe": (0.15, 0.3, 0.6)}
# The board must be small where the rig looks at near things.
STEP_M = {"street": 0.05, "facade": 0.05, "pipe": 0.012}


@pytest.mark.parametrize(
    ("scene", "kind"),
    [
        ("street", "chessboard"),
        ("street", "asymmetric_circles"),
        ("facade", "asymmetric_circles"),
        ("pipe", "asymmetric_circles"),
    ],
)
def test_fifteen_board_views_align_to_half_a_pixel(scene: str, kind: str) -> None:
    step = STEP_M[scene]
    if kind == "chessboard":
        board = Board(kind="chessboard", columns=8, rows=5, square_m=step)
    else:
        board = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=step, diameter_m=0.85 * step)
    simulated = SimulatedRig(scene, seed=7)  # type: ignore[arg-type]
    views = simulated.board_views(board, 15)
    result = calibrate_pair(
        [rgb for rgb, _ in views], [counts for _, counts in views], board, surface=simulated.rig.surface
    )
    assert len(result.views_used) >= 12
    for distance in SCENES[scene]:
        assert alignment_error_px(result.rig, simulated.rig, "thermal", distance) <= 0.5
    calibrated = parallax_px(result.rig, "thermal", SCENES[scene])
    true = parallax_px(
        simulated.rig.model_copy(update={"output": result.rig.output}), "thermal", SCENES[scene]
    )
    for distance, error in calibrated.items():
        assert error == pytest.approx(true[distance], abs=0.5)
