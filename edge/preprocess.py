"""From a FrameSet to an Aligned: AGC, alignment and the network's grid. Training uses the same code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np

from rigsight.calibration.align import Aligner, pixel_scaling, scaled_grid
from rigsight.calibration.alignment.depth import DepthAligner
from rigsight.calibration.rig import Cylinder, Float64, MatchedHomography, OutputGrid, Plane, Rig, as_matrix3
from rigsight.edge import codes
from rigsight.edge.agc import Bounds, PercentileAgc
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.depth_alignment import DepthAlignment
from rigsight.edge.frames import Aligned, Frame, FrameSet, Image, UInt8, as_uint8

RGB, THERMAL = "rgb", "thermal"
Size = tuple[int, int]
Surface = Plane | Cylinder | MatchedHomography


class Preprocessor:
    """Brings both pictures onto the network's pixel grid, in 8 bits.

    With a rig every camera goes through one fused map; without one the pictures count as aligned and are
    resized. A depth picture that came with ``rgb`` aligns every pixel by itself. With the geometry ``tile``
    the rig's grid keeps its own size, and without a rig the grid is that of the picture (of ``rgb`` where
    there are two). The AGC looks at the source frame before the warp.
    """

    def __init__(
        self,
        spec: Preprocessing,
        size: Size,
        rig: Rig | None = None,
        surface: Plane | Cylinder | MatchedHomography | None = None,
        roles: Sequence[str] = (RGB, THERMAL),
    ) -> None:
        """``size`` is the network's (width, height); ``surface`` overrides the rig's; frames of cameras that
        are not among ``roles`` are left alone.

        Raises:
            RigsightError: CAL-004 when a rig has no camera named ``rgb`` or ``thermal``.
        """
        self.spec, self.size, self.rig, self.roles = spec, size, rig, tuple(roles)
        self.agc = PercentileAgc(spec.agc)
        self._aligners: dict[str, Aligner] = {}
        self._depth: DepthAlignment | None = None
        self._retargeted = False
        self._fit: dict[Size, tuple[int, int, int, int]] = {}
        self.K = np.eye(3)
        self.T_native_grid = np.eye(3)
        if rig is not None:
            self._use_rig(rig, surface)

    def retarget(self, distance_m: float) -> None:
        """Align for another distance from now on. Without a rig it does nothing."""
        self._retargeted = True
        for role, aligner in self._aligners.items():
            if role != aligner.grid.camera:
                aligner.retarget(distance_m)
        self._valid_both = self._common_valid()

    def __call__(self, frames: FrameSet, agc_bounds: Bounds | None = None) -> Aligned:
        """Align one set; ``agc_bounds`` replaces the AGC's own choice (training randomises them).

        Raises:
            RigsightError: SRC-101 for 8-bit thermal where counts are expected, CAL-005 for pictures that
                do not have their camera's size.
        """
        rgb_frame, thermal_frame = (
            frames.frames.get(role) if role in self.roles else None for role in (RGB, THERMAL)
        )
        present = rgb_frame if rgb_frame is not None else thermal_frame
        width, height = size = self._grid_size(present)
        bounds: Bounds | None = None
        thermal8: UInt8 | None = None
        if thermal_frame is not None:
            thermal8, bounds = self._to_8_bits(thermal_frame.data, agc_bounds)
        rgb = None if rgb_frame is None else self._warp(RGB, rgb_frame.data, size)
        by_depth = None if thermal8 is None else self._by_depth(rgb_frame)
        if by_depth is not None and thermal8 is not None:
            thermal: UInt8 | None = as_uint8(by_depth(thermal8))
        else:
            thermal = None if thermal8 is None else self._warp(THERMAL, thermal8, size)
        warp_counts: Callable[[], Image] | None = None
        if thermal_frame is not None and by_depth is None:
            warp_counts = partial(self._warp_counts, thermal_frame.data, size, self._thermal_surface())
        elif (
            thermal_frame is not None and by_depth is not None and thermal_frame.counts_to_kelvin is not None
        ):
            # The map belongs to this instant; the next one's is written over it.
            warp_counts = partial(cv2.remap, thermal_frame.data, by_depth.map_xy, None, cv2.INTER_LINEAR)
        valid = self._valid_of(rgb_frame is not None, thermal_frame is not None, present, size)
        if by_depth is not None:
            valid = self._aligners[RGB].valid & by_depth.valid
        T_native_grid = self.T_native_grid
        if self.rig is None and present is not None:
            T_native_grid = self._unfit(present.data, size)
        return Aligned(
            source=frames,
            rgb=np.zeros((height, width, 3), np.uint8) if rgb is None else rgb,
            thermal=np.zeros((height, width), np.uint8) if thermal is None else thermal,
            valid=valid,
            K=self.K,
            T_native_grid=T_native_grid,
            agc_bounds=bounds,
            warp_counts=warp_counts,
        )

    def _use_rig(self, rig: Rig, surface: Plane | Cylinder | MatchedHomography | None) -> None:
        grid = self._grid(rig)
        if self.spec.geometry.kind == "tile":
            self.size = grid.size
        else:
            grid = fitted_grid(grid, self.size, self.spec.geometry.kind == "letterbox")
        for role in self.roles:
            if role in rig.cameras:
                self._aligners[role] = Aligner(rig, role, surface=surface, grid=grid)
        if not self._aligners:
            names = ", ".join(rig.cameras)
            raise codes.RIG_WITHOUT_ROLES(f"the rig's cameras are called {names}")
        self.K = grid.matrix
        if grid.camera in rig.cameras:
            self.T_native_grid = rig.cameras[grid.camera].matrix @ np.linalg.inv(grid.matrix)
        self._valid_both = self._common_valid()

    def _thermal_surface(self) -> Surface | None:
        return self._aligners[THERMAL].surface if THERMAL in self._aligners else None

    def _warp_counts(self, counts: Image, size: Size, surface: Surface | None) -> Image:
        """Counts on the grid over the surface of their own instant, even where the map has moved on."""
        if self.rig is None or surface is None or not self._retargeted:
            return self._warp(THERMAL, counts, size)
        grid = self._aligners[THERMAL].grid
        return Aligner(self.rig, THERMAL, surface=surface, grid=grid)(counts)

    def _by_depth(self, rgb: Frame | None) -> DepthAligner | None:
        """How thermal pictures lie by the depth that came with ``rgb``; None where none came, or no rig."""
        if rgb is None or rgb.depth is None or self.rig is None or self.rig.reference != RGB:
            return None
        if RGB not in self._aligners or THERMAL not in self._aligners:
            return None
        if self._depth is None:
            self._depth = DepthAlignment(self.rig, THERMAL, self._aligners[RGB].grid)
        return self._depth(self._aligners[RGB], rgb.depth, rgb.distance_m)

    def _grid(self, rig: Rig) -> OutputGrid:
        if self.spec.grid == "rig_output":
            return rig.output
        name = RGB if self.spec.grid == "rgb_native" else THERMAL
        if name not in rig.cameras:
            raise codes.RIG_WITHOUT_ROLES(f"the bundle wants the grid of '{name}', which the rig lacks")
        camera = rig.cameras[name]
        return OutputGrid(camera=name, width=camera.width, height=camera.height, K=camera.K)

    def _common_valid(self) -> UInt8:
        width, height = self.size
        valid = np.full((height, width), 255, np.uint8)
        for aligner in self._aligners.values():
            valid &= aligner.valid
        return valid

    def _grid_size(self, present: Any) -> Size:
        """(width, height) of the grid: the network's, the rig's, or with tiles the picture's own."""
        if self.rig is not None or present is None or self.spec.geometry.kind != "tile":
            return self.size
        return present.data.shape[1], present.data.shape[0]

    def _valid_of(self, has_rgb: bool, has_thermal: bool, present: Any, size: Size) -> UInt8:
        width, height = size
        if present is None:
            return np.zeros((height, width), np.uint8)
        if self.rig is not None:
            if has_rgb and has_thermal:
                return self._valid_both
            return self._aligners[RGB if has_rgb else THERMAL].valid
        x, y, w, h = self._place_of(present.data, size)
        valid = np.zeros((height, width), np.uint8)
        valid[y : y + h, x : x + w] = 255
        return valid

    def _to_8_bits(self, thermal: Image, bounds: Bounds | None) -> tuple[UInt8, Bounds | None]:
        if self.spec.thermal_input == "camera8":
            if thermal.dtype != np.uint8:
                raise codes.THERMAL_DEPTH(
                    "the thermal picture has 16 bits, the bundle was trained on 8-bit pictures",
                    fix="Use a bundle with thermal_input counts16.",
                )
            return thermal, None
        if thermal.dtype != np.uint16:
            raise codes.THERMAL_DEPTH("the thermal picture has 8 bits, the bundle demands 16-bit counts")
        if self.spec.agc.kind == "none":
            return as_uint8(cv2.convertScaleAbs(thermal, alpha=1 / 256)), (0.0, 65280.0)
        bounds = bounds or self.agc.bounds(thermal)
        return self.agc.apply(thermal, bounds), bounds

    def _warp(self, role: str, image: Image, size: Size) -> Image:
        """Any picture of that camera on the grid of ``size``."""
        if self.rig is not None:
            if role not in self._aligners:
                raise codes.RIG_WITHOUT_ROLES(f"there are pictures of '{role}', which the rig lacks")
            return self._aligners[role](image)
        x, y, w, h = self._place_of(image, size)
        shrinking = w < image.shape[1]
        method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        resized = image if (w, h) == image.shape[1::-1] else cv2.resize(image, (w, h), interpolation=method)
        if (w, h) == size:
            return resized
        padded = np.zeros((size[1], size[0], *image.shape[2:]), image.dtype)
        padded[y : y + h, x : x + w] = resized
        return padded

    def _place_of(self, image: Image, size: Size) -> tuple[int, int, int, int]:
        """x, y, width, height that a picture takes on the grid when there is no rig."""
        if self.spec.geometry.kind != "letterbox":
            return 0, 0, *size
        source = (image.shape[1], image.shape[0])
        if source not in self._fit:
            self._fit[source] = letterbox(source, size)
        return self._fit[source]

    def _unfit(self, image: Image, size: Size) -> Float64:
        x, y, w, h = self._place_of(image, size)
        back = pixel_scaling((w, h), (image.shape[1], image.shape[0]))
        shift: Float64 = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], dtype=np.float64)
        return back @ shift


def letterbox(source: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """x, y, width, height of a (width, height) picture scaled to fit into ``target``, centred.

    >>> letterbox((640, 512), (320, 240))
    (10, 0, 300, 240)
    """
    scale = min(target[0] / source[0], target[1] / source[1])
    width, height = math.floor(source[0] * scale + 1e-9), math.floor(source[1] * scale + 1e-9)
    return (target[0] - width) // 2, (target[1] - height) // 2, width, height


def fitted_grid(grid: OutputGrid, size: tuple[int, int], keep_aspect: bool) -> OutputGrid:
    """``grid`` on ``size`` pixels, stretched, or with its aspect kept and centred."""
    if not keep_aspect:
        return scaled_grid(grid, *size)
    x, y, width, height = letterbox(grid.size, size)
    shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)
    K = shift @ scaled_grid(grid, width, height).matrix
    return OutputGrid(camera=grid.camera, width=size[0], height=size[1], K=as_matrix3(K))
