"""Rigs with known geometry, and pictures of boards that their cameras would take."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Camera, OutputGrid, Plane, Rig, as_matrix4
from rigsight.calibration.targets.ink import marker_ink


@pytest.fixture
def make_rig() -> Callable[..., Rig]:
    """A rig of an RGB and a thermal camera with distortion, rotation and baseline."""

    def make(rotation: tuple[float, float, float] = (0.01, -0.03, 0.02), fisheye: bool = False) -> Rig:
        rgb = Camera(
            model="pinhole-radtan",
            width=640,
            height=480,
            K=((450, 0, 322), (0, 452, 238), (0, 0, 1)),
            D=(-0.12, 0.05, 0.001, -0.0005, 0.01),
            spectrum="rgb",
        )
        thermal = Camera(
            model="fisheye" if fisheye else "pinhole-radtan",
            width=640,
            height=512,
            K=((520, 0, 318), (0, 519, 250), (0, 0, 1)),
            D=(-0.02, 0.01, -0.003, 0.001) if fisheye else (-0.31, 0.1, 0.0008, -0.0003),
            spectrum="thermal",
        )
        T = np.eye(4)
        T[:3, :3] = cv2.Rodrigues(np.array(rotation, dtype=np.float64))[0]
        T[:3, 3] = (-0.1, 0.004, 0.01)
        return Rig(
            cameras={"rgb": rgb, "thermal": thermal},
            reference="rgb",
            transforms={"thermal": as_matrix4(T)},
            surface=Plane(distance_m=8.0),
            output=OutputGrid(camera="rgb", width=640, height=480, K=rgb.K),
        )

    return make


@pytest.fixture
def data() -> Path:
    """The folder of real development pictures, beside the repository."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the development data are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def good_poses() -> Callable[..., list[Float64]]:
    """Poses T_camera_board of a board tilted in all directions, mostly inside the picture."""

    def make(board: Board, camera: Camera, count: int, seed: int = 0, tilt_deg: float = 35) -> list[Float64]:
        rng = np.random.default_rng(seed)
        points = board.object_points()
        middle = points.mean(axis=0)
        extent = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
        poses = []
        while len(poses) < count:
            direction = rng.uniform(0, 2 * np.pi)
            tilt = np.radians(rng.uniform(0.3, 1) * tilt_deg)
            axis = np.array([np.cos(direction), np.sin(direction), 0]) * tilt
            spin = cv2.Rodrigues(np.array([0, 0, rng.uniform(-0.3, 0.3)]))[0]
            pose = np.eye(4)
            pose[:3, :3] = cv2.Rodrigues(axis)[0] @ spin
            depth = camera.matrix[0, 0] * extent / camera.width / rng.uniform(0.4, 0.75)
            across = rng.uniform(-0.3, 0.3, 2) * np.array(camera.size) / camera.matrix[0, 0] * depth
            pose[:3, 3] = np.array([*across, depth]) - pose[:3, :3] @ middle
            corners = project(camera, points @ pose[:3, :3].T + pose[:3, 3])
            if (corners > 8).all() and (corners < np.array(camera.size) - 9).all():
                poses.append(pose)
        return poses

    return make


@pytest.fixture(scope="session")
def picture_of() -> Callable[..., np.ndarray]:
    """The picture float64 [H,W] that a camera takes of a board: supersampled, blurred, noisy."""

    def make(
        board: Board,
        camera: Camera,
        pose: Float64,
        dark: float = 40.0,
        bright: float = 200.0,
        blur_px: float = 0.6,
        noise: float = 1.0,
        seed: int = 0,
        over: int = 3,
    ) -> np.ndarray:
        width, height = camera.size
        rays = fine_rays(camera, over)
        # Plane-induced homography from rays to the board's x and y.
        plane = np.column_stack([pose[:3, 0], pose[:3, 1], pose[:3, 3]])
        xyw = rays @ np.linalg.inv(plane).T
        x, y = xyw[:, 0] / xyw[:, 2], xyw[:, 1] / xyw[:, 2]
        left, top, right, bottom = board.outline_m
        inside = (x > left) & (x < right) & (y > top) & (y < bottom) & (xyw[:, 2] > 0)
        if board.kind == "chessboard":
            step = board.step_m
            squares = (x > -step) & (x < board.columns * step) & (y > -step) & (y < board.rows * step)
            ink = squares & ((np.floor(x / step) + np.floor(y / step)) % 2 == 0)
        elif board.marker_count:
            ink = marker_ink(board)(x, y)
        else:
            ink = in_circles(board, x / board.step_m, y / board.step_m)
        value = np.where(inside, np.where(ink, dark, bright), (2 * dark + bright) / 3)
        picture = value.reshape(height, over, width, over).mean(axis=(1, 3))
        if blur_px:
            picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
        return picture + np.random.default_rng(seed).normal(0, noise, picture.shape)

    return make


@lru_cache(maxsize=8)
def fine_rays(camera: Camera, over: int) -> Float64:
    """``over`` x ``over`` rays a pixel, float64 [N,3], row by row."""
    width, height = camera.size
    at = (np.arange(max(width, height) * over) + 0.5) / over - 0.5
    u, v = np.meshgrid(at[: width * over], at[: height * over])
    normalised = undistort(camera, np.stack([u.ravel(), v.ravel()], axis=1))
    return np.column_stack([normalised, np.ones(len(normalised))])


def in_circles(board: Board, u: Float64, v: Float64) -> np.ndarray:
    """Whether points in units of the pitch lie in a circle of the board."""
    radius = board.circle_m / 2 / board.step_m
    shifts, pitch = ((0, 1), 2) if board.kind == "asymmetric_circles" else ((0,), 1)
    inside = np.zeros(u.shape, dtype=bool)
    for shift in shifts:
        column = np.clip(np.rint((u - shift) / pitch), 0, board.columns - 1) * pitch + shift
        rows = range(shift, board.rows, pitch)
        row = np.clip(np.rint((v - shift) / pitch), 0, len(rows) - 1) * pitch + shift
        inside |= (u - column) ** 2 + (v - row) ** 2 < radius**2
    return inside
