"""What the budget table is measured on: a car rig's geometry and pictures of its native sizes."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration.rig import Camera, Matrix3, OutputGrid, Plane, Rig, as_matrix4
from rigsight.edge.frames import Frame, FrameSet, Image, PixelFormat
from rigsight.edge.pool import read_only

RGB_SIZE, THERMAL_SIZE, OUTPUT_SIZE = (1920, 1200), (640, 512), (640, 480)
PERIOD_NS = 33_333_333


def bench_rig() -> Rig:
    """RGB 1920x1200, thermal 640x512, lens distortion, 10 cm apart, a plane 12 m ahead, output 640x480."""
    rotation = cv2.Rodrigues(np.array([0.01, -0.02, 0.005]))[0]
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, (-0.10, 0.01, 0.02)
    return Rig(
        cameras={
            "rgb": Camera(
                model="pinhole-radtan",
                width=RGB_SIZE[0],
                height=RGB_SIZE[1],
                K=_K(1500.0, RGB_SIZE),
                D=(-0.12, 0.05, 0.0003, -0.0002, 0.0),
                spectrum="rgb",
            ),
            "thermal": Camera(
                model="pinhole-radtan",
                width=THERMAL_SIZE[0],
                height=THERMAL_SIZE[1],
                K=_K(560.0, THERMAL_SIZE),
                D=(-0.25, 0.10, 0.0005, 0.0004, 0.0),
                spectrum="thermal",
            ),
        },
        reference="rgb",
        transforms={"thermal": as_matrix4(pose)},
        surface=Plane(distance_m=12.0),
        output=OutputGrid(
            camera="rgb", width=OUTPUT_SIZE[0], height=OUTPUT_SIZE[1], K=_K(540.0, OUTPUT_SIZE)
        ),
    )


def bench_sets(count: int) -> list[FrameSet]:
    """Frame sets resident in memory: smooth scenes with sensor noise, RGB uint8 and thermal counts uint16."""
    return [_bench_set(index) for index in range(count)]


def _bench_set(index: int) -> FrameSet:
    chance = np.random.default_rng(index)
    rgb = _noisy(chance, (*RGB_SIZE[::-1], 3), 20.0, 230.0, 4.0).astype(np.uint8)
    thermal = _noisy(chance, THERMAL_SIZE[::-1], 7200.0, 9000.0, 12.0).astype(np.uint16)
    stamp = index * PERIOD_NS
    frames = {
        "rgb": Frame("rgb", read_only(rgb), stamp, index, PixelFormat.RGB8),
        "thermal": Frame("thermal", read_only(thermal), stamp, index, PixelFormat.MONO16),
    }
    return FrameSet(index, stamp, frames, skew_ns={"rgb": 0, "thermal": 0})


def _noisy(
    chance: np.random.Generator, shape: tuple[int, ...], low: float, high: float, sigma: float
) -> Image:
    coarse = chance.uniform(low, high, (9, 12, *shape[2:])).astype(np.float32)
    smooth = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    noise: Image = chance.standard_normal(shape, np.float32) * np.float32(sigma)
    return np.clip(smooth + noise, 0, 255 if high < 256 else 65535)


def _K(focal: float, size: tuple[int, int]) -> Matrix3:
    return ((focal, 0.0, (size[0] - 1) / 2), (0.0, focal, (size[1] - 1) / 2), (0.0, 0.0, 1.0))
