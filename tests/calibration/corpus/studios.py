"""Boards held in ways that the simulator's own studio does not hold them."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.rig import Camera, Rig, as_matrix3
from rigsight.edge.frames import Float32
from rigsight.edge.simulation.boards import BoardStudio
from rigsight.edge.simulation.splits import Draw


def looking_straight(pose: Float64) -> Float64:
    """The same place without tilt."""
    straight = pose.copy()
    straight[:3, :3] = np.eye(3)
    return straight


def placed(
    studio: BoardStudio,
    count: int,
    *,
    depth_m: tuple[float, float],
    at: tuple[float, float],
    spread: float,
    tilt_deg: float,
) -> list[Float64]:
    """Poses around one place of the picture (0, 0 is its middle, 0.5 its edge), tilts in all directions."""
    rng = np.random.default_rng(7)
    camera = studio.rig.cameras["rgb"]
    x0, y0, x1, y1 = studio.board.outline_m
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2, 0.0])
    poses = []
    for index in range(100 * count):
        angle = 2 * np.pi * index / count
        tilt = np.radians(tilt_deg) * np.array([np.cos(angle), np.sin(angle), 0])
        depth = rng.uniform(*depth_m)
        off = (np.array(at) + rng.uniform(-spread, spread, 2)) * camera.size
        pose = np.eye(4)
        pose[:3, :3] = cv2.Rodrigues(tilt)[0]
        pose[:3, 3] = depth * np.array([*(off / camera.K[0][0]), 1]) - pose[:3, :3] @ middle
        if studio._in_view(pose):
            poses.append(pose)
        if len(poses) == count:
            return poses
    raise ValueError("the board does not fit there")


def quarter_turned(studio: BoardStudio, pose: Float64) -> Float64 | None:
    """The pose turned about the board's normal until its rows run to the right in one camera only.

    None where the two cameras see it too much alike.
    """
    board = studio.board
    middle = board.object_points().mean(axis=0)
    best, clearest = pose, 0.0
    for degrees in np.arange(80, 100, 0.1):
        turned = pose.copy()
        turned[:3, :3] = pose[:3, :3] @ cv2.Rodrigues(np.radians([0.0, 0.0, degrees]))[0]
        turned[:3, 3] = pose[:3, :3] @ middle + pose[:3, 3] - turned[:3, :3] @ middle
        rightward = []
        for camera in studio.rig.cameras:
            rows = studio.project(camera, turned).reshape(board.rows, board.columns, 2)
            direction = (rows[:, -1] - rows[:, 0]).mean(axis=0)
            rightward.append(direction[0] / np.linalg.norm(direction))
        if rightward[0] * rightward[1] < 0 and min(np.abs(rightward)) > clearest:
            best, clearest = turned, float(min(np.abs(rightward)))
    return best if clearest > 0.001 else None


def with_lens(rig: Rig, name: str, model: str, focal: float, D: tuple[float, ...]) -> Rig:
    """The rig with another lens before one camera; ``focal`` for a picture 1 pixel wide."""
    old = rig.cameras[name]
    f = focal * old.width
    K = np.array([[f, 0, (old.width - 1) / 2], [0, f, (old.height - 1) / 2], [0, 0, 1]])
    camera = Camera(
        model=model, width=old.width, height=old.height, K=as_matrix3(K), D=D, spectrum=old.spectrum
    )
    return rig.model_copy(update={"cameras": {**rig.cameras, name: camera}})


class BentStudio(BoardStudio):
    """Holds a board whose middle stands out by ``bend_m`` along both directions: z = b (2 - x^2 - y^2)."""

    def __init__(self, rig: Rig, board: Board, draw: Draw, bend_m: float) -> None:
        super().__init__(rig, board, draw)
        self.bend_m = bend_m

    def _coverage(self, camera: str, T_rgb_board: Float64) -> tuple[Float32, Float32, Float32, Float32]:
        T = self.rig.pose(camera) @ T_rgb_board
        local = np.tensordot(T[:3, :3].T.astype(np.float32), self._rays[camera], axes=1)
        origin = -(T[:3, :3].T @ T[:3, 3]).astype(np.float32)
        x0, y0, x1, y1 = self.board.outline_m
        height = np.float32(0)
        for _ in range(4):  # the ray meets z = height(x, y), which hardly changes
            depth = (height - origin[2]) / local[2]
            x, y = origin[0] + depth * local[0], origin[1] + depth * local[1]
            u, v = 2 * (x - x0) / (x1 - x0) - 1, 2 * (y - y0) / (y1 - y0) - 1
            height = self.bend_m * np.clip(2 - u * u - v * v, 0, 2)
        board = (x > x0) & (x < x1) & (y > y0) & (y < y1) & (depth > 0)
        ink = board & self._ink(x, y)
        size = self.rig.cameras[camera].size
        shares = [
            cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            for values in (ink, board, x / np.float32(x1 - x0), y / np.float32(y1 - y0))
        ]
        return shares[0], shares[1], shares[2], shares[3]
