"""Random rigs in front of a board: what their cameras would report, without rendering pictures.

The rig is that of a usual car or drone mount: RGB 1280x800 with a focal length near 900 px, a thermal
camera 10 cm beside it, and a board of 4 x 11 asymmetric circles (0.35 x 0.5 m) held at 0.8 to 1.6 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, OutputGrid, Plane, Rig, as_matrix3, as_matrix4
from rigsight.calibration.solve.first_guess import Spectrum
from rigsight.calibration.solve.views import View

BOARD = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.045, diameter_m=0.036)
RGB_NOISE_PX = 0.08
THERMAL_NOISE_PX = {(160, 120): 0.10, (320, 256): 0.05, (640, 512): 0.04}
THERMAL_FOCAL = 1.05  # of the picture's width
MAX_TILT_DEG = 40.0
ATTEMPTS = 2000


@dataclass(frozen=True)
class Holding:
    """How the operator holds the board: distances in metres, tilt in degrees, and where.

    ``spread`` is how far from the picture's middle the board's middle may be, as a part of the half picture.
    """

    near_m: float = 0.8
    far_m: float = 1.6
    tilt_deg: float = MAX_TILT_DEG
    spread: float = 0.9


GOOD = Holding()
LOW_TILT = Holding(tilt_deg=8)
FRONTAL = Holding(tilt_deg=1)
CENTRE = Holding(spread=0.15)
FAR = Holding(near_m=2.5, far_m=4.0)


def random_rig(rng: np.random.Generator, thermal_size: tuple[int, int]) -> Rig:
    """A rig as a workshop would build it: lenses off their data sheets, mount not quite parallel."""
    focal = 900 * rng.uniform(0.97, 1.03)
    rgb = _camera(rng, (1280, 800), focal, (-0.12, 0.05, 0.0, 0.0), "rgb")
    thermal_focal = THERMAL_FOCAL * thermal_size[0] * rng.uniform(0.97, 1.03)
    thermal = _camera(rng, thermal_size, thermal_focal, (-0.25, 0.08, 0.0, 0.0), "thermal")
    T = np.eye(4)
    T[:3, :3] = cv2.Rodrigues(rng.normal(0, np.radians(1.0), 3))[0]
    T[:3, 3] = np.array([-0.1, 0.0, 0.0]) + rng.normal(0, 0.004, 3)
    return Rig(
        cameras={"rgb": rgb, "thermal": thermal},
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        surface=Plane(distance_m=10.0),
        output=OutputGrid(camera="rgb", width=1280, height=800, K=rgb.K),
    )


def _camera(
    rng: np.random.Generator, size: tuple[int, int], focal: float, lens: tuple[float, ...], spectrum: Spectrum
) -> Camera:
    centre = (np.array(size) - 1) / 2 + rng.normal(0, 0.01, 2) * size[0]
    aspect = 1 + rng.normal(0, 0.002)
    K = np.array([[focal, 0, centre[0]], [0, focal * aspect, centre[1]], [0, 0, 1]])
    D = np.array(lens) + rng.normal(0, (0.02, 0.01, 0.0005, 0.0005))
    return Camera(
        model="pinhole-radtan",
        width=size[0],
        height=size[1],
        K=as_matrix3(K),
        D=tuple(float(value) for value in D),
        spectrum=spectrum,
    )


def random_pose(rng: np.random.Generator, rig: Rig, board: Board, how: Holding) -> Float64:
    """T_rgb_board, float64 [4,4], with all points in both pictures."""
    camera = rig.cameras["rgb"]
    points = board.object_points()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    for attempt in range(ATTEMPTS):
        give = how.spread * (1 - attempt / ATTEMPTS)
        angle, tilt = rng.uniform(0, 2 * np.pi), np.radians(how.tilt_deg) * np.sqrt(rng.uniform(0.05, 1))
        turn = cv2.Rodrigues(tilt * np.array([np.cos(angle), np.sin(angle), 0.0]))[0]
        roll = cv2.Rodrigues(np.array([0.0, 0.0, rng.uniform(-0.4, 0.4) + rng.integers(2) * np.pi / 2]))[0]
        depth = rng.uniform(how.near_m, how.far_m)
        across = rng.uniform(-give, give, 2) * np.array(camera.size) / 2 / camera.K[0][0]
        T = np.eye(4)
        T[:3, :3] = turn @ roll
        T[:3, 3] = depth * np.array([*across, 1.0]) - T[:3, :3] @ middle
        if all(_in_view(rig, name, T, points) for name in rig.cameras):
            return T
    raise ValueError("the board does not fit into both pictures")


def _in_view(rig: Rig, name: str, pose: Float64, points: Float64) -> bool:
    camera = rig.cameras[name]
    T = rig.pose(name) @ pose
    pixels = project(camera, points @ T[:3, :3].T + T[:3, 3])
    return bool(((pixels > 4) & (pixels < np.array(camera.size) - 5)).all())


def observe(rng: np.random.Generator, rig: Rig, board: Board, pose: Float64, name: str) -> View:
    """What both cameras report of a board, with their noise."""
    points = board.object_points()
    seen = {}
    for camera_name, camera in rig.cameras.items():
        T = rig.pose(camera_name) @ pose
        sigma = THERMAL_NOISE_PX.get(camera.size, RGB_NOISE_PX)
        pixels = project(camera, points @ T[:3, :3].T + T[:3, 3])
        noisy = pixels + rng.normal(0, sigma, pixels.shape)
        covariance = np.broadcast_to(sigma**2 * np.eye(2), (len(points), 2, 2))
        seen[camera_name] = Detection(noisy, camera.size, covariance=covariance)
    return View(name, seen)


def random_views(
    rng: np.random.Generator, rig: Rig, board: Board, count: int, how: Holding = GOOD
) -> list[View]:
    """``count`` views of a board held at random."""
    return [
        observe(rng, rig, board, random_pose(rng, rig, board, how), f"{index:03d}") for index in range(count)
    ]
