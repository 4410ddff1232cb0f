"""What views would tell about the rig, for many poses at once, and what that does to the alignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.rig import Camera, Covariance, Rig
from rigsight.calibration.solve.lens import lens_names, project_with_derivatives
from rigsight.calibration.solve.noise import inverse
from rigsight.calibration.solve.state import State, cross_matrices
from rigsight.calibration.uncertainty import covariance_matrix, mean_square_form, square_root


def information_of_views(rig: State, poses: Float64, board: Board, noise_px: Mapping[str, float]) -> Float64:
    """Information of a view of the whole board at each pose on the shared parameters, float64 [N,S,S].

    J_s^T W J_s - J_s^T W J_p (J_p^T W J_p)^-1 J_p^T W J_s: what is left after the board's pose is eliminated
    (Schur complement). The solver's own normal equations say the same of one view; here all poses go at
    once, and every camera is taken to see the board.

    Args:
        rig: lenses and extrinsics; its bend is left out.
        poses: T_reference_board, float64 [N,4,4].
        board: held there.
        noise_px: camera -> standard deviation of a point along one axis, pixels.
    """
    points = board.object_points()
    count, size = len(poses), rig.shared_count
    shared, joint, own = np.zeros((count, size, size)), np.zeros((count, size, 6)), np.zeros((count, 6, 6))
    turned_points = points @ poses[:, :3, :3].transpose(0, 2, 1)
    in_reference = turned_points + poses[:, None, :3, 3]
    crosses = cross_matrices(turned_points.reshape(-1, 3))
    for index, (name, camera) in enumerate(zip(rig.names, rig.cameras, strict=True)):
        rotation, shift = rig.extrinsics[index, :3, :3], rig.extrinsics[index, :3, 3]
        arms = in_reference.reshape(-1, 3) @ rotation.T
        projected = project_with_derivatives(camera, arms + shift)
        by_point = projected.by_point / noise_px[name]
        by_reference = by_point @ rotation
        by_pose = np.concatenate([-by_reference @ crosses, by_reference], axis=2).reshape(count, -1, 6)
        columns = [projected.by_lens[:, :, rig.free[index]] / noise_px[name]]
        at = np.arange(rig.lens_columns(index).start, rig.lens_columns(index).stop)
        if index:
            columns.append(np.concatenate([-by_point @ cross_matrices(arms), by_point], axis=2))
            at = np.append(at, np.arange(rig.pose_columns(index).start, rig.pose_columns(index).stop))
        by_shared = np.concatenate(columns, axis=2).reshape(count, -1, len(at))
        transposed = by_shared.transpose(0, 2, 1)
        shared[:, at[:, None], at] += transposed @ by_shared
        joint[:, at] += transposed @ by_pose
        own += by_pose.transpose(0, 2, 1) @ by_pose
    reduced: Float64 = shared - joint @ np.linalg.solve(own, joint.transpose(0, 2, 1))
    return reduced


def rig_state(cameras: Mapping[str, Camera], transforms: Mapping[str, Float64]) -> State:
    """The unknowns of a rig without views; the reference comes first."""
    extrinsics = [np.eye(4), *(transforms[name] for name in list(cameras)[1:])]
    free = tuple(np.ones(len(lens_names(camera)), dtype=np.bool_) for camera in cameras.values())
    return State(tuple(cameras), tuple(cameras.values()), free, np.array(extrinsics), np.zeros((0, 4, 4)))


def as_covariance(information: Float64, names: Sequence[str]) -> Covariance:
    """Inverse of an information matrix as rig.yaml's covariance; raises LinAlgError when singular."""
    matrix = inverse(information)
    return Covariance(
        parameters=tuple(names), matrix=tuple(tuple(float(value) for value in row) for row in matrix)
    )


class Outlook:
    """How the expected alignment error of a solved rig would change with further views.

    With covariance C = L L^T, a mean square error e^T S e over the grid and a view's information V the
    expected error is tr((C^-1 + V)^-1 S) = tr((1 + L^T V L)^-1 L^T S L), which stays exact however badly
    the rig is determined so far.
    """

    def __init__(self, rig: Rig, camera: str, distances_m: Sequence[float]) -> None:
        """``camera`` is aligned to the reference; errors are averaged (mean square) over the distances.

        Raises RigsightError CAL-006 when the rig has no covariance.
        """
        self._root = square_root(covariance_matrix(rig))
        forms = [mean_square_form(rig, camera, distance) for distance in distances_m]
        self._weight = self._root.T @ np.mean(forms, axis=0) @ self._root

    @property
    def error_px(self) -> float:
        """Expected root mean square alignment error now, pixels of the grid."""
        return float(np.sqrt(np.trace(self._weight)))

    def with_views(self, information: Float64) -> Float64:
        """The same after one more view of each information [N,S,S], float64 [N]."""
        gained = self._root.T @ information @ self._root
        left = np.linalg.solve(np.eye(len(self._root)) + gained, self._weight[None])
        expected: Float64 = np.sqrt(np.maximum(np.trace(left, axis1=1, axis2=2), 0))
        return expected
