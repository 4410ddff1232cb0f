"""Somebody with a board before the simulated rig, who looks at the outline on the screen and follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera
from rigsight.edge import codes
from rigsight.edge.frames import Float64, Image
from rigsight.edge.simulation.boards import BoardStudio
from rigsight.edge.simulation.rig import STREAM_BOARD, SimulatedRig

PERIOD_NS = 100_000_000
OVERSAMPLING = 2  # a stream must come faster than single pictures


@dataclass(frozen=True)
class Habits:
    """How well and how fast an operator works.

    Attributes:
        speed_m_s, turn_deg_s: of the board on its way.
        error_m, error_deg: typical miss of the wanted pose (standard deviation along and about an axis).
        tremor_m, tremor_deg: of hands that hold still, from picture to picture.
        patience_s: after holding still for so long without success, the operator aims again, better.
    """

    speed_m_s: float = 0.6
    turn_deg_s: float = 70.0
    error_m: float = 0.05
    error_deg: float = 8.0
    tremor_m: float = 0.0002
    tremor_deg: float = 0.02
    patience_s: float = 1.5


class Operator:
    """Moves a board from pose to pose T_rgb_board, float64 [4,4], with finite speed and imperfectly."""

    def __init__(self, start: Float64, seed: int, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self.pose = start
        self._rng = np.random.default_rng([77, seed])
        self._wanted: Float64 | None = None
        self._goal = start
        self._held_s = 0.0
        self._care = 1.0

    def aim(self, wanted: Float64) -> None:
        """Follow a wanted pose; the same one again changes nothing."""
        if self._wanted is None or np.abs(wanted - self._wanted).max() > 1e-3:
            self._wanted, self._care = wanted, 1.0
            self._goal = missed(wanted, self._rng, self.habits)

    def move(self, seconds: float) -> Float64:
        """The board's pose after some time."""
        turn, _ = cv2.Rodrigues(self._goal[:3, :3] @ self.pose[:3, :3].T)
        way = self._goal[:3, 3] - self.pose[:3, 3]
        needed = max(
            float(np.linalg.norm(way)) / self.habits.speed_m_s,
            float(np.degrees(np.linalg.norm(turn))) / self.habits.turn_deg_s,
        )
        share = min(1.0, seconds / needed) if needed > 0 else 1.0
        self.pose = self.pose.copy()
        self.pose[:3, :3] = cv2.Rodrigues(np.asarray(turn) * share)[0] @ self.pose[:3, :3]
        self.pose[:3, 3] += share * way
        self._held_s = self._held_s + seconds if share == 1.0 else 0.0
        if self._held_s > self.habits.patience_s and self._wanted is not None:
            # Nothing happens: look closer at the outline.
            self._held_s, self._care = 0.0, self._care / 2
            self._goal = missed(self._wanted, self._rng, self.habits, self._care)
        return _shaken(self.pose, self._rng, self.habits.tremor_m, self.habits.tremor_deg)


def missed(wanted: Float64, rng: np.random.Generator, habits: Habits, care: float = 1.0) -> Float64:
    """A pose somewhere near the wanted one; ``care`` scales how far off."""
    return _shaken(wanted, rng, care * habits.error_m, care * habits.error_deg)


def _shaken(pose: Float64, rng: np.random.Generator, sigma_m: float, sigma_deg: float) -> Float64:
    off = pose.copy()
    off[:3, :3] = cv2.Rodrigues(np.radians(sigma_deg) * rng.standard_normal(3))[0] @ pose[:3, :3]
    off[:3, 3] += sigma_m * rng.standard_normal(3)
    return off


def pose_of_outline(outline: Float64, board: Board, camera: Camera) -> Float64:
    """The pose T_camera_board in which a true camera sees the board's edge at an outline.

    Args:
        outline: pixels float64 [4n,2], n points a side from the first corner on, as the guidance draws it.
        board: whose edge it is.
        camera: the true lens, which the guidance may know badly: people follow what they see.
    """
    x0, y0, x1, y1 = board.outline_m
    corners = np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]])
    along = np.arange(len(outline) // 4)[:, None] / (len(outline) // 4)
    edge = np.concatenate(
        [a + along * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    rays = undistort(camera, outline)
    known = np.isfinite(rays).all(axis=1)
    _, turn, shift = cv2.solvePnP(
        edge[known],
        np.ascontiguousarray(rays[known])[:, None],
        np.eye(3),
        np.zeros(4),
        flags=cv2.SOLVEPNP_IPPE,
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(turn)[0], np.asarray(shift).reshape(3)
    return pose


class OperatorSource:
    """The pictures of a simulated rig while an operator holds a board before it, ten pairs a second.

    Raises CAL-052 when the board does not fit into both pictures.
    """

    def __init__(self, simulated: SimulatedRig, board: Board, habits: Habits | None = None) -> None:
        self.simulated, self.board = simulated, board
        draw = simulated.pools.stream(STREAM_BOARD)
        self._studio = BoardStudio(simulated.rig, board, draw, OVERSAMPLING)
        try:
            start = self._studio.poses(1)[0]
        except ValueError as error:
            raise codes.LIVE_BOARD(str(error)) from error
        self.operator = Operator(start, simulated.seed, habits)

    def follow(self, outline: Float64) -> None:
        """Show the operator where the board should be: its edge in the RGB picture, pixels [4n,2]."""
        if np.isfinite(outline).sum() >= 16:
            self.operator.aim(pose_of_outline(outline, self.board, self.simulated.rig.cameras["rgb"]))

    def pairs(self) -> Iterator[tuple[dict[str, Image], int]]:
        """Pictures (rgb uint8 [H,W,3], thermal counts uint16 [H,W]) and their stamp, without end."""
        index = 0
        while True:
            pose = self.operator.move(PERIOD_NS / 1e9)
            rgb, thermal = self._studio.render(
                pose, index, self.simulated.rgb_sensor, self.simulated.thermal_sensor
            )
            yield {"rgb": rgb, "thermal": thermal}, index * PERIOD_NS
            index += 1
