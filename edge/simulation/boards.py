"""Calibration boards as both cameras see them: warm ink on cooler paper, anti-aliased."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, Rig
from rigsight.calibration.targets.ink import marker_ink
from rigsight.edge.frames import Float32, Float64, UInt8
from rigsight.edge.simulation import textures
from rigsight.edge.simulation.camera import PixelRays
from rigsight.edge.simulation.rgb_sensor import RgbSensor
from rigsight.edge.simulation.splits import Draw
from rigsight.edge.simulation.thermal_sensor import ThermalSensor

OVERSAMPLING = 5
MARGIN_PX = 3.0
# Nearer than this, a small board cannot be in both pictures.
MIN_BASELINES = 6.0
MAX_TILT_RAD = np.deg2rad(40.0)
ATTEMPTS = 400

INK, PAPER, ROOM = 0.05, 0.80, 0.28
PAPER_K, ROOM_K, INK_OVER_PAPER_K = 301.0, 294.5, 6.0


class BoardStudio:
    """Holds one board in front of a rig. The same draw gives the same poses and pictures."""

    def __init__(self, rig: Rig, board: Board, draw: Draw, oversampling: int = OVERSAMPLING) -> None:
        """``oversampling`` rays a pixel along each axis: fewer are faster and less exact."""
        self.rig, self.board, self.draw = rig, board, draw
        self._points = board.object_points()
        self._marker_ink = marker_ink(board) if board.marker_count else None
        x0, y0, x1, y1 = board.outline_m
        self._outline = np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]], dtype=np.float64)
        self._baseline_m = max(float(np.linalg.norm(rig.pose(name)[:3, 3])) for name in rig.cameras)
        self._rays = {name: _fine_rays(camera, oversampling) for name, camera in rig.cameras.items()}
        self._texture = textures.noise(int(draw.rng.integers(1 << 16)))

    def poses(self, count: int) -> list[Float64]:
        """``count`` poses T_rgb_board, float64 [4,4]: all over the picture, tilted up to 40 degrees.

        The whole board is in both cameras' pictures in every pose.
        """
        # A grid of wanted places, visited in random order, spreads the board over the picture.
        side = max(2, int(np.ceil(np.sqrt(count))))
        places = [(i, k) for i in range(side) for k in range(side)]
        order = self.draw.rng.permutation(len(places))
        return [self._pose(places[order[n % len(order)]], side, n) for n in range(count)]

    def _pose(self, place: tuple[int, int], side: int, number: int) -> Float64:
        draw, camera = self.draw, self.rig.cameras["rgb"]
        extent = np.ptp(self._outline[:, :2], axis=0)
        middle = self._outline.mean(axis=0)
        share = draw.uniform(0.6, 0.98)
        for attempt in range(ATTEMPTS):
            # The first tries hold the board large and far out; later ones give way until it fits.
            give = 1 - attempt / ATTEMPTS
            fill = share * (0.6 + 0.4 * give)
            depth = max(extent[0] / camera.width, extent[1] / camera.height) * camera.K[0][0] / fill
            depth = max(depth, MIN_BASELINES * self._baseline_m)
            angle = draw.uniform(0.0, 2 * np.pi)
            tilt = 0.0 if number % 8 == 0 else MAX_TILT_RAD * np.sqrt(draw.uniform(0.1, 1.0))
            turn = cv2.Rodrigues(tilt * np.array([np.cos(angle), np.sin(angle), 0.0]))[0]
            roll = cv2.Rodrigues(np.array([0.0, 0.0, draw.uniform(-0.3, 0.3)]))[0]
            u = (place[0] + draw.uniform(0.0, 1.0)) / side - 0.5
            v = (place[1] + draw.uniform(0.0, 1.0)) / side - 0.5
            place_px = give * give * np.array([u * camera.width, v * camera.height])
            centre = depth * np.array([place_px[0] / camera.K[0][0], place_px[1] / camera.K[1][1], 1.0])
            T = np.eye(4)
            T[:3, :3] = roll @ turn
            T[:3, 3] = centre - T[:3, :3] @ middle
            if self._in_view(T):
                return T
        raise ValueError("the board does not fit into both pictures")

    def _in_view(self, T_rgb_board: Float64) -> bool:
        for name, camera in self.rig.cameras.items():
            pixels = self.project(name, T_rgb_board, self._outline)
            inside = (pixels >= MARGIN_PX) & (pixels <= np.array(camera.size) - 1 - MARGIN_PX)
            if not inside.all():
                return False
        return True

    def project(self, camera: str, T_rgb_board: Float64, points: Float64 | None = None) -> Float64:
        """True pixels float64 [N,2] of the board's points in a camera."""
        T = self.rig.pose(camera) @ T_rgb_board
        points = self._points if points is None else points
        return project(self.rig.cameras[camera], points @ T[:3, :3].T + T[:3, 3])

    def render(
        self, T_rgb_board: Float64, number: int, rgb_sensor: RgbSensor, thermal_sensor: ThermalSensor
    ) -> tuple[UInt8, NDArray[np.uint16]]:
        """Pictures (rgb uint8 [H,W,3], thermal counts uint16 [H,W]) of the board at a pose."""
        noise = np.random.default_rng([int(self.draw.rng.integers(1 << 31)), number])
        ink, board, x, y = self._coverage("rgb", T_rgb_board)
        room = np.clip(ROOM + 0.05 * self._backdrop(ink.shape, number), 0.05, 0.9)
        albedo = room * (1 - board) + (PAPER * board + (INK - PAPER) * ink)
        light = 0.62 + 0.12 * np.tanh(x) - 0.08 * np.tanh(y)
        radiance = (albedo * light)[None] * np.array([1.0, 0.97, 0.92], np.float32)[:, None, None]
        rgb = rgb_sensor(radiance.astype(np.float32), noise)

        ink, board, x, y = self._coverage("thermal", T_rgb_board)
        # The heater does not reach the whole board alike.
        heating = 1 + 0.15 * np.tanh(2 * x) + 0.1 * np.tanh(2 * y)
        room_k = ROOM_K + 0.5 * self._backdrop(ink.shape, number + 1)
        kelvin = room_k * (1 - board) + PAPER_K * board + INK_OVER_PAPER_K * heating * ink
        thermal = thermal_sensor(kelvin.astype(np.float32), number, noise)
        return rgb, thermal

    def _coverage(self, camera: str, T_rgb_board: Float64) -> tuple[Float32, Float32, Float32, Float32]:
        """Shares of ink and of board in every pixel, and board coordinates over the board's size; [H,W]."""
        T = self.rig.pose(camera) @ T_rgb_board
        # A ray d meets the board where R^T (s d - t) has z = 0.
        local = np.tensordot(T[:3, :3].T.astype(np.float32), self._rays[camera], axes=1)
        origin = -(T[:3, :3].T @ T[:3, 3]).astype(np.float32)
        depth = -origin[2] / local[2]
        x, y = origin[0] + depth * local[0], origin[1] + depth * local[1]
        x0, y0, x1, y1 = self.board.outline_m
        board = (x > x0) & (x < x1) & (y > y0) & (y < y1) & (depth > 0)
        ink = board & self._ink(x, y)
        size = self.rig.cameras[camera].size
        shares = [
            cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            for values in (ink, board, x / np.float32(x1 - x0), y / np.float32(y1 - y0))
        ]
        return shares[0], shares[1], shares[2], shares[3]

    def _ink(self, x: Float32, y: Float32) -> NDArray[np.bool_]:
        board, step = self.board, np.float32(self.board.step_m)
        if self._marker_ink is not None:
            return self._marker_ink(x, y)
        u, v = x / step, y / step
        if board.kind == "chessboard":
            inside = (u > -1) & (u < board.columns) & (v > -1) & (v < board.rows)
            dark: NDArray[np.bool_] = inside & ((np.floor(u) + np.floor(v)).astype(np.int32) % 2 == 0)
            return dark
        row = np.clip(np.round(v), 0, board.rows - 1)
        if board.kind == "asymmetric_circles":
            shift = row.astype(np.int32) % 2
            column = np.clip(np.round((u - shift) / 2), 0, board.columns - 1)
            du = u - (2 * column + shift)
        else:
            du = u - np.clip(np.round(u), 0, board.columns - 1)
        radius = np.float32(board.circle_m / 2 / board.step_m)
        circle: NDArray[np.bool_] = du * du + (v - row) ** 2 < radius * radius
        if board.kind == "asymmetric_circles":
            circle |= self._in_neighbouring_row(u, v, radius)
        return circle

    def _in_neighbouring_row(self, u: Float32, v: Float32, radius: np.float32) -> NDArray[np.bool_]:
        """Asymmetric circles may be wider than a row is high: those of the next rows reach over."""
        board = self.board
        found = np.zeros(u.shape, np.bool_)
        for step in (-1, 1):
            row = np.round(v) + step
            shift = row.astype(np.int32) % 2
            column = np.clip(np.round((u - shift) / 2), 0, board.columns - 1)
            near = (u - (2 * column + shift)) ** 2 + (v - row) ** 2 < radius * radius
            found |= near & (row >= 0) & (row < board.rows)
        return found

    def _backdrop(self, shape: tuple[int, ...], number: int) -> Float32:
        """A blurred wall behind the board, float32 [H,W]."""
        shifted = np.roll(self._texture, (37 * number, 91 * number), axis=(0, 1))[:128, :128]
        return np.asarray(cv2.resize(shifted, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


def _fine_rays(camera: Camera, n: int) -> Float32:
    """n^2 rays a pixel, float32 [3, n*H, n*W].

    Linear between the exact rays of the pixels' centres (and a rim of one pixel): the distortion bends
    them by less than 1e-3 px over one pixel.
    """
    K = camera.matrix
    K[:2, 2] += 1
    rim = camera.model_copy(
        update={
            "width": camera.width + 2,
            "height": camera.height + 2,
            "K": tuple(tuple(float(v) for v in row) for row in K),
        }
    )
    coarse = PixelRays(rim).directions
    fine = [cv2.resize(plane, None, fx=n, fy=n, interpolation=cv2.INTER_LINEAR) for plane in coarse]
    return np.stack([plane[n:-n, n:-n] for plane in fine])
