"""Pictures of calibration boards as a thermal camera takes them, with the exact places of their points.

Made for measuring detectors: contrast, noise and blur are given, and the truth is the picture of each
circle's centre, not the centre of its ellipse. Only the board's surroundings are oversampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.boards import Board
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Camera
from rigsight.edge.frames import Float32, Float64

MAX_TILT_RAD = np.deg2rad(34.0)
MARGIN_PX = 3.0
KELVIN_PER_COUNT = 0.02
ROOM_K = 294.0
LARGEST_COUNT = (1 << 14) - 1
LINE_NOISE = 0.3  # row and column noise as a part of the NETD
UNEVEN = 0.25  # heating over the board, as a part of the contrast
AGC_PERCENT = (0.5, 99.5)


@dataclass(frozen=True)
class Condition:
    """How well a board is seen: contrast and noise (NETD) in kelvin, blur sigma in pixels."""

    contrast_k: float
    netd_k: float
    blur_px: float


CONDITIONS = {
    "easy": Condition(5.0, 0.05, 0.5),
    "medium": Condition(1.5, 0.06, 0.9),
    "hard": Condition(0.5, 0.08, 1.3),
}


@lru_cache(maxsize=16)
def thermal_camera(width: int, height: int, kind: int = 0) -> Camera:
    """A thermal camera with a distorted lens; ``kind`` chooses one of several."""
    rng = np.random.default_rng([11, width, height, kind])
    focal = width * float(rng.uniform(0.85, 1.15))
    cx = (width - 1) / 2 + width * float(rng.uniform(-0.02, 0.02))
    cy = (height - 1) / 2 + height * float(rng.uniform(-0.02, 0.02))
    D = (float(rng.uniform(-0.35, -0.2)), float(rng.uniform(0.04, 0.1)), 8e-4, -5e-4, 0.0)
    K = ((focal, 0.0, cx), (0.0, focal * 1.002, cy), (0.0, 0.0, 1.0))
    return Camera(model="pinhole-radtan", width=width, height=height, K=K, D=D, spectrum="thermal")


def board_pose(
    board: Board, camera: Camera, rng: np.random.Generator, fill: tuple[float, float] = (0.65, 0.95)
) -> Float64:
    """A pose T_camera_board, float64 [4,4], at which the whole board is in the picture.

    The board lies along or across the picture, rolled by up to 20 degrees and tilted by up to 34; ``fill``
    is the range of its size against the largest that would fit.
    """
    outline = _outline(board)
    middle = outline.mean(axis=0)
    while True:
        share = rng.uniform(*fill)
        direction, tilt = rng.uniform(0, 2 * np.pi), MAX_TILT_RAD * np.sqrt(rng.uniform(0, 1))
        roll = rng.integers(4) * np.pi / 2 + rng.uniform(-0.35, 0.35)
        turn = cv2.Rodrigues(tilt * np.array([np.cos(direction), np.sin(direction), 0.0]))[0]
        R = turn @ cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
        rim = (outline - middle) @ R.T
        extent = np.ptp(rim[:, :2], axis=0)
        depth = float((extent * camera.matrix[[0, 1], [0, 1]] / camera.size).max()) / share
        reach = (np.array(camera.size) / camera.matrix[[0, 1], [0, 1]] * depth - extent) / 2
        place = rng.uniform(-1, 1, 2) * np.maximum(reach, 0) * 1.15
        T = np.eye(4)
        T[:3, :3] = R
        T[:3, 3] = np.array([*place, depth]) - R @ middle
        seen = project(camera, outline @ R.T + T[:3, 3])
        if (seen > MARGIN_PX).all() and (seen < np.array(camera.size) - 1 - MARGIN_PX).all():
            return T


def board_points(board: Board, camera: Camera, T_camera_board: Float64) -> Float64:
    """True pixels of the board's points, float64 [N,2]."""
    return project(camera, board.object_points() @ T_camera_board[:3, :3].T + T_camera_board[:3, 3])


def picture_of_board(
    board: Board | None,
    camera: Camera,
    T_camera_board: Float64,
    condition: Condition,
    rng: np.random.Generator,
    *,
    warm_ink: bool = True,
    eight_bit: bool = False,
    covered: tuple[float, float, float] | None = None,
) -> NDArray[np.uint16] | NDArray[np.uint8]:
    """What the camera sees, uint16 counts [H,W], or uint8 after a percentile AGC.

    Args:
        board: None for the room alone.
        covered: a warm thing before the board: x, y and radius in pixels.
    """
    kelvin = room(camera, rng)
    if board is not None:
        _add_board(kelvin, board, camera, T_camera_board, condition, rng, warm_ink)
    if covered is not None:
        centre = (round(covered[0]), round(covered[1]))
        cv2.circle(kelvin, centre, round(covered[2]), ROOM_K + 9.0, -1, cv2.LINE_AA)
    counts = sensed(kelvin, condition, rng)
    if not eight_bit:
        return counts
    low, high = np.percentile(counts, AGC_PERCENT)
    return np.asarray(np.clip((counts - low) * (255.0 / max(high - low, 1.0)), 0, 255), dtype=np.uint8)


def sensed(kelvin: Float32, condition: Condition, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Counts of apparent temperatures: blur, noise of pixels, rows and columns, a bowl over the picture."""
    height, width = kelvin.shape
    seen = cv2.GaussianBlur(kelvin, (0, 0), condition.blur_px) if condition.blur_px else kelvin.copy()
    seen += condition.netd_k * rng.standard_normal((height, width), dtype=np.float32)
    seen += LINE_NOISE * condition.netd_k * rng.standard_normal((height, 1), dtype=np.float32)
    seen += LINE_NOISE * condition.netd_k * rng.standard_normal((1, width), dtype=np.float32)
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    seen += np.float32(rng.uniform(-0.3, 0.3)) * (u * u + v * v).astype(np.float32)
    counts = (seen - (ROOM_K - 100.0)) / KELVIN_PER_COUNT
    return np.asarray(np.clip(np.rint(counts), 0, LARGEST_COUNT), dtype=np.uint16)


def room(camera: Camera, rng: np.random.Generator) -> Float32:
    """A room with warm and cold things in it, kelvin float32 [H,W]."""
    width, height = camera.size
    coarse = rng.standard_normal((9, 12)).astype(np.float32)
    kelvin = ROOM_K + np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    for _ in range(int(rng.integers(4, 12))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        a, b = rng.uniform(0.01, 0.18, 2) * width
        level = ROOM_K + rng.uniform(-3, 7)
        if rng.uniform() < 0.5:
            box = cv2.boxPoints(((x, y), (2 * a, 2 * b), float(rng.uniform(0, 90))))
            cv2.fillPoly(kelvin, [np.rint(box * 8).astype(np.int32)], level, cv2.LINE_8, 3)
        else:
            cv2.ellipse(kelvin, ((x, y), (2 * a, 2 * b), float(rng.uniform(0, 180))), level, -1)
    return kelvin


def _outline(board: Board) -> Float64:
    x0, y0, x1, y1 = board.outline_m
    return np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]], dtype=np.float64)


@lru_cache(maxsize=4)
def _rays(camera: Camera) -> Float32:
    """x/z and y/z of every pixel, float32 [H,W,2]."""
    v, u = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64)
    return undistort(camera, pixels).reshape(camera.height, camera.width, 2).astype(np.float32)


def _add_board(
    kelvin: Float32,
    board: Board,
    camera: Camera,
    T: Float64,
    condition: Condition,
    rng: np.random.Generator,
    warm_ink: bool,
) -> None:
    side = np.linspace(0, 1, 12)
    corners = _outline(board)
    rim = np.concatenate([np.outer(1 - side, corners[k]) + np.outer(side, corners[k - 1]) for k in range(4)])
    seen = project(camera, rim @ T[:3, :3].T + T[:3, 3])
    seen = seen[np.isfinite(seen).all(axis=1)]
    left, top = np.maximum(np.floor(seen.min(axis=0)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 3, camera.size)
    if left >= right or top >= bottom:
        return
    rays = _rays(camera)[top:bottom, left:right]
    n = int(np.clip(round(1000 / camera.width), 3, 8))
    height, width = rays.shape[:2]
    # Rays are nearly linear over a pixel, so that those between two centres are interpolated.
    fine = cv2.resize(rays, (width * n, height * n), interpolation=cv2.INTER_LINEAR)
    plane = np.linalg.inv(np.column_stack([T[:3, 0], T[:3, 1], T[:3, 3]])).astype(np.float32)
    scale = plane[2, 0] * fine[..., 0] + plane[2, 1] * fine[..., 1] + plane[2, 2]
    x = (plane[0, 0] * fine[..., 0] + plane[0, 1] * fine[..., 1] + plane[0, 2]) / scale
    y = (plane[1, 0] * fine[..., 0] + plane[1, 1] * fine[..., 1] + plane[1, 2]) / scale
    x0, y0, x1, y1 = board.outline_m
    paper = ((x > x0) & (x < x1) & (y > y0) & (y < y1) & (scale > 0)).astype(np.float32)
    sample_m = float(T[2, 3]) / camera.matrix[0, 0] / n
    ink = paper * _ink(board, x, y, np.float32(sample_m))
    size = (width, height)
    ink, paper = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (ink, paper))
    u, v = (
        cv2.resize(part, size, interpolation=cv2.INTER_AREA) * np.float32(2 / span) - 1
        for part, span in ((x - x0, x1 - x0), (y - y0, y1 - y0))
    )
    tilt = rng.uniform(-UNEVEN, UNEVEN, 5)
    heating = 1 + tilt[0] * np.tanh(u) + tilt[1] * np.tanh(v)
    glow = tilt[2] * u + tilt[3] * v + tilt[4] * u * v
    sign = 1.0 if warm_ink else -1.0
    paper_k = ROOM_K + rng.uniform(-4, 6)
    surface = paper_k + condition.contrast_k * (glow + sign * heating * ink)
    window = kelvin[top:bottom, left:right]
    window += paper * (surface.astype(np.float32) - window)


def _ink(board: Board, x: Float32, y: Float32, sample_m: np.float32) -> Float32:
    """Share of ink in samples of about ``sample_m``, float32, 0 to 1."""
    step = np.float32(board.step_m)
    if board.kind == "chessboard":
        u, v = np.floor(x / step), np.floor(y / step)
        inside = (u >= -1) & (u < board.columns) & (v >= -1) & (v < board.rows)
        return np.asarray(inside & ((u + v) % 2 == 0), dtype=np.float32)
    shifts, pitch = ((0, 1), 2) if board.kind == "asymmetric_circles" else ((0,), 1)
    nearest = np.full(x.shape, np.inf, np.float32)
    for shift in shifts:
        rows = len(range(shift, board.rows, pitch))
        du, dv = (
            value - step * (shift + pitch * np.clip(np.rint((value / step - shift) / pitch), 0, count - 1))
            for value, count in ((x, board.columns), (y, rows))
        )
        np.minimum(nearest, du * du + dv * dv, out=nearest)
    share = (np.float32(board.circle_m / 2) - np.sqrt(nearest)) / sample_m + 0.5
    return np.asarray(np.clip(share, 0, 1), dtype=np.float32)
