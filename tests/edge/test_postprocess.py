"""The running maximum is np.argmax, ties included; the confidence is softmax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.edge.postprocess import class_confidence, class_mask


@settings(max_examples=150, deadline=None)
@given(
    classes=st.integers(2, 40),
    height=st.integers(1, 9),
    width=st.integers(1, 40),
    levels=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_mask_is_argmax_with_many_ties(classes: int, height: int, width: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.float32([-np.inf, -0.0, 0.0, 1e30, np.inf, -3.5])
    logits = rng.choice(values[: levels + 2], size=(1, classes, height, width))
    expected = np.argmax(logits, axis=1)[0]
    assert np.array_equal(class_mask(logits), expected)


@pytest.mark.parametrize("classes", [2, 3, 9, 255])
def test_mask_is_argmax_of_random_logits(classes: int) -> None:
    logits = np.random.default_rng(classes).normal(size=(1, classes, 33, 47)).astype(np.float32)
    assert np.array_equal(class_mask(logits), np.argmax(logits, axis=1)[0])


def test_mask_writes_into_the_array_it_is_given() -> None:
    logits = np.random.default_rng(1).normal(size=(1, 5, 6, 7)).astype(np.float32)
    out = np.full((6, 7), 99, np.uint8)
    assert class_mask(logits, out=out) is out
    assert np.array_equal(out, np.argmax(logits, axis=1)[0])


def test_mask_does_not_touch_the_logits() -> None:
    logits = np.random.default_rng(2).normal(size=(1, 4, 8, 8)).astype(np.float32)
    before = logits.copy()
    mask = class_mask(logits)
    class_confidence(logits, mask)
    assert np.array_equal(logits, before)


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((1, 3, 4, 4), np.float16),
        np.zeros((2, 3, 4, 4), np.float32),
        np.zeros((1, 1, 4, 4), np.float32),
        np.zeros((3, 4, 4), np.float32),
    ],
)
def test_other_shapes_and_types_are_refused(logits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="float32"):
        class_mask(logits)


def test_confidence_is_the_softmax_of_the_winner() -> None:
    logits = np.random.default_rng(3).normal(scale=4, size=(1, 9, 20, 30)).astype(np.float32)
    mask = class_mask(logits)
    mask[:3] = 255
    exact = np.exp(logits[0].astype(np.float64))
    exact = (exact / exact.sum(axis=0)).max(axis=0) * 255
    confidence = class_confidence(logits, mask)
    assert confidence.dtype == np.uint8
    assert not confidence[:3].any()
    assert np.abs(confidence[3:] - exact[3:]).max() <= 0.51
