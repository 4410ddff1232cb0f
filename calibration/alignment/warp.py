"""Applying a map: what every alignment mode does with the pixels it has found."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rigsight.calibration import codes
from rigsight.calibration.alignment import kernels
from rigsight.calibration.rig import Camera

Image = NDArray[Any]
UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

EDGE_PX = 1e-3  # what rounding may put a border pixel outside by


class Warp:
    """Pictures of one camera through a map onto a raster. It belongs to one thread.

    ``xy`` float32 [2,H,W] holds the source pixel of every raster pixel; whoever writes it calls
    :meth:`changed`.
    """

    def __init__(
        self, name: str, model: Camera, size: tuple[int, int], maps: kernels.Maps | None = None
    ) -> None:
        """``size`` is the raster's (width, height).

        ``maps`` are float or fixed-point: see :mod:`rigsight.calibration.alignment.kernels`, whose
        ``default_maps`` holds without.
        """
        self.camera, self.model = name, model
        self.maps: kernels.Maps = maps or kernels.default_maps()
        width, height = size
        self._xy: Float32 = np.empty((2, height, width), np.float32)
        self._float = (self._xy[0], self._xy[1])
        self._fixed: tuple[Image, Image] | None = None
        self._fixed_is_current = False
        self._valid: UInt8 | None = None
        self._scratch: UInt8 = np.empty((height, width), np.uint8)

    def changed(self) -> None:
        """The map is another one now."""
        self._fixed_is_current, self._valid = False, None

    def __call__(self, image: Image, out: Image | None = None) -> Image:
        """Warp a picture [H,W] or [H,W,3], uint8 or uint16, bilinearly; zero where nothing is seen.

        Raises:
            RigsightError: CAL-005 when the picture is not of the camera's size.
        """
        self._check(image)
        maps: tuple[Image, Image] = self._float if self._takes_float(image) else self._fixed_maps()
        return cv2.remap(image, *maps, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_CONSTANT)

    def nearest(self, image: Image) -> Image:
        """Warp labels or masks [H,W] without blending; zero where nothing is seen."""
        self._check(image)
        return cv2.remap(image, *self._float, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)

    @property
    def map_xy(self) -> Float32:
        """Source pixel of every raster pixel, float32 [H,W,2]; a copy."""
        return np.dstack(self._float)

    @property
    def valid(self) -> UInt8:
        """255 where the raster pixel lies inside the camera's picture, else 0; uint8 [H,W]."""
        if self._valid is None:
            self._valid = self.valid_into(np.empty(self._xy.shape[1:], np.uint8))
        return self._valid

    def valid_into(self, out: UInt8) -> UInt8:
        """Write :attr:`valid` into ``out`` uint8 [H,W] without making a new array."""
        x, y = self._float
        right, bottom = self.model.width - 1 + EDGE_PX, self.model.height - 1 + EDGE_PX
        cv2.inRange(x, (-EDGE_PX,), (right,), dst=out)
        cv2.inRange(y, (-EDGE_PX,), (bottom,), dst=self._scratch)
        cv2.bitwise_and(out, self._scratch, dst=out)
        return out

    def _check(self, image: Image) -> None:
        height, width = image.shape[:2]
        if (width, height) != self.model.size:
            raise codes.PICTURE_OF_ANOTHER_CAMERA(
                f"the picture is {width}x{height}, camera '{self.camera}' is {self.model.width}x"
                f"{self.model.height}"
            )

    def _takes_float(self, image: Image) -> bool:
        if self.maps == "measured":
            return kernels.float_by_measurement(image, self._float, self._fixed_maps)
        return kernels.float_by_rule(image) if self.maps == "rule" else self.maps == "float"

    def _fixed_maps(self) -> tuple[Image, Image]:
        if self._fixed is None:
            shape = self._xy.shape[1:]
            self._fixed = np.empty((*shape, 2), np.int16), np.empty(shape, np.uint16)
        if not self._fixed_is_current:
            cv2.convertMaps(*self._float, cv2.CV_16SC2, *self._fixed)
            self._fixed_is_current = True
        return self._fixed
