"""The three graphs of an instance bundle and the host's steps between them, as one engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rigsight.edge.bundle.spec import InstanceSteps
from rigsight.edge.detection.steps import padded, select_detections, select_proposals
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.frames import Float32


class InstanceEngine:
    """Pictures in, detections out. ``parts`` are engines of ``main``, ``boxes`` and ``masks``.

    The graphs take fixed numbers of regions: zeros fill them up, and what is computed of zeros is not looked
    at. The mask graph runs as often as its number of regions goes into the detections, and not at all
    without any.
    """

    def __init__(self, parts: Mapping[str, Engine], steps: InstanceSteps) -> None:
        self.parts, self.steps = dict(parts), steps
        self.inputs, self.outputs = self.parts["main"].inputs, self.parts["main"].outputs

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """See :class:`rigsight.edge.engines.base.Engine`.

        Returns:
            ``boxes`` float32 [d,4] in the picture's pixels, ``labels`` int64 [d] from 1 on, ``scores``
            float32 [d] and ``masks`` float32 [d,M,M], probabilities inside the boxes; best first.

        Raises:
            RigsightError: BND-008 for a feed that is missing or of another shape or dtype.
        """
        main, heads = self.parts["main"].infer(feeds), self.parts["boxes"]
        features = main["features"]
        count = heads.inputs["regions"].shape[0]
        regions = select_proposals(main["proposals"][0], main["objectness"][0], self.steps, count)
        made = heads.infer({"features": features, "regions": padded(regions, count)})
        n = len(regions)
        boxes, scores, labels = select_detections(made["scores"][:n], made["boxes"][:n], self.steps)
        masks = self._masks(features, boxes, labels)
        return {
            "boxes": (boxes / np.float32(self.steps.scale)).astype(np.float32),
            "labels": labels,
            "scores": scores,
            "masks": masks,
        }

    def close(self) -> None:
        """Give the engines' memory back."""
        for engine in self.parts.values():
            engine.close()

    def _masks(self, features: Array, boxes: Float32, labels: Array) -> Float32:
        engine = self.parts["masks"]
        count, side = engine.outputs["masks"].shape[:2]
        result = np.zeros((len(boxes), side, side), np.float32)
        for start in range(0, len(boxes), count):
            here = slice(start, min(start + count, len(boxes)))
            fed = {
                "features": features,
                "regions": padded(boxes[here], count),
                "classes": padded(labels[here] - 1, count),
            }
            result[here] = engine.infer(fed)["masks"][: here.stop - start]
        return result
