"""What a view would tell about the rig: information adds up over views, so it can be weighed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, Covariance
from rigsight.calibration.solve.adjust import total
from rigsight.calibration.solve.lens import lens_names
from rigsight.calibration.solve.linear import Target, linearise
from rigsight.calibration.solve.noise import inverse, reduced_information
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.views import Observations


def rig_state(cameras: Mapping[str, Camera], transforms: Mapping[str, Float64]) -> State:
    """The unknowns of a rig without views; the reference comes first."""
    extrinsics = [np.eye(4), *(transforms[name] for name in list(cameras)[1:])]
    free = tuple(np.ones(len(lens_names(camera)), dtype=np.bool_) for camera in cameras.values())
    return State(tuple(cameras), tuple(cameras.values()), free, np.array(extrinsics), np.zeros((0, 4, 4)))


def view_information(
    rig: State, pose: Float64, board: Board, noise_px: Mapping[str, float], cameras: Sequence[str]
) -> Float64 | None:
    """Information that a view of the board would add, float64 [S,S]; None if it would not be seen whole.

    Args:
        rig: lenses and extrinsics as they are known so far (:func:`rig_state`, or a solution's state).
        pose: T_reference_board, float64 [4,4].
        board: held there.
        noise_px: camera -> standard deviation of a point along one axis, pixels.
        cameras: which ones must see the whole board.
    """
    target = Target.of(board)
    state = State(rig.names, rig.cameras, rig.free, rig.extrinsics, pose[None], None)
    arrows = []
    ids = np.arange(len(target.points), dtype=np.intp)
    for index, name in enumerate(rig.names):
        if name not in cameras:
            continue
        T = rig.extrinsics[index] @ pose
        camera = rig.cameras[index]
        pixels = project(camera, target.points @ T[:3, :3].T + T[:3, 3])
        inside = (pixels >= 0) & (pixels <= np.array(camera.size) - 1)
        if not (np.isfinite(pixels).all() and inside.all()):
            return None
        whiten = np.broadcast_to(np.eye(2) / noise_px[name], (len(ids), 2, 2))
        seen = Observations(np.zeros(len(ids), dtype=np.intp), ids, pixels, whiten)
        arrows.append(linearise(state, index, seen, target, np.ones(len(ids))))
    return reduced_information(total(arrows))


def as_covariance(information: Float64, names: Sequence[str]) -> Covariance:
    """Inverse of an information matrix as rig.yaml's covariance; raises LinAlgError when singular."""
    matrix = inverse(information)
    return Covariance(
        parameters=tuple(names), matrix=tuple(tuple(float(value) for value in row) for row in matrix)
    )
