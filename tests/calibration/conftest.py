"""Rigs with known geometry."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Camera, OutputGrid, Plane, Rig, as_matrix4


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
        T[:3, :3] = cv2.Rodrigues(np.array(rotation))[0]
        T[:3, 3] = (-0.1, 0.004, 0.01)
        return Rig(
            cameras={"rgb": rgb, "thermal": thermal},
            reference="rgb",
            transforms={"thermal": as_matrix4(T)},
            surface=Plane(distance_m=8.0),
            output=OutputGrid(camera="rgb", width=640, height=480, K=rgb.K),
        )

    return make
