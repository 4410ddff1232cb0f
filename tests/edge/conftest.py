"""A capture without rendering: detections of a true rig, with noise, for pictures that only look alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance.capture import GuidedCapture
from rigsight.calibration.guidance.estimate import Settings
from rigsight.calibration.guidance.poses import outline
from rigsight.calibration.projection import project
from rigsight.edge.simulation.operator import Habits, Operator, pose_of_outline
from rigsight.edge.simulation.rig import SimulatedRig

STEP_NS = 100_000_000
NOISE_PX = 0.05


class Stage:
    """A simulated rig, an operator and a capture that leads him; ``step()`` is a tenth of a second."""

    def __init__(self, habits: Habits | None = None, **settings: Any) -> None:
        self.simulated = SimulatedRig("street", seed=3)
        self.rig = self.simulated.rig
        self.board = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.05, diameter_m=0.0425)
        self._rng = np.random.default_rng(1)
        self._seen: dict[int, Detection | None] = {}
        start = np.eye(4)
        start[:3, 3] = (-0.2, -0.2, 1.2)
        self.operator = Operator(start, 1, habits)
        settings = {"target_px": 0.5, "background": False} | settings
        self.capture = GuidedCapture(self.board, Settings(**settings), self)
        self.stamp_ns = 0

    def step(self, follow: bool = True) -> Any:
        """Move the board, take pictures, ask for guidance."""
        if follow and self.capture.proposal is not None and self.capture.rig is not None:
            edge = outline(self.capture.rig, 0, self.board, self.capture.proposal.pose)
            self.operator.aim(pose_of_outline(edge, self.board, self.rig.cameras["rgb"]))
        pose = self.operator.move(STEP_NS / 1e9)
        self.stamp_ns += STEP_NS
        return self.capture.step(self.pictures(pose), self.stamp_ns)

    def pictures(self, pose: np.ndarray) -> dict[str, np.ndarray]:
        """Plain pictures that :meth:`follow` knows again."""
        made = {}
        self._seen.clear()
        for name, camera in self.rig.cameras.items():
            T = self.rig.pose(name) @ pose
            pixels = project(camera, self.board.object_points() @ T[:3, :3].T + T[:3, 3])
            inside = ((pixels > 2) & (pixels < np.array(camera.size) - 3)).all()
            across = np.linspace(60, 140, camera.width)[None, :] + np.zeros((camera.height, 1))
            picture = (
                across.astype(np.uint16) * 90
                if name == "thermal"
                else np.dstack([across] * 3).astype(np.uint8)
            )
            noisy = pixels + NOISE_PX * self._rng.standard_normal(pixels.shape)
            self._seen[id(picture)] = Detection(noisy, camera.size) if inside else None
            made[name] = picture
        return made

    def follow(self, camera: str, image: np.ndarray) -> Detection | None:
        """As a finder does: what is seen in one of the last pictures."""
        return self._seen[id(image)]

    def search(self, image: np.ndarray) -> Detection | None:
        """The same."""
        return self._seen[id(image)]


@pytest.fixture
def stage() -> type[Stage]:
    """Makes a :class:`Stage`; keywords are those of the capture's settings."""
    return Stage
