from __future__ import annotations

import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Aligned, Frame, FrameSet, PixelFormat, Prediction
from rigsight.edge.render import (
    LABEL_HEIGHT,
    LEGEND_HEIGHT,
    average_fusion,
    colour_mask,
    luma,
    overlay,
    panel_size,
    side_by_side,
    thermal_to_colour,
)

CLASSES = (ClassEntry(name="background", color=(40, 40, 40)), ClassEntry(name="person", color=(250, 10, 20)))


def prediction(height: int, width: int, missing: str | None = None, fused: bool = True) -> Prediction:
    rgb, thermal = np.full((height, width, 3), 100, np.uint8), np.full((height, width), 180, np.uint8)
    frames = {
        "rgb": Frame("rgb", rgb, 0, 0, PixelFormat.RGB8),
        "thermal": Frame("thermal", thermal, 0, 0, PixelFormat.MONO8),
    }
    if missing:
        del frames[missing]
    aligned = Aligned(FrameSet(0, 0, frames), rgb, thermal, thermal, np.eye(3), np.eye(3), None)
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 1
    picture = np.full((height, width, 3), 140, np.uint8) if fused else None
    return Prediction(aligned, mask, fused=picture, degraded=f"{missing} missing" if missing else None)


def test_hot_is_brighter_than_cold() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    brightness = luma(thermal_to_colour(ramp)).ravel().astype(int)
    assert (np.diff(brightness) >= -1).all()
    assert brightness[255] - brightness[0] > 200


def test_masks_take_the_bundles_palette_and_unlabelled_is_black() -> None:
    mask = np.uint8([[0, 1, 255]])
    assert colour_mask(mask, CLASSES).tolist() == [[[40, 40, 40], [250, 10, 20], [0, 0, 0]]]


def test_the_overlay_leaves_background_and_unlabelled_pixels_alone() -> None:
    picture = np.full((1, 3, 3), 100, np.uint8)
    shown = overlay(picture, np.uint8([[0, 1, 255]]), CLASSES, opacity=0.5)
    assert shown.tolist() == [[[100] * 3, [175, 55, 60], [100] * 3]]


def test_the_average_is_the_average() -> None:
    fused = average_fusion(np.full((2, 2, 3), (10, 20, 30), np.uint8), np.full((2, 2), 200, np.uint8))
    assert fused[0, 0].tolist() == [105, 110, 115]


def test_four_panels_in_even_sizes() -> None:
    for height, width in ((240, 320), (480, 640), (101, 133), (60, 80)):
        panel_width, panel_height = panel_size(width, height)
        picture = side_by_side(prediction(height, width), CLASSES)
        assert picture.shape == (LABEL_HEIGHT + panel_height + LEGEND_HEIGHT, 4 * panel_width, 3)
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
        assert abs(panel_width / panel_height - width / height) < 0.05
        row = picture[LABEL_HEIGHT + panel_height // 2]
        assert row[panel_width // 2].tolist() == [100] * 3
        assert row[2 * panel_width + panel_width // 2].tolist() == [140] * 3
        assert picture[:LABEL_HEIGHT].std() > 5, "the labels are written"


def test_what_is_missing_is_an_empty_panel_of_the_same_size() -> None:
    whole = side_by_side(prediction(240, 320), CLASSES)
    for changed in (
        prediction(240, 320, "rgb"),
        prediction(240, 320, "thermal"),
        prediction(240, 320, fused=False),
    ):
        picture = side_by_side(changed, CLASSES)
        assert picture.shape == whole.shape
        assert (picture != whole).any()
