"""The unknowns: lenses and poses of the cameras, poses of the board, and its bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.rig import Camera
from rigsight.calibration.solve.lens import lens_names, lens_vector, with_lens

POSE = ("rx", "ry", "rz", "tx", "ty", "tz")


@dataclass(frozen=True)
class State:
    """Values of the unknowns. The first camera is the reference.

    Attributes:
        names: of the cameras.
        cameras: their lenses.
        free: which lens parameters may move, bool [P], for each camera.
        extrinsics: T_<camera>_<reference> of each, float64 [C,4,4]; the first is the identity.
        poses: T_<reference>_board of each view, float64 [V,4,4].
        bend: deviation of the board from flat, metres [2]: z = b0 (1 - x^2) + b1 (1 - y^2) with x and y from
            -1 to 1 over its points (mrcal's model), or None for a flat one.
    """

    names: tuple[str, ...]
    cameras: tuple[Camera, ...]
    free: tuple[NDArray[np.bool_], ...]
    extrinsics: Float64
    poses: Float64
    bend: Float64 | None = None

    @property
    def shared_names(self) -> tuple[str, ...]:
        """Names of the shared parameters, as rig.yaml's covariance has them; bend last."""
        reference = self.names[0]
        names: list[str] = []
        for name, camera, free in zip(self.names, self.cameras, self.free, strict=True):
            names += [f"{name}.{part}" for part, moves in zip(lens_names(camera), free, strict=True) if moves]
        for name in self.names[1:]:
            names += [f"T_{name}_{reference}.{part}" for part in POSE]
        if self.bend is not None:
            names += ["board.bend_x", "board.bend_y"]
        return tuple(names)

    def lens_columns(self, camera: int) -> slice:
        """Columns of a camera's lens among the shared parameters."""
        start = sum(int(free.sum()) for free in self.free[:camera])
        return slice(start, start + int(self.free[camera].sum()))

    def pose_columns(self, camera: int) -> slice:
        """Columns of a camera's extrinsics; empty for the reference."""
        start = sum(int(free.sum()) for free in self.free) + 6 * max(camera - 1, 0)
        return slice(start, start + (6 if camera else 0))

    @property
    def shared_count(self) -> int:
        """Number of shared parameters."""
        lenses = sum(int(free.sum()) for free in self.free)
        return lenses + 6 * (len(self.cameras) - 1) + (0 if self.bend is None else 2)

    def moved(self, shared: Float64, poses: Float64) -> State:
        """The state after a step: ``shared`` [S] and ``poses`` [V,6]; rotations turn on the left."""
        cameras = []
        for index, (camera, free) in enumerate(zip(self.cameras, self.free, strict=True)):
            vector = lens_vector(camera)
            vector[free] += shared[self.lens_columns(index)]
            cameras.append(with_lens(camera, vector))
        steps = [np.zeros(6)] + [shared[self.pose_columns(index)] for index in range(1, len(cameras))]
        return replace(
            self,
            cameras=tuple(cameras),
            extrinsics=turned(self.extrinsics, np.array(steps)),
            poses=turned(self.poses, poses),
            bend=None if self.bend is None else self.bend + shared[-2:],
        )

    def without_views(self, keep: Sequence[int]) -> State:
        """The state of some of the views."""
        return replace(self, poses=self.poses[list(keep)])


def turned(poses: Float64, steps: Float64) -> Float64:
    """Poses [N,4,4] moved by [N,6]: R <- exp(r) R, t <- t + s (Rodrigues' formula)."""
    rotation = rotation_matrices(steps[:, :3])
    moved = poses.copy()
    moved[:, :3, :3] = rotation @ poses[:, :3, :3]
    moved[:, :3, 3] += steps[:, 3:]
    return moved


def rotation_matrices(vectors: Float64) -> Float64:
    """exp of rotation vectors [N,3], radians, as float64 [N,3,3].

    >>> np.round(rotation_matrices(np.array([[0, 0, np.pi / 2]]))[0], 6).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    small = angle < 1e-8
    safe = np.where(small, 1.0, angle)
    K = cross_matrices(vectors)
    first = np.where(small, 1.0, np.sin(safe) / safe)
    second = np.where(small, 0.5, (1 - np.cos(safe)) / (safe * safe))
    rotation: Float64 = np.eye(3) + first * K + second * (K @ K)
    return rotation


def cross_matrices(vectors: Float64) -> Float64:
    """[v]x with [v]x w = v x w, float64 [N,3,3]."""
    crosses = np.zeros((len(vectors), 3, 3))
    crosses[:, 0, 1], crosses[:, 0, 2], crosses[:, 1, 2] = -vectors[:, 2], vectors[:, 1], -vectors[:, 0]
    crosses[:, 1, 0], crosses[:, 2, 0], crosses[:, 2, 1] = vectors[:, 2], -vectors[:, 1], vectors[:, 0]
    return crosses


def bend_shapes(board: Board) -> Float64:
    """How every point's z follows the two bend parameters, float64 [N,2]."""
    xy = board.object_points()[:, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    centred = (2 * xy - low - high) / (high - low)
    shapes: Float64 = 1 - centred**2
    return shapes
