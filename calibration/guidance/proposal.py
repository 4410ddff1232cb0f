"""The next best pose: the view that lowers the expected alignment error most, given what is known so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.guidance.information import (
    Outlook,
    as_covariance,
    information_of_views,
    rig_state,
)
from rigsight.calibration.guidance.poses import (
    first_poses,
    poses_of,
    seen_by_all,
    wishes,
)
from rigsight.calibration.rig import Camera, OutputGrid, Rig, as_matrix4
from rigsight.calibration.solve.first_guess import Model, Spectrum
from rigsight.calibration.solve.state import State

NOMINAL_HFOV_DEG = 55.0
# Refused poses, and their likes within this angle and part of the distance, are not proposed again.
ALIKE_DEG, ALIKE_OF_DISTANCE = 12.0, 0.12


# Standard deviations of a nominal rig: parts of the width, distortion, radians, metres.
PRIOR_OF_WIDTH = {"fx": 0.3, "fy": 0.3, "cx": 0.05, "cy": 0.05}
PRIOR = {"k1": 0.3, "k2": 0.2, "k3": 0.1, "k4": 0.1, "p1": 0.005, "p2": 0.005}
PRIOR |= dict.fromkeys(("rx", "ry", "rz"), 0.3) | dict.fromkeys(("tx", "ty", "tz"), 0.3)


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


def first_proposal(
    rig: State,
    board: Board,
    taken: Sequence[Float64],
    distances_m: Sequence[float],
    refused: Sequence[Float64] = (),
) -> Proposal | None:
    """The next view while nothing is solved.

    The first one is in the middle, where both cameras will see it. Those that follow are the best for a rig
    of which only :data:`PRIOR` is known, and what the views at ``taken`` (T_reference_board) tell: that keeps
    them from being alike, which would leave focal lengths free.
    """
    if not taken:
        tries = first_poses(rig, board)
        return next((Proposal(pose) for pose in tries if not any(alike(pose, r) for r in refused)), None)
    information = np.diag([1 / prior_sigma(rig, name) ** 2 for name in rig.shared_names])
    information += information_of_views(rig, np.array(taken), board, dict.fromkeys(rig.names, 1.0)).sum(
        axis=0
    )
    outlook = Outlook(_as_rig(rig, information), rig.names[1], distances_m)
    found = best_proposal(rig, board, outlook, dict.fromkeys(rig.names, 1.0), refused)
    return None if found is None else Proposal(found.pose)


def prior_sigma(rig: State, parameter: str) -> float:
    """How far a parameter of the nominal rig may be off.

    >>> rig = nominal_rig({"a": nominal_camera((100, 80), "rgb", "pinhole-radtan")}, {})
    >>> round(prior_sigma(rig, "a.cx"), 3), prior_sigma(rig, "a.k1")
    (5.0, 0.3)
    """
    name, _, part = parameter.rpartition(".")
    if part in PRIOR_OF_WIDTH:
        return PRIOR_OF_WIDTH[part] * rig.cameras[rig.names.index(name)].width
    return PRIOR[part]


def _as_rig(rig: State, information: Float64) -> Rig:
    cameras = dict(zip(rig.names, rig.cameras, strict=True))
    reference = rig.names[0]
    return Rig(
        cameras=cameras,
        reference=reference,
        transforms={name: as_matrix4(T) for name, T in zip(rig.names[1:], rig.extrinsics[1:], strict=True)},
        output=OutputGrid(
            camera=reference,
            width=cameras[reference].width,
            height=cameras[reference].height,
            K=cameras[reference].K,
        ),
        covariance=as_covariance(information, rig.shared_names),
    )


def best_proposal(
    rig: State, board: Board, outlook: Outlook, noise_px: Mapping[str, float], refused: Sequence[Float64]
) -> Proposal | None:
    """The candidate that leaves the least expected error, of those that every camera sees; or None."""
    poses = poses_of(rig, board, wishes(board))
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
