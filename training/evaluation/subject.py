"""What is judged: something that answers pictures with a mask, whether a bundle or a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import cv2
import numpy as np

from rigsight.edge.bundle.spec import ClassEntry, Modalities, Preprocessing, Task
from rigsight.edge.frames import Aligned, Frame, FrameSet, Image, PixelFormat, UInt8, as_uint8
from rigsight.edge.instances import Instance
from rigsight.edge.postprocess import binary_mask
from rigsight.edge.preprocess import RGB, THERMAL, Preprocessor

MODALITIES: tuple[Modalities, ...] = get_args(Modalities)
HALF = 128


@dataclass(frozen=True)
class OnGrid:
    """What a network says on its own pixel grid [h,w].

    ``probability`` uint8 of class 1 where the task is binary; ``mask`` uint8 of class ids;
    ``fused`` uint8 [h,w,3] or None; ``instances`` on that grid.
    """

    mask: UInt8
    probability: UInt8 | None = None
    fused: UInt8 | None = None
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What is judged. ``mask`` and ``probability`` uint8 [H,W] have the picture's own size, and ``instances``
    lie in its pixels.

    ``grid`` is the same on the network's grid, ``rgb`` uint8 [h,w,3] and ``thermal`` uint8 [h,w] what the
    network saw there.
    """

    mask: UInt8
    probability: UInt8 | None
    grid: OnGrid
    rgb: UInt8
    thermal: UInt8
    instances: tuple[Instance, ...] = ()


class Subject(ABC):
    """A model behind the device's own preprocessing.

    Attributes:
        name: for reports.
        cameras: which of ``rgb`` and ``thermal`` it takes.
        threshold: level 0..255 at which a binary probability becomes a mask.
    """

    name: str
    task: Task
    classes: tuple[ClassEntry, ...]
    cameras: tuple[str, ...]
    threshold: int = HALF

    def __init__(self, preprocessing: Preprocessing, size: tuple[int, int]) -> None:
        """``size`` is the network's (width, height)."""
        self._spec, self._size = preprocessing, size
        self._preprocessors: dict[str, Preprocessor] = {}

    def __call__(self, rgb: UInt8 | None, thermal: Image | None) -> Answer:
        """Answer one aligned pair: ``rgb`` uint8 [H,W,3], ``thermal`` uint8 or uint16 [H,W], one may be None.

        Raises:
            RigsightError: SRC-101 for thermal pictures of another depth than a bundle takes.
        """
        picture = rgb if rgb is not None else thermal
        assert picture is not None
        aligned = self._align(rgb, thermal)
        seen = self._predict(aligned)
        size = (picture.shape[1], picture.shape[0])
        if seen.probability is None:
            mask, probability = _back(seen.mask, aligned.valid, size, cv2.INTER_NEAREST), None
        else:
            probability = _back(seen.probability, aligned.valid, size, cv2.INTER_LINEAR)
            mask = binary_mask(probability, self.threshold)
        instances = _instances_back(seen.instances, aligned.valid, size)
        return Answer(mask, probability, seen, aligned.rgb, aligned.thermal, instances)

    @abstractmethod
    def _predict(self, aligned: Aligned) -> OnGrid:
        """Run the network on one set."""

    def _spec_for(self, thermal: Image | None) -> Preprocessing:
        """The preprocessing of a picture of that depth."""
        return self._spec

    def _align(self, rgb: UInt8 | None, thermal: Image | None) -> Aligned:
        spec = self._spec_for(thermal)
        if spec.thermal_input not in self._preprocessors:
            self._preprocessors[spec.thermal_input] = Preprocessor(spec, self._size)
        preprocessor = self._preprocessors[spec.thermal_input]
        preprocessor.agc.reset()  # pictures of a data set do not follow one another
        frames = {}
        if rgb is not None:
            frames[RGB] = Frame(RGB, rgb, 0, 0, PixelFormat.RGB8)
        if thermal is not None:
            depth = PixelFormat.MONO8 if thermal.dtype == np.uint8 else PixelFormat.MONO16
            frames[THERMAL] = Frame(THERMAL, thermal, 0, 0, depth)
        return preprocessor(FrameSet(0, 0, frames))


def _back(image: UInt8, valid: UInt8, size: tuple[int, int], method: int) -> UInt8:
    """What lies on the grid inside ``valid`` (a rectangle), on the picture's own pixels."""
    x, y, width, height = cv2.boundingRect(valid)
    part = image[y : y + height, x : x + width]
    return part if (width, height) == size else as_uint8(cv2.resize(part, size, interpolation=method))


def _instances_back(
    instances: Sequence[Instance], valid: UInt8, size: tuple[int, int]
) -> tuple[Instance, ...]:
    """Instances on the grid inside ``valid`` (a rectangle), in the picture's own pixels."""
    if not instances:
        return ()
    x, y, width, height = cv2.boundingRect(valid)
    start = np.array([x, y] * 2, np.float32)
    factor = np.array([size[0] / width, size[1] / height] * 2, np.float32)
    return tuple(replace(each, box=(each.box - start) * factor) for each in instances)
