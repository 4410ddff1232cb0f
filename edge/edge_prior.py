"""Edge maps as a crack network's fourth channel, made on the host from the visible picture."""

from __future__ import annotations

import cv2
import numpy as np

from rigsight.edge.frames import UInt8

EDGE_SHARE = 0.05  # of the pixels, those with the steepest slopes, where contours may begin
LOW_TO_HIGH = 0.4  # how much flatter a contour may become on its way
FLATTEST = 40.0  # a Sobel slope (eight times grey levels a pixel) below which nothing is a contour
_BINS = 2048


def canny_edges(rgb: UInt8) -> UInt8:
    """Contours of a picture: uint8 [H,W,3] -> uint8 [H,W], 0 or 255.

    Canny, A Computational Approach to Edge Detection, 1986: Gaussian (5x5, sigma 1.4), Sobel slopes, ridges
    of the slope, hysteresis. The upper threshold is a share of the picture's own slopes, so that cracks in
    dark or hazy pictures are found as well.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (5, 5), 1.4)
    dx, dy = cv2.Sobel(grey, cv2.CV_16S, 1, 0), cv2.Sobel(grey, cv2.CV_16S, 0, 1)
    slope = cv2.magnitude(dx.astype(np.float32), dy.astype(np.float32))
    counts = np.bincount(slope.astype(np.int32).ravel().clip(max=_BINS - 1), minlength=_BINS)
    steeper = slope.size - counts.cumsum()
    high = max(float(np.argmax(steeper <= EDGE_SHARE * slope.size)), FLATTEST)
    return np.asarray(cv2.Canny(dx, dy, LOW_TO_HIGH * high, high, L2gradient=True), np.uint8)
