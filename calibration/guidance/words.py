"""How to bring the board to where it is wanted, in words that can be read from two metres away."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64

SHIFT_OF_DEPTH = 0.08  # aside, as a part of the distance
NEARER = 0.12  # relative change of distance
TILT_DEG, ROLL_DEG = 10.0, 15.0
MOST_WORDS = 2

MIRRORED = {"left": "right", "right": "left", "clockwise": "anticlockwise", "anticlockwise": "clockwise"}
HOLD = "Hold still"
SHOW = "Show the whole board to both cameras"


@dataclass(frozen=True)
class Move:
    """How the board must move.

    Attributes:
        right_m, down_m: in the reference picture, metres.
        away_m: farther from the cameras, metres.
        top_away_deg, right_away_deg: tilts, degrees.
        clockwise_deg: in the reference picture, degrees.
        depth_m: wanted distance, metres.
    """

    right_m: float
    down_m: float
    away_m: float
    top_away_deg: float
    right_away_deg: float
    clockwise_deg: float
    depth_m: float

    @property
    def arrived(self) -> bool:
        """Near enough: nothing is left to say."""
        return not self._severities()

    def text(self, mirrored: bool = False) -> str:
        """The one or two moves that matter most; left and right swap for who looks into a mirrored picture.

        >>> Move(-0.2, 0, 0, 30, 0, 0, 1.0).text()
        'Tip the top away, move 20 cm left'
        >>> Move(-0.2, 0, 0, 0, 0, 0, 1.0).text(mirrored=True)
        'Move 20 cm right'
        """
        severe = self._severities()
        if not severe:
            return HOLD
        chosen = sorted(severe, key=lambda item: -item[0])[:MOST_WORDS]
        words = ", ".join(text for _, text in chosen)
        if mirrored:
            words = re.sub(
                r"\b(left|right|clockwise|anticlockwise)\b", lambda found: MIRRORED[found[0]], words
            )
        return words[0].upper() + words[1:]

    def _severities(self) -> list[tuple[float, str]]:
        """(how many times its tolerance, words) of each move that is needed."""
        shift, away = SHIFT_OF_DEPTH * self.depth_m, NEARER * self.depth_m
        moves = [
            (self.right_m / shift, f"move {_cm(self.right_m)} right", f"move {_cm(self.right_m)} left"),
            (self.down_m / shift, f"move {_cm(self.down_m)} down", f"move {_cm(self.down_m)} up"),
            (self.away_m / away, f"{_cm(self.away_m)} farther away", f"{_cm(self.away_m)} nearer"),
            (self.top_away_deg / TILT_DEG, "tip the top away", "tip the top towards the cameras"),
            (self.right_away_deg / TILT_DEG, "turn the right side away", "turn the left side away"),
            (self.clockwise_deg / ROLL_DEG, "rotate it clockwise", "rotate it anticlockwise"),
        ]
        return [(abs(size), more if size > 0 else less) for size, more, less in moves if abs(size) > 1]


def move_between(now: Float64, wanted: Float64, board: Board) -> Move:
    """The move from one T_reference_board to another, both float64 [4,4]."""
    points = board.object_points()
    middle = np.append((points.min(axis=0) + points.max(axis=0)) / 2, 1.0)
    start, end = (now @ middle)[:3], (wanted @ middle)[:3]
    # To the wanted place in the picture, at the wanted distance.
    aside = end[:2] - start[:2] * end[2] / start[2]
    turn = _rotation_vector(wanted[:3, :3] @ now[:3, :3].T)
    return Move(
        right_m=float(aside[0]),
        down_m=float(aside[1]),
        away_m=float(end[2] - start[2]),
        top_away_deg=-float(turn[0]),  # about x to the right: the bottom goes away
        right_away_deg=-float(turn[1]),  # about y downwards: the right side comes near
        clockwise_deg=float(turn[2]),
        depth_m=float(end[2]),
    )


def _rotation_vector(rotation: Float64) -> Float64:
    """Degrees, float64 [3]."""
    vector, _ = cv2.Rodrigues(rotation)
    degrees: Float64 = np.degrees(np.asarray(vector, dtype=np.float64).reshape(3))
    return degrees


def _cm(metres: float) -> str:
    size = abs(metres) * 100
    step = 1 if size < 10 else 5
    return f"{round(size / step) * step:.0f} cm"
