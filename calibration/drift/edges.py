"""Edges as both spectra show them: where they are and which way they run, not how strong or of which sign."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.calibration.align import Float32, Image, UInt8
from rigsight.calibration.detection.grey import to_grey

SMOOTHING_PX = 1.2
LOCAL_PX = 31
NOISE_FACTOR = 2.0


def edge_fields(picture: Image, valid: UInt8 | None = None) -> Float32:
    """Edges of a picture (uint8 or uint16, [H,W] or [H,W,3]) as float32 [3,H,W]: w, w cos 2a, w sin 2a.

    w is 0 on flat ground and approaches 1 on edges that stand out from their surroundings; a is the
    gradient's angle. In doubled angles an edge from dark to bright equals one from bright to dark, and the
    sum of products of two such fields is the normalised gradient field similarity, w1 w2 cos^2(a1 - a2)
    times 2 (Haber and Modersitzki 2006). Zero where ``valid`` is, and beside it.
    """
    grey = cv2.GaussianBlur(to_grey(picture).astype(np.float32), (0, 0), SMOOTHING_PX)
    gx = cv2.Scharr(grey, cv2.CV_32F, 1, 0) / 32
    gy = cv2.Scharr(grey, cv2.CV_32F, 0, 1) / 32
    power = gx * gx + gy * gy
    if valid is not None:
        inside = cv2.erode(valid, np.ones((7, 7), np.uint8), borderValue=0) > 0
        power = np.where(inside, power, 0)
    else:
        inside = np.ones(power.shape, dtype=bool)
    sample = power[::3, ::3][inside[::3, ::3]]
    noise = float(np.median(sample)) * NOISE_FACTOR if sample.size else 0.0
    around = cv2.blur(power, (LOCAL_PX, LOCAL_PX))
    w = power / (power + around + noise + 1e-6)
    squared = np.maximum(power, 1e-12)
    fields = np.stack([w, w * (gx * gx - gy * gy) / squared, w * 2 * gx * gy / squared])
    return np.where(inside, fields, 0).astype(np.float32)
