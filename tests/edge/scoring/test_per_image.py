"""Per-picture PA and IoU: worked values, and the published script's way to a mask."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
import pytest

from rigsight.edge.scoring.per_image import MAP_QUALITY, PerImageScores, nadinet_mask


def test_means_over_pictures_not_pixels() -> None:
    scores = PerImageScores()
    scores.add(np.uint8([[200, 100, 0, 200]]), np.uint8([[1, 1, 0, 255]]))  # PA 1/2, IoU 1/2
    scores.add(np.uint8([[128, 128, 128, 128]]), np.uint8([[1, 0, 0, 0]]))  # PA 1, IoU 1/4
    scores.add(np.uint8([[200, 0, 0, 0]]), np.uint8([[0, 0, 0, 0]]))  # nothing to find
    assert scores.images == 2
    assert scores.pa() == 0.75
    assert scores.iou() == 0.375


def test_the_level_holds_for_both_kinds_of_probability() -> None:
    truth = np.uint8([[1, 1, 1, 1]])
    of_bytes, of_floats = PerImageScores(threshold=51), PerImageScores(threshold=51)
    of_bytes.add(np.uint8([[50, 51, 52, 0]]), truth)
    of_floats.add(np.float32([[0.19, 0.2, 0.21, 0]]), truth)
    assert of_bytes.pa() == of_floats.pa() == 0.5


def test_nothing_to_judge_is_nan_and_other_sizes_are_refused() -> None:
    assert math.isnan(PerImageScores().pa())
    assert math.isnan(PerImageScores().iou())
    with pytest.raises(ValueError, match="truth is"):
        PerImageScores().add(np.zeros((2, 2), np.uint8), np.ones((2, 3), np.uint8))


def blob(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    near = np.exp(-((y / height - 0.4) ** 2 + (x / width - 0.6) ** 2) / 0.02)
    return (0.1 + 0.3 * near).astype(np.float32)


def test_the_published_script_finds_a_defect_that_half_would_miss() -> None:
    probability = blob(96, 96)
    assert (probability < 0.5).all()
    mask = nadinet_mask(probability, (150, 120))
    assert mask.shape == (120, 150)
    assert set(np.unique(mask)) == {0, 1}
    assert mask[48, 90] == 1
    assert mask[0, 0] == 0
    # stretching makes scale and offset irrelevant
    np.testing.assert_array_equal(
        mask, nadinet_mask((probability * 0.5 + 0.3).astype(np.float32), (150, 120))
    )
    scores = PerImageScores("nadinet")
    scores.add(probability, mask)
    assert scores.pa() == scores.iou() == 1


def test_saving_the_mask_as_jpeg_costs_its_rim() -> None:
    probability = blob(96, 96)
    mask = nadinet_mask(probability, (96, 96))
    grey = ((probability - probability.min()) / np.ptp(probability) * 255).astype(np.uint8)
    _, split = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    grown = cv2.dilate(split, np.ones((5, 5), np.uint8))
    shrunk = cv2.erode(split, np.ones((9, 9), np.uint8))
    assert mask.sum() < split.sum()
    assert (mask <= grown).all()
    assert (mask[shrunk == 1] == 1).mean() > 0.8  # ringing reaches through the blocks of 8 x 8 pixels


def test_a_flat_map_has_no_defect() -> None:
    assert nadinet_mask(np.full((16, 16), 0.7, np.float32), (20, 20)).sum() == 0


def test_jpeg_and_resize_are_those_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    grey = (blob(96, 96) * 600).astype(np.uint8)
    stream = io.BytesIO()
    image.fromarray(grey).save(stream, "JPEG")
    decoded = np.asarray(image.open(stream))
    ours = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, MAP_QUALITY])[1]
    np.testing.assert_array_equal(decoded, cv2.imdecode(ours, cv2.IMREAD_GRAYSCALE))
    theirs = np.asarray(image.fromarray(grey).resize((150, 120), resample=image.BILINEAR)).astype(int)
    assert np.abs(theirs - cv2.resize(grey, (150, 120), interpolation=cv2.INTER_LINEAR)).max() <= 1
