"""From logits or a probability to masks on a CPU; of logits several times faster than ``np.argmax``.

A running maximum over the class planes touches every plane twice with vector instructions, where argmax
over the first axis walks with strides.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np

from rigsight.edge.frames import UNLABELLED, Float32, UInt8, as_uint8


class _Scratch(threading.local):
    """Buffers of one thread, so that no frame allocates them anew."""

    best: Float32 = np.empty((0, 0), np.float32)
    work: Float32 = np.empty((0, 0), np.float32)
    wins: UInt8 = np.empty((0, 0), np.uint8)

    def fit(self, shape: tuple[int, int]) -> None:
        if self.best.shape != shape:
            self.best, self.work = np.empty(shape, np.float32), np.empty(shape, np.float32)
            self.wins = np.empty(shape, np.uint8)


_scratch = _Scratch()


def class_mask(logits: Float32, out: UInt8 | None = None) -> UInt8:
    """Class of the largest logit; bit-identical to ``np.argmax`` (of equal logits the first class wins).

    Args:
        logits: float32 [1,C,H,W] without NaN, 2 <= C <= 255.
        out: uint8 [H,W] to write into, or None for a new array.

    Returns:
        uint8 [H,W] of class ids.

    Raises:
        ValueError: not float32 [1,C,H,W] with 2 to 255 classes.

    >>> class_mask(np.float32([[[[0, 2, 1]], [[0, 1, 5]], [[0, 2, 4]]]])).tolist()
    [[0, 0, 1]]
    """
    if (
        logits.dtype != np.float32
        or logits.ndim != 4
        or logits.shape[0] != 1
        or not 2 <= logits.shape[1] < 256
    ):
        raise ValueError(
            f"logits must be float32 [1,C,H,W], 2 <= C <= 255, not {logits.dtype} {logits.shape}"
        )
    planes = logits[0]
    mask: UInt8 = np.empty(planes.shape[1:], np.uint8) if out is None else out
    np.greater(planes[1], planes[0], out=mask.view(np.bool_))
    if len(planes) == 2:
        return mask
    _scratch.fit((planes.shape[1], planes.shape[2]))
    best, wins = _scratch.best, _scratch.wins
    np.maximum(planes[0], planes[1], out=best)
    for class_id in range(2, len(planes)):
        np.greater(planes[class_id], best, out=wins.view(np.bool_))
        # Ids grow from plane to plane, so the latest winner is the largest id seen.
        np.multiply(wins, np.uint8(class_id), out=wins)
        np.maximum(mask, wins, out=mask)
        if class_id + 1 < len(planes):
            np.maximum(best, planes[class_id], out=best)
    return mask


def class_confidence(logits: Float32, mask: UInt8, out: UInt8 | None = None) -> UInt8:
    """Softmax probability of the winning class, uint8 [H,W] (0..255 for 0..1); 0 where unlabelled.

    p = 1 / sum_c exp(l_c - max l), so the largest logit needs no look-up by class.

    Args:
        logits: float32 [1,C,H,W].
        mask: uint8 [H,W] from :func:`class_mask`, 255 where unlabelled.
        out: uint8 [H,W] to write into, or None for a new array.

    >>> logits = np.log(np.float32([[[[1, 1]], [[3, 1]]]]))
    >>> class_confidence(logits, np.uint8([[1, 255]])).tolist()
    [[191, 0]]
    """
    planes = logits[0]
    _scratch.fit((planes.shape[1], planes.shape[2]))
    best, work = _scratch.best, _scratch.work
    np.maximum.reduce(planes, axis=0, out=best)
    total = np.zeros(best.shape, np.float32)
    for plane in planes:
        np.subtract(plane, best, out=work)
        cv2.exp(work, dst=work)
        np.add(total, work, out=total)
    np.divide(np.float32(255), total, out=work)
    np.rint(work, out=work)
    confidence: UInt8 = np.empty(mask.shape, np.uint8) if out is None else out
    np.copyto(confidence, work, casting="unsafe")
    confidence[mask == UNLABELLED] = 0
    return confidence


def binary_mask(probability: UInt8, threshold: int) -> UInt8:
    """Class 1 where the probability reaches the threshold, uint8 [H,W] of 0 and 1.

    Args:
        probability: uint8 [H,W], 0..255 for 0..1.
        threshold: 1..255.

    >>> binary_mask(np.uint8([[0, 127, 128, 255]]), 128).tolist()
    [[0, 0, 1, 1]]
    """
    return as_uint8(cv2.threshold(probability, threshold - 1, 1, cv2.THRESH_BINARY)[1])


def binary_confidence(probability: UInt8, mask: UInt8) -> UInt8:
    """Probability of the class that the mask names, uint8 [H,W] (0..255 for 0..1); 0 where unlabelled.

    Args:
        probability: uint8 [H,W] of class 1.
        mask: uint8 [H,W] from :func:`binary_mask`, 255 where unlabelled.

    >>> binary_confidence(np.uint8([[10, 200, 200]]), np.uint8([[0, 1, 255]])).tolist()
    [[245, 200, 0]]
    """
    confidence = cv2.bitwise_not(probability)
    np.copyto(confidence, probability, where=mask == 1)
    confidence[mask == UNLABELLED] = 0
    return as_uint8(confidence)
