"""What a picture is not good for: false colours, no contrast, saturation, blur."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.pictures import Image

COLOUR_SPREAD, COLOURED_PART = 24, 0.05  # grey values between the channels; JPEG's chroma stays below 10
SATURATED_PART = 0.25
WHITE = 250  # of 8 bits
LEAST_RANGE = 4.0  # grey values or counts between the 1st and 99th percentile
BLUR_OF_MEDIAN, BLUR_AT_LEAST_PX = 2.0, 2.0


def is_coloured(image: Image) -> bool:
    """Whether the channels of a picture [H,W,3] differ; grey ones stored as colour do not."""
    if image.ndim != 3:
        return False
    spread = np.ptp(image[::2, ::2].astype(np.int32), axis=2)
    limit = COLOUR_SPREAD * (1 if image.dtype == np.uint8 else 257)
    return bool((spread > limit).mean() > COLOURED_PART)


def false_colours(image: Image, name: str, where: str | Path | None) -> RigsightError | None:
    """CAL-070 for a thermal picture drawn in a palette: its brightness is no temperature any more."""
    if not is_coloured(image):
        return None
    return codes.THERMAL_IN_COLOUR(f"the pictures of thermal camera '{name}' are in colour", where=where)


def why_unseen(image: Image) -> str | None:
    """What of the picture keeps a board from being found, in words, or None when nothing is conspicuous."""
    grey = image.max(axis=2) if image.ndim == 3 else image
    low, high = (float(value) for value in np.percentile(grey, (1, 99)))
    top = WHITE if grey.dtype == np.uint8 else max(int(grey.max()), 1)
    saturated = float((grey >= top).mean())
    if saturated >= SATURATED_PART and (grey.dtype == np.uint8 or high > low):
        return f"saturated: {100 * saturated:.0f} % of its pixels are at the limit"
    if high - low < LEAST_RANGE:
        return "nearly uniform: a closed shutter, or a board without contrast"
    return None


def edge_blur_px(image: Image, points: Float64) -> float:
    """Standard deviation of the blur of the board's edges, pixels; NaN when it cannot be told.

    A step of height h under Gaussian blur s has the largest slope h / (s sqrt(2 pi)). The height is the
    range of the grey values around each point, the slope the largest there; noise makes the answer smaller.

    Args:
        image: uint8 or uint16, [H,W] or [H,W,3].
        points: of the board in it, float64 [N,2], pixels.
    """
    grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image).astype(np.float32)
    slope = (
        np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)) / 8
    )
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    gaps[gaps == 0] = np.inf
    reach = max(int(np.ceil(float(np.median(gaps.min(axis=1))) / 2)), 2)
    blurs = []
    for x, y in np.rint(points).astype(int):
        part = (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
        if grey[part].size and slope[part].max() > 0:
            blurs.append(np.ptp(grey[part]) / slope[part].max() / np.sqrt(2 * np.pi))
    return float(np.median(blurs)) if blurs else float("nan")


def blurred_views(blur_px: Mapping[str, float]) -> dict[str, str]:
    """View -> reason, for the views of one camera whose edges are far wider than those of the others."""
    known = [value for value in blur_px.values() if np.isfinite(value)]
    if not known:
        return {}
    median = float(np.median(known))
    limit = max(BLUR_OF_MEDIAN * median, BLUR_AT_LEAST_PX)
    return {
        view: f"blurred: edges are {value:.1f} px wide, in the median view {median:.1f} px"
        for view, value in blur_px.items()
        if value > limit
    }
