"""The chain that people glue together from OpenCV and NumPy: what every row is compared with."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration.align import ray_map
from rigsight.calibration.rig import Rig
from rigsight.edge.frames import Float32, Image


class NaiveChain:
    """``cv2.undistort``, ``warpPerspective``, ``np.percentile``, float normalisation and ``np.argmax``."""

    def __init__(self, rig: Rig) -> None:
        self.size = rig.output.size
        self._cameras = {role: (camera.matrix, camera.distortion) for role, camera in rig.cameras.items()}
        inverse = np.linalg.inv(rig.output.matrix)
        # Undistorted camera pixel of a grid pixel, over the reference plane.
        self._H = {
            role: camera.matrix @ ray_map(rig, role, rig.surface) @ inverse
            for role, camera in rig.cameras.items()
        }

    def align(self, role: str, picture: Image) -> Image:
        """Undistort at full size, then warp to the grid."""
        K, D = self._cameras[role]
        flat = cv2.undistort(picture, K, D)
        return cv2.warpPerspective(
            flat, self._H[role], self.size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )

    def thermal_input(self, counts: Image) -> Float32:
        """Counts to the float picture [1,1,H,W] of 0..1 that a network is usually fed."""
        aligned = self.align("thermal", counts)
        low, high = np.percentile(aligned, (1, 99))
        scaled = np.clip((aligned.astype(np.float32) - low) / max(high - low, 1), 0, 1)
        return np.asarray(scaled[None, None], dtype=np.float32)

    def rgb_input(self, rgb: Image) -> Float32:
        """RGB to the normalised float picture [1,3,H,W] that a network is usually fed."""
        mean = np.array([0.485, 0.456, 0.406], np.float32)
        deviation = np.array([0.229, 0.224, 0.225], np.float32)
        scaled = (self.align("rgb", rgb).astype(np.float32) / 255 - mean) / deviation
        return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])

    @staticmethod
    def mask(logits: Float32) -> Image:
        """Class ids uint8 [H,W] of float32 [1,C,H,W]."""
        mask: Image = np.argmax(logits[0], axis=0).astype(np.uint8)
        return mask
