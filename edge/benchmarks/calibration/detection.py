"""How often, how well and how fast boards are found in simulated thermal pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.detection import Detection
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.frames import Float64
from rigsight.edge.simulation.thermal_boards import (
    CONDITIONS,
    Condition,
    board_points,
    board_pose,
    picture_of_board,
    thermal_camera,
)

BOARD = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.04, diameter_m=0.034)
SIZES = ((160, 120), (320, 256), (640, 512))
POSES, QUICK_POSES = 48, 6
FALSE_PICTURES, QUICK_FALSE_PICTURES = 300, 30
HELD_OUT_SEED = 90_000
WRONG_PX, WRONG_OF_SPACING = 3.0, 0.2
CENTRE_GOALS = {
    ("easy", 160): None,
    ("medium", 160): 0.12,
    ("easy", 320): 0.03,
    ("medium", 320): 0.05,
    ("easy", 640): 0.03,
    ("medium", 640): 0.05,
}


@dataclass
class Cell:
    """What one size and condition gave: square errors in pixels, seconds, and counts."""

    shown: int = 0
    found: int = 0
    wrong: int = 0
    squares: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def rms_px(self) -> float:
        """Root mean square distance of the points from the truth, pixels."""
        return float(np.sqrt(np.mean(self.squares))) if self.squares else float("nan")


def measure(board: Board, size: tuple[int, int], condition: Condition, poses: int, seed: int) -> Cell:
    """Show a board at ``poses`` poses, in turn with warm and cold ink, as counts and as 8 bits."""
    cell = Cell()
    for number in range(poses):
        rng = np.random.default_rng([seed, number, size[0]])
        camera = thermal_camera(*size, kind=number % 3)
        T = board_pose(board, camera, rng)
        picture = picture_of_board(
            board,
            camera,
            T,
            condition,
            rng,
            warm_ink=bool(number % 2),
            eight_bit=bool(number // 2 % 2),
        )
        start = time.process_time()
        detection = detect(picture, board)
        cell.seconds.append(time.process_time() - start)
        cell.shown += 1
        if detection is None:
            continue
        error = errors(detection, board, board_points(board, camera, T))
        if is_wrong(error, board_points(board, camera, T)):
            cell.wrong += 1
        else:
            cell.found += 1
            cell.squares += np.square(error).tolist()
    return cell


def errors(detection: Detection, board: Board, truth: Float64) -> Float64:
    """Distances of the points to the true ones in the order that fits best, pixels, float64 [N]."""
    candidates = [np.linalg.norm(detection.points[order] - truth, axis=1) for order in board.orders()]
    return min(candidates, key=lambda error: float(error.max()))


def is_wrong(error: Float64, truth: Float64) -> bool:
    """Whether any point is nearer to a mistake than to its place."""
    gaps = np.linalg.norm(truth[:, None] - truth, axis=2) + 1e9 * np.eye(len(truth))
    return bool((error > min(WRONG_PX, WRONG_OF_SPACING * float(gaps.min()))).any())


def false_pictures(number: int, size: tuple[int, int]) -> tuple[str, NDArray[np.uint16] | NDArray[np.uint8]]:
    """A picture in which ``BOARD`` must not be found, and what it shows.

    In turn: a room without a board, a board of another size or kind, a board in part.
    """
    rng = np.random.default_rng([77, number, size[0]])
    camera = thermal_camera(*size, kind=number % 3)
    condition = list(CONDITIONS.values())[int(rng.integers(3))]
    warm, eight = bool(rng.integers(2)), bool(rng.integers(2))
    kind = ("none", "other", "part")[number % 3]
    if kind == "none":
        picture = picture_of_board(None, camera, np.eye(4), condition, rng, eight_bit=eight)
        return kind, picture
    if kind == "other":
        board = OTHERS[number // 3 % len(OTHERS)]
        T = board_pose(board, camera, rng)
        return kind, picture_of_board(board, camera, T, condition, rng, warm_ink=warm, eight_bit=eight)
    T = board_pose(BOARD, camera, rng, fill=(0.6, 0.9))
    points = board_points(BOARD, camera, T)
    covered = None
    if number // 3 % 2:
        # A hand before a disc, at least.
        spacing = float(np.sort(np.linalg.norm(points[0] - points[1:], axis=1))[0])
        at = points[int(rng.integers(BOARD.count))]
        covered = (float(at[0]), float(at[1]), spacing * float(rng.uniform(0.5, 1.5)))
    else:
        # Pushed out of the picture until at least one row of points is outside.
        while (board_points(BOARD, camera, T) > 0).all() and (
            board_points(BOARD, camera, T) < np.array(size) - 1
        ).all():
            T[:2, 3] += 0.05 * T[2, 3] * np.sign(T[:2, 3] + 1e-9)
    return kind, picture_of_board(
        BOARD, camera, T, condition, rng, warm_ink=warm, eight_bit=eight, covered=covered
    )


OTHERS = tuple(
    BOARD.model_copy(update=change)
    for change in (
        {"rows": 10},
        {"rows": 12},
        {"rows": 13},
        {"rows": 9},
        {"columns": 5},
        {"columns": 3},
        {"columns": 6, "rows": 15},
        {"kind": "circles", "columns": 4, "rows": 11, "pitch_m": 0.05},
        {"kind": "circles", "columns": 9, "rows": 12, "pitch_m": 0.045},
        {
            "kind": "chessboard",
            "columns": 4,
            "rows": 11,
            "pitch_m": None,
            "diameter_m": None,
            "square_m": 0.04,
        },
    )
)


def figures(quick: bool = False) -> list[Figure]:
    """Detection, wrong boards, centre errors and times for each size and condition."""
    found: list[Figure] = []
    for size in SIZES:
        for name, condition in CONDITIONS.items():
            cell = measure(BOARD, size, condition, QUICK_POSES if quick else POSES, HELD_OUT_SEED)
            where = f"{size[0]}x{size[1]} {name}"
            goal = 90.0 if name == "hard" else 99.0
            found.append(Figure(f"found {where}", 100 * cell.found / cell.shown, "%", goal, "higher"))
            found.append(Figure(f"wrong {where}", cell.wrong, goal=0))
            found.append(Figure(f"centre rms {where}", cell.rms_px, "px", CENTRE_GOALS.get((name, size[0]))))
            found.append(Figure(f"time {where}, median", 1e3 * float(np.median(cell.seconds)), "ms"))
            found.append(Figure(f"time {where}, longest", 1e3 * max(cell.seconds), "ms", 1000.0))
    return found + false_figures(QUICK_FALSE_PICTURES if quick else FALSE_PICTURES)


def false_figures(pictures: int, first: int = 0) -> list[Figure]:
    """How many boards are accepted in ``pictures`` pictures without the board, and the time they take."""
    accepted = {"none": 0, "other": 0, "part": 0}
    seconds: dict[str, list[float]] = {kind: [] for kind in accepted}
    for number in range(first, first + pictures):
        kind, picture = false_pictures(number, SIZES[number // 3 % 3])
        start = time.process_time()
        accepted[kind] += detect(picture, BOARD) is not None
        seconds[kind].append(time.process_time() - start)
    what = {"none": "no board", "other": "another board", "part": "part of the board"}
    found = [Figure(f"accepted: {what[kind]}", count, goal=0) for kind, count in accepted.items()]
    times = [second for each in seconds.values() for second in each]
    typical = 1e3 * float(np.median(seconds["none"]))
    found.append(Figure("time without a board, median", typical, "ms", 300.0))
    found.append(Figure("time without the whole board, longest", 1e3 * max(times), "ms", 1000.0))
    return found
