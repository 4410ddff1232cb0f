"""What a scene shows to one camera at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Float32, Float64, UInt8
from rigsight.edge.simulation.camera import Eye

Int32 = NDArray[np.int32]
Mask = NDArray[np.bool_]

# A thing narrower than this on the picture, or with fewer pixels, is background: nobody could label it.
MIN_WIDTH_PX = 2.0
MIN_AREA_PX = 12


class View(Protocol):
    """One camera's picture before its sensor. Arrays are [H,W] on the camera's native pixels.

    ``depth`` float32 metres (infinity for the sky), ``labels`` uint8 class ids, ``defects`` int32 index into
    the view's list of defects (-1 for none).
    """

    depth: Float32
    labels: UInt8
    defects: Int32
    defect_list: tuple[DefectShape, ...]

    def radiance(self) -> Float32:
        """Linear RGB float32 [3,H,W]; a white wall in sunshine is about 1."""

    def kelvin(self) -> Float32:
        """Apparent temperature, float32 [H,W]."""


class World(Protocol):
    """A scene: a drive, a flight or a crawl at 10 Hz."""

    def pose(self, index: int) -> Float64:
        """T_world_rgb, float64 [4,4], at a time step."""

    def illumination(self, index: int) -> float:
        """1 by day, 0 at night."""

    def view(self, eye: Eye, index: int) -> View:
        """What a camera sees at a time step."""


@dataclass(frozen=True)
class DefectShape:
    """A defect's identity and true size along the surface, millimetres."""

    id: int
    class_id: int
    length_mm: float
    width_mm: float


def day_and_night(index: int, phase: float, period: float = 400.0) -> float:
    """Illumination of a time-lapse: a raised cosine with long days and nights; ``phase`` 0..1.

    >>> day_and_night(0, 0.0), day_and_night(200, 0.0)
    (1.0, 0.0)
    """
    wave = 0.5 + 0.9 * np.cos(2 * np.pi * (index / period + phase))
    return float(np.clip(wave, 0.0, 1.0))


def pose_looking(
    forward: tuple[float, float, float],
    position: tuple[float, float, float],
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
) -> Float64:
    """T_world_camera, float64 [4,4], of an upright optical frame (x right, y down, z forward; world z up).

    ``forward`` is horizontal; small turns follow in radians: yaw to the right, pitch up, roll clockwise.
    """
    z = np.array(forward, dtype=np.float64)
    z /= np.linalg.norm(z)
    y = np.array([0.0, 0.0, -1.0])
    base = np.stack([np.cross(y, z), y, z], axis=1)
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    turn_yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn_roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    T = np.eye(4)
    T[:3, :3] = base @ turn_yaw @ turn_pitch @ turn_roll
    T[:3, 3] = position
    return T
