"""The simulated rig: a colour and a thermal camera in one of three scenes, with the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.rig import Camera, OutputGrid, Plane, Provenance, Rig, as_matrix3, as_matrix4
from rigsight.edge.frames import CountsToKelvin, Float32, Float64, UInt8
from rigsight.edge.simulation.camera import Eye, PixelRays
from rigsight.edge.simulation.rgb_sensor import RgbSensor
from rigsight.edge.simulation.splits import Draw, Pools, Scene, Split
from rigsight.edge.simulation.thermal_sensor import ThermalSensor
from rigsight.edge.simulation.view import View, World

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board
    from rigsight.edge.simulation.boards import BoardStudio

PERIOD_NS = 100_000_000
STREAM_GEOMETRY, STREAM_SENSORS, STREAM_NOISE, STREAM_BOARD = 100, 101, 102, 103


@dataclass(frozen=True)
class Optics:
    """A scene's cameras. Focal lengths are for a picture 1 pixel wide; surface and baseline in metres."""

    focal: float
    thermal_focal: float
    baseline_m: float
    surface_m: float
    turn_rad: float
    radial: tuple[float, float]


OPTICS: dict[Scene, Optics] = {
    "street": Optics(0.82, 0.75, 0.10, 12.0, 0.012, (-0.16, -0.06)),
    "facade": Optics(2.60, 2.38, 0.05, 5.0, 0.005, (-0.20, -0.05)),
    "pipe": Optics(0.62, 0.53, 0.02, 0.3, 0.012, (-0.085, -0.03)),
}


@dataclass(frozen=True)
class SimulatedDefect:
    """A defect in view. Length and width are true, along the surface, in millimetres."""

    id: int
    class_id: int
    length_mm: float
    width_mm: float
    visible_px: int


@dataclass(frozen=True)
class Truth:
    """What the pictures show. ``labels`` uint8 [H,W] and ``depth_m`` float32 [H,W] (infinity: sky) lie on
    the native RGB picture; ``T_world_rgb`` float64 [4,4]; ``illumination`` 1 by day, 0 at night."""

    labels: UInt8
    depth_m: Float32
    T_world_rgb: Float64
    defects: tuple[SimulatedDefect, ...]
    illumination: float
    captured_ns: int


@dataclass(frozen=True)
class SimulatedSet:
    """One instant: ``rgb`` uint8 [H,W,3], ``thermal`` uint16 [H,W] (counts), and the truth."""

    rgb: UInt8
    thermal: NDArray[np.uint16]
    truth: Truth


class SimulatedRig:
    """A rig on its drive, flight or crawl. The same arguments give the same pictures, in any order.

    ``rig`` is the true geometry; its surface is the scene's default plane and its output grid an ideal
    pinhole of the cameras' size.
    """

    def __init__(
        self, scene: Scene, seed: int, split: Split = "test", width: int = 320, height: int = 240
    ) -> None:
        self.scene, self.seed, self.split = scene, seed, split
        self.pools = Pools(scene, seed, split)
        self.rig = _make_rig(OPTICS[scene], self.pools.stream(STREAM_GEOMETRY), width, height, scene)
        sensors = self.pools.stream(STREAM_SENSORS)
        self.rgb_sensor = RgbSensor(sensors, width, height)
        self.thermal_sensor = ThermalSensor(sensors, width, height)
        self.world = _make_world(scene, self.pools)
        self._rays = {name: PixelRays(camera) for name, camera in self.rig.cameras.items()}

    @property
    def counts_to_kelvin(self) -> CountsToKelvin:
        """The thermal camera's radiometry."""
        return self.thermal_sensor.counts_to_kelvin

    def pose(self, camera: str, index: int) -> Float64:
        """T_world_<camera>, float64 [4,4], at a time step."""
        return self.world.pose(index) @ np.linalg.inv(self.rig.pose(camera))

    def view(self, camera: str, index: int) -> View:
        """A camera's noise-free view at a time step: depth and labels on its own pixels."""
        return self.world.view(Eye(self._rays[camera], self.pose(camera, index)), index)

    def render(self, index: int) -> SimulatedSet:
        """Both cameras' pictures at a time step of 0.1 s, and the truth."""
        view = self.view("rgb", index)
        noise = self.pools.stream(STREAM_NOISE, index).rng
        rgb = self.rgb_sensor(view.radiance(), noise)
        thermal = self.thermal_sensor(self.view("thermal", index).kelvin(), index, noise)
        truth = Truth(
            labels=view.labels,
            depth_m=view.depth,
            T_world_rgb=self.world.pose(index),
            defects=_defects_in(view),
            illumination=self.world.illumination(index),
            captured_ns=index * PERIOD_NS,
        )
        return SimulatedSet(rgb, thermal, truth)

    def board_views(self, board: Board, count: int) -> list[tuple[UInt8, NDArray[np.uint16]]]:
        """Pictures (rgb, thermal) of a heated calibration board held at ``count`` varied poses."""
        studio = self.board_studio(board)
        return [
            studio.render(T_rgb_board, k, self.rgb_sensor, self.thermal_sensor)
            for k, T_rgb_board in enumerate(studio.poses(count))
        ]

    def board_studio(self, board: Board) -> BoardStudio:
        """Who holds the board: ``poses(count)`` are the true poses of :meth:`board_views`."""
        from rigsight.edge.simulation.boards import BoardStudio

        return BoardStudio(self.rig, board, self.pools.stream(STREAM_BOARD))


def _defects_in(view: View) -> tuple[SimulatedDefect, ...]:
    if not view.defect_list:
        return ()
    visible = np.bincount(view.defects.reshape(-1) + 1, minlength=len(view.defect_list) + 1)[1:]
    return tuple(
        SimulatedDefect(shape.id, shape.class_id, shape.length_mm, shape.width_mm, int(pixels))
        for shape, pixels in zip(view.defect_list, visible, strict=True)
        if pixels > 0
    )


def _make_world(scene: Scene, pools: Pools) -> World:
    if scene == "street":
        from rigsight.edge.simulation.street import Street

        return Street(pools)
    if scene == "facade":
        from rigsight.edge.simulation.facade import Facade

        return Facade(pools)
    from rigsight.edge.simulation.pipe import Pipe

    return Pipe(pools)


def _make_rig(optics: Optics, draw: Draw, width: int, height: int, scene: Scene) -> Rig:
    focal = optics.focal * draw.uniform(0.97, 1.03)
    thermal_focal = optics.thermal_focal * draw.uniform(0.97, 1.03)
    turn = np.array([draw.uniform(-1.0, 1.0) for _ in range(3)]) * optics.turn_rad
    offset = np.array([draw.uniform(-0.06, 0.06), draw.uniform(-0.06, 0.06)]) * optics.baseline_m
    # The thermal camera sits to the right of the colour camera.
    centre = np.array([optics.baseline_m * draw.uniform(0.9, 1.1), offset[0], offset[1]])
    rotation = cv2.Rodrigues(turn)[0]
    T_thermal_rgb = np.eye(4)
    T_thermal_rgb[:3, :3] = rotation
    T_thermal_rgb[:3, 3] = -rotation @ centre
    cameras = {
        "rgb": _make_camera(draw, "rgb", focal, optics.radial, width, height),
        "thermal": _make_camera(draw, "thermal", thermal_focal, optics.radial, width, height),
    }
    # A slightly longer focal length keeps the grid inside both pictures.
    grid = np.array(
        [[focal * 1.03 * width, 0, (width - 1) / 2], [0, focal * 1.03 * width, (height - 1) / 2], [0, 0, 1]]
    )
    return Rig(
        cameras=cameras,
        reference="rgb",
        transforms={"thermal": as_matrix4(T_thermal_rgb)},
        surface=Plane(distance_m=optics.surface_m),
        output=OutputGrid(camera="rgb", width=width, height=height, K=as_matrix3(grid)),
        provenance=Provenance(tool="rigsight", notes=f"true geometry of the simulated {scene} rig"),
    )


def _make_camera(
    draw: Draw, spectrum: str, focal: float, radial: tuple[float, float], width: int, height: int
) -> Camera:
    f = focal * width
    # Distortion at the picture's corner is what counts: a long lens needs larger coefficients for it.
    k1 = draw.uniform(*radial)
    K = np.array(
        [
            [f, 0, (width - 1) / 2 + draw.uniform(-0.012, 0.012) * width],
            [0, f * draw.uniform(0.997, 1.003), (height - 1) / 2 + draw.uniform(-0.012, 0.012) * height],
            [0, 0, 1],
        ]
    )
    D = (k1, draw.uniform(0.0, 0.03), draw.uniform(-0.001, 0.001), draw.uniform(-0.001, 0.001), 0.0)
    return Camera(
        model="pinhole-radtan",
        width=width,
        height=height,
        K=as_matrix3(K),
        D=D,
        spectrum=spectrum,
    )
