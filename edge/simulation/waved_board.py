"""A clip of a board waved in front of the simulated rig: each camera at its own rate and on its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Rig
from rigsight.edge.frames import Float32, Float64, Image
from rigsight.edge.simulation.camera import PixelRays

NS_PER_S = 1e9
TEXELS_A_STEP = 16
SUBFRAMES = 5
BACKGROUND, PAPER, INK = 0.35, 0.75, 0.1
COUNTS_BACKGROUND, COUNTS_PAPER, COUNTS_INK = 7000.0, 7150.0, 7350.0
RGB_NOISE, COUNT_NOISE = 1.5, 2.0
SHARE_OF_PICTURE = 0.45


@dataclass(frozen=True)
class Shutter:
    """How a camera gathers light.

    ``exposure_s``: light of the time from the stamp on counts alike. ``lag_s``: a bolometer's time constant,
    it forgets exponentially; its picture is on average so much older than its stamp.
    """

    exposure_s: float = 0.0
    lag_s: float = 0.0

    @property
    def effective_s(self) -> float:
        """Mean time of the light, after the stamp."""
        return self.exposure_s / 2 - self.lag_s

    def times(self) -> Float64:
        """When the sub-frames of a picture are taken, after the stamp; float64 [SUBFRAMES]."""
        share = (np.arange(SUBFRAMES) + 0.5) / SUBFRAMES
        delays: Float64 = -self.lag_s * np.log(1 - share)
        # The midpoints of five quantiles have not quite the mean of the exponential.
        delays *= self.lag_s / delays.mean() if self.lag_s else 1.0
        times: Float64 = self.exposure_s * share - delays
        return times


class WavedBoard:
    """A plate with discs, warm ink, on a smooth and irregular way through both cameras' pictures."""

    def __init__(self, rig: Rig, board: Board, seed: int = 0, speed: float = 1.0) -> None:
        """Frequencies of the motion are 0.2 to 1.2 Hz times ``speed``. ``board`` must have circles."""
        if board.kind not in ("circles", "asymmetric_circles"):
            raise ValueError("the waved board must have circles")
        self.rig, self.board, self.seed = rig, board, seed
        rng = np.random.default_rng([seed, 11])
        self._hz = speed * rng.uniform(0.2, 1.2, (5, 5))
        self._phase = rng.uniform(0, 2 * np.pi, (5, 5))
        amplitude = rng.uniform(0.5, 1.0, (5, 5))
        self._amplitude = amplitude / amplitude.sum(axis=1, keepdims=True)
        self._rays = {name: PixelRays(camera).directions for name, camera in rig.cameras.items()}
        self._texture, self._origin_m, self._texel_m = _disc_texture(board)

    def pose(self, t: float) -> Float64:
        """T_rgb_board at a time in seconds, float64 [4,4]."""
        x, y, z, a, b = (self._amplitude * np.sin(2 * np.pi * self._hz * t + self._phase)).sum(axis=1)
        camera = self.rig.cameras[self.rig.reference]
        middle = (self.board.object_points().max(axis=0)) / 2
        extent = np.ptp(np.reshape(self.board.outline_m, (2, 2)), axis=0)
        depth = camera.K[0][0] * float((extent / camera.size).max()) / SHARE_OF_PICTURE * (1 + 0.15 * z)
        reach = (1 - SHARE_OF_PICTURE) * 0.5 * min(camera.size) / camera.K[0][0] * depth
        T = np.eye(4)
        T[:3, :3] = cv2.Rodrigues(np.array([0.4 * a, 0.4 * b, 0.15 * a * b]))[0]
        T[:3, 3] = np.array([1.6 * reach * x, reach * y, depth]) - T[:3, :3] @ middle
        return T

    def clip(
        self, camera: str, rate_hz: float, seconds: float, shutter: Shutter, offset_s: float = 0.0,
        jitter_s: float = 0.0,
    ) -> Iterator[tuple[int, Image]]:  # fmt: skip
        """Stamps on the camera's clock (ns) and its pictures: RGB uint8 [H,W,3] or counts uint16 [H,W].

        The clock shows true time + ``offset_s``, read with ``jitter_s`` of noise.
        """
        rng = np.random.default_rng([self.seed, sorted(self.rig.cameras).index(camera)])
        start = rng.uniform(0, 1 / rate_hz)
        for k in range(int(seconds * rate_hz)):
            t = start + k / rate_hz
            stamp = round((t + offset_s + rng.normal(0, jitter_s)) * NS_PER_S)
            yield stamp, self._picture(camera, t + shutter.times(), rng)

    def _picture(self, camera: str, times: Float64, rng: np.random.Generator) -> Image:
        thermal = self.rig.cameras[camera].spectrum == "thermal"
        levels = (COUNTS_BACKGROUND, COUNTS_PAPER, COUNTS_INK) if thermal else (BACKGROUND, PAPER, INK)
        seen = np.mean([self._value(camera, self.pose(float(t)), levels) for t in times], axis=0)
        if thermal:
            return np.asarray(np.rint(seen + rng.normal(0, COUNT_NOISE, seen.shape)), dtype=np.uint16)
        grey = np.clip(255 * np.sqrt(seen) + rng.normal(0, RGB_NOISE, seen.shape), 0, 255)
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)

    def _value(self, camera: str, T_rgb_board: Float64, levels: tuple[float, float, float]) -> Float32:
        T = self.rig.pose(camera) @ T_rgb_board
        # A ray v meets the board at the point p of its plane with [r1 r2 t] p = s v.
        plane = np.linalg.inv(np.column_stack([T[:3, 0], T[:3, 1], T[:3, 3]])).astype(np.float32)
        local = np.tensordot(plane, self._rays[camera], axes=1)
        texel = [
            ((local[i] / local[2] - self._origin_m[i]) / self._texel_m).astype(np.float32) for i in (0, 1)
        ]
        # The texture is blurred to the size that a pixel has on it.
        pixel = float(T[2, 3]) / self.rig.cameras[camera].K[0][0] / self._texel_m
        blurred = cv2.GaussianBlur(self._texture, (0, 0), max(0.5 * pixel, 0.4))
        shares = cv2.remap(blurred, texel[0], texel[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        ink, paper = shares[..., 0], shares[..., 1]
        value = levels[0] + (levels[1] - levels[0]) * paper + (levels[2] - levels[1]) * ink
        return np.asarray(value, dtype=np.float32)


def _disc_texture(board: Board) -> tuple[Float32, Float64, float]:
    """Ink and paper float32 [h,w,2], the board's coordinates of texel (0, 0), and a texel's size; metres."""
    x0, y0, x1, y1 = board.outline_m
    texel = board.step_m / TEXELS_A_STEP
    rim = 8 * texel
    u, v = np.meshgrid(np.arange(x0 - rim, x1 + rim, texel), np.arange(y0 - rim, y1 + rim, texel))
    paper = (u >= x0) & (u <= x1) & (v >= y0) & (v <= y1)
    ink = np.zeros(u.shape, dtype=bool)
    for x, y, _ in board.object_points():
        ink |= (u - x) ** 2 + (v - y) ** 2 < (board.circle_m / 2) ** 2
    texture = np.stack([ink, paper], axis=2).astype(np.float32)
    return texture, np.array([x0 - rim, y0 - rim]), texel
