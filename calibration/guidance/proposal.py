"""The next best pose: a script while nothing is known, then the view that lowers the expected error most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.guidance.information import Outlook, information_of_views
from rigsight.calibration.guidance.poses import (
    poses_of,
    scripted_pose,
    seen_by_all,
    wishes,
)
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.first_guess import Model, Spectrum
from rigsight.calibration.solve.information import rig_state
from rigsight.calibration.solve.state import State

NOMINAL_HFOV_DEG = 55.0
# Refused poses, and their likes within this angle and part of the distance, are not proposed again.
ALIKE_DEG, ALIKE_OF_DISTANCE = 12.0, 0.12


@dataclass(frozen=True)
class Proposal:
    """Where to hold the board next.

    Attributes:
        pose: T_reference_board, float64 [4,4], as well as it is known.
        expected_px: alignment error to expect after this view; None while nothing is solved.
    """

    pose: Float64
    expected_px: float | None = None


def nominal_camera(
    size: tuple[int, int], spectrum: Spectrum, model: Model, hfov_deg: float = NOMINAL_HFOV_DEG
) -> Camera:
    """A lens without distortion and of a usual field of view, until the real one is known."""
    half = np.radians(hfov_deg) / 2
    focal = size[0] / 2 / (half if model == "fisheye" else float(np.tan(half)))
    K = ((focal, 0.0, (size[0] - 1) / 2), (0.0, focal, (size[1] - 1) / 2), (0.0, 0.0, 1.0))
    return Camera(model=model, width=size[0], height=size[1], K=K, D=(0.0, 0.0, 0.0, 0.0), spectrum=spectrum)


def nominal_rig(cameras: Mapping[str, Camera], transforms: Mapping[str, Float64]) -> State:
    """A rig to plan the first views with; cameras without a transform sit at the reference."""
    names = list(cameras)
    return rig_state(cameras, {name: transforms.get(name, np.eye(4)) for name in names[1:]})


def first_proposal(rig: State, board: Board, number: int, refused: Sequence[Float64]) -> Proposal | None:
    """The step of the script that follows ``number`` views and the refused ones; None if none is seen."""
    for step in range(number + len(refused), number + len(refused) + 12):
        pose = scripted_pose(rig, board, step)
        if pose is not None and not any(alike(pose, other) for other in refused):
            return Proposal(pose)
    return None


def best_proposal(
    rig: State, board: Board, outlook: Outlook, noise_px: Mapping[str, float], refused: Sequence[Float64]
) -> Proposal | None:
    """The candidate that leaves the least expected error, of those that every camera sees; or None."""
    poses = poses_of(rig, board, wishes())
    poses = poses[seen_by_all(rig, board, poses)]
    poses = np.array([pose for pose in poses if not any(alike(pose, other) for other in refused)])
    if not len(poses):
        return None
    left = outlook.with_views(information_of_views(rig, poses, board, noise_px))
    best = int(np.argmin(left))
    return Proposal(poses[best], float(left[best]))


def alike(pose: Float64, other: Float64) -> bool:
    """Whether two poses of the board are nearly the same view."""
    cosine = (np.trace(pose[:3, :3].T @ other[:3, :3]) - 1) / 2
    apart = float(np.linalg.norm(pose[:3, 3] - other[:3, 3]))
    turned = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return turned < ALIKE_DEG and apart < ALIKE_OF_DISTANCE * float(np.linalg.norm(other[:3, 3]))
