"""From an Aligned to a Prediction: feeds, engine, mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns

import cv2
import numpy as np

from rigsight.edge import codes
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.frames import UNLABELLED, Aligned, Prediction, UInt8
from rigsight.edge.instances import Instance, paste_masks, read_instances
from rigsight.edge.postprocess import binary_confidence, binary_mask, class_confidence, class_mask
from rigsight.edge.saliency import vsm_tables

# What a graph may ask the host for: name in bundle.yaml -> function of rgb [H,W,3] and thermal [H,W].
HOST_FUNCTIONS: dict[str, Callable[[UInt8, UInt8], Array]] = {"vsm_tables": vsm_tables}

_ONLY: dict[str, Modalities] = {"thermal": "rgb_only", "rgb": "thermal_only"}


class Predictor:
    """Runs one bundle's network. Like its engine it belongs to one thread."""

    def __init__(
        self, bundle: Bundle, engine: Engine, *, scene: str | None = None, confidence: bool = False
    ) -> None:
        """``scene`` names the row of the bundle's accuracy table that holds here; None: the worst row counts.

        Raises:
            RigsightError: BND-004 for a host function that this release does not have, BND-006 for a scene
                without a row.
        """
        self.bundle, self.engine, self.scene, self.confidence = bundle, engine, scene, confidence
        part = bundle.part()
        self.wants = wanted(part)
        self._hosts = {name: tensor.host for name, tensor in part.inputs.items() if tensor.host is not None}
        for host in self._hosts.values():
            if host not in HOST_FUNCTIONS:
                known = ", ".join(HOST_FUNCTIONS)
                raise codes.BUNDLE_CONTRACT(
                    f"it needs the host function '{host}', this release has {known}", where=bundle.path
                )
        table = bundle.spec.accuracy
        if scene is not None and table and scene not in table:
            raise codes.VARIANT_MISSING(
                f"there is no accuracy for the scene '{scene}', only for {', '.join(table)}",
                where=bundle.path,
            )

    def accuracy(self, modalities: Modalities) -> float | None:
        """What the bundle promises with these modalities, in its metric; None where it promises nothing."""
        table = self.bundle.spec.accuracy
        rows = [table[self.scene]] if self.scene in table else list(table.values())
        stated = [row[modalities] for row in rows if modalities in row]
        return min(stated) if stated else None

    def __call__(self, aligned: Aligned) -> Prediction:
        """Predict one set. A missing modality is an all-zero picture, and ``degraded`` says what that costs.

        Where the bundle's accuracy without it is unknown or below its ``min_accuracy`` there is no mask: all
        pixels are unlabelled.

        Raises:
            RigsightError: BND-008 when the pictures do not have the graph's size.
        """
        start = perf_counter_ns()
        feeds = self.feeds(aligned)
        fed = perf_counter_ns()
        outputs = self.engine.infer(feeds)
        return self.finish(aligned, outputs, {"host": fed - start, "engine": perf_counter_ns() - fed})

    def feeds(self, aligned: Aligned) -> dict[str, Array]:
        """What the graph is fed: the pictures it wants and what the host functions make of them."""
        feeds = {
            name: HOST_FUNCTIONS[host](aligned.rgb, aligned.thermal) for name, host in self._hosts.items()
        }
        if "rgb" in self.wants:
            feeds["rgb"] = aligned.rgb[None]
        if "thermal" in self.wants:
            feeds["thermal"] = aligned.thermal[None, :, :, None]
        return feeds

    def finish(
        self, aligned: Aligned, outputs: Mapping[str, Array], stage_ns: Mapping[str, int]
    ) -> Prediction:
        """The prediction of the engine's ``outputs``, none of which it keeps; ``stage_ns`` gains ``mask``."""
        start = perf_counter_ns()
        trusted, degraded = self._judge(aligned)
        instances: tuple[Instance, ...] | None = None
        if self.bundle.spec.instances is not None:
            instances = read_instances(outputs, self.bundle.spec.instances.sure) if trusted else ()
        mask, confidence = self._mask(outputs, aligned.valid, trusted, instances)
        fused = outputs["fused"][0].copy() if "fused" in outputs else None
        return Prediction(
            aligned=aligned,
            mask=mask,
            confidence=confidence,
            probability=outputs["probability"][0].copy() if trusted and "probability" in outputs else None,
            fused=fused,
            instances=instances,
            degraded=degraded,
            bundle_id=self.bundle.id,
            stage_ns={**stage_ns, "mask": perf_counter_ns() - start},
        )

    def _judge(self, aligned: Aligned) -> tuple[bool, str | None]:
        """Whether a mask may be given, and what to say of a missing modality."""
        missing = [role for role in self.wants if role not in aligned.source.frames]
        least, metric = self.bundle.spec.min_accuracy, self.bundle.spec.metric
        if not missing:
            return True, None
        what = f"{' and '.join(missing)} missing"
        if len(missing) == len(self.wants):
            return False, f"{what}: no mask"
        promised = self.accuracy(_ONLY[missing[0]])
        if promised is None:
            return least == 0, f"{what}, accuracy unknown" + ("" if least == 0 else ": no mask")
        if promised < least:
            return False, f"{what}, {metric} {promised:.2f} is below {least:.2f}: no mask"
        return True, f"{what}, {metric} {promised:.2f}"

    def _mask(
        self,
        outputs: Mapping[str, Array],
        valid: UInt8,
        trusted: bool,
        instances: tuple[Instance, ...] | None,
    ) -> tuple[UInt8, UInt8 | None]:
        if trusted and instances is not None:
            return paste_masks(instances, valid, self.confidence)
        if not trusted or not {"logits", "mask", "probability"} & set(outputs):
            mask: UInt8 = np.full(valid.shape, UNLABELLED, np.uint8)
            return mask, np.zeros(valid.shape, np.uint8) if self.confidence else None
        outside = cv2.bitwise_not(valid)
        threshold = self.bundle.spec.threshold
        if threshold is not None:
            mask = binary_mask(outputs["probability"][0], threshold)
            cv2.bitwise_or(mask, outside, dst=mask)
            return mask, binary_confidence(outputs["probability"][0], mask) if self.confidence else None
        if "logits" in outputs:
            mask = class_mask(outputs["logits"])
            cv2.bitwise_or(mask, outside, dst=mask)
            return mask, class_confidence(outputs["logits"], mask) if self.confidence else None
        mask = cv2.bitwise_or(outputs["mask"][0], outside)  # type: ignore[assignment]
        confidence = outputs["confidence"][0].copy() if self.confidence and "confidence" in outputs else None
        if confidence is not None:
            confidence[outside > 0] = 0
        return mask, confidence
