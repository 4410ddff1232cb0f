"""golden.npz: raw inputs and the outputs that belong to them, run again where a bundle is installed.

The inputs are native pictures (thermal counts before the AGC) with their rigs, so that AGC, alignment,
tiles, engine and mask are all covered.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rigsight.calibration.rig import Rig
from rigsight.edge import codes
from rigsight.edge.bundle import golden_instances
from rigsight.edge.bundle.native import frame_set_of, on_grid_of, rig_of
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.engines.base import Engine
from rigsight.edge.frames import Aligned, FrameSet, Image, UInt8
from rigsight.edge.instances import Instance
from rigsight.edge.predictor import Predictor

GOLDEN_FILE = "golden.npz"
MAX_GOLDEN_BYTES = 256 << 20
# Another OpenCV may round a warped pixel the other way, another processor sums in another order.
MIN_MASK_AGREEMENT = 0.995
MAX_FUSED_DIFFERENCE = 1.0
# Of 255, over the pixels that either side calls foreground: cracks are too few to show in the mask's share.
MAX_PROBABILITY_DIFFERENCE = 4.0
MIN_INSTANCE_AGREEMENT = 0.95


@dataclass(frozen=True)
class Golden:
    """Cases of one golden file; ``rigs`` holds rig.yaml's text, or None where the pictures are aligned.

    ``rgb`` uint8 [h,w,3] and ``thermal`` uint16 or uint8 [h,w], None for a camera that the bundle does not
    take; ``masks`` uint8 [H,W], ``fused`` uint8 [H,W,3], ``probability`` uint8 [H,W] of a binary task,
    ``instances`` of an instance task.
    """

    rgb: tuple[UInt8 | None, ...]
    thermal: tuple[Image | None, ...]
    rigs: tuple[str | None, ...]
    scenes: tuple[str, ...]
    masks: tuple[UInt8, ...] = ()
    fused: tuple[UInt8, ...] = ()
    probability: tuple[UInt8, ...] = ()
    instances: tuple[tuple[Instance, ...], ...] = ()

    def rig(self, case: int) -> Rig | None:
        """The case's rig. Raises RigsightError CAL-001 where its text is no rig.yaml."""
        return rig_of(self.rigs[case], GOLDEN_FILE)

    def frame_set(self, case: int) -> FrameSet:
        """The case's pictures as they came from the cameras."""
        return frame_set_of(self.rgb[case], self.thermal[case])

    def aligned(self, case: int, bundle: Bundle) -> Aligned:
        """The case on the bundle's grid, through the deployed preprocessing."""
        return on_grid_of(bundle, self.frame_set(case), self.rig(case))

    def to_bytes(self) -> bytes:
        """The npz, compressed."""
        arrays: dict[str, NDArray[np.generic]] = {"scenes": np.array(self.scenes)}
        for i in range(len(self.scenes)):
            for name, pictures in (("rgb", self.rgb), ("thermal", self.thermal)):
                picture = pictures[i]
                if picture is not None:
                    arrays[f"{name}_{i}"] = picture
            arrays[f"rig_{i}"] = np.frombuffer((self.rigs[i] or "").encode(), np.uint8)
            arrays[f"mask_{i}"] = self.masks[i]
            if self.fused:
                arrays[f"fused_{i}"] = self.fused[i]
            if self.probability:
                arrays[f"probability_{i}"] = self.probability[i]
            if self.instances:
                arrays |= golden_instances.to_arrays(self.instances[i], i)
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, where: str | None = None) -> Golden:
        """Read the npz; nothing is unpickled. Raises RigsightError BND-001."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_GOLDEN_BYTES:
                    raise ValueError("it unpacks to more than 256 MiB")
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                scenes = tuple(str(scene) for scene in arrays["scenes"])
                column = {
                    key: tuple(arrays[f"{key}_{i}"] for i in range(len(scenes)) if f"{key}_{i}" in arrays)
                    for key in ("rig", "mask", "fused", "probability")
                }
                cameras = {
                    key: tuple(arrays.get(f"{key}_{i}") for i in range(len(scenes)))
                    for key in ("rgb", "thermal")
                }
                things = [golden_instances.from_arrays(arrays, i) for i in range(len(scenes))]
        except (ValueError, KeyError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise codes.BUNDLE_UNREADABLE(f"{GOLDEN_FILE} cannot be read ({error})", where=where) from error
        seen = [any(picture is not None for picture in pair) for pair in zip(*cameras.values(), strict=True)]
        instances = tuple(each for each in things if each is not None)
        optional = (len(column["fused"]), len(column["probability"]), len(instances))
        if (
            any(len(column[key]) != len(scenes) for key in ("rig", "mask"))
            or any(count not in (0, len(scenes)) for count in optional)
            or not all(seen)
        ):
            raise codes.BUNDLE_UNREADABLE(f"{GOLDEN_FILE} lacks an array", where=where)
        rigs = tuple(rig.tobytes().decode() or None for rig in column["rig"])
        return cls(
            cameras["rgb"],
            cameras["thermal"],
            rigs,
            scenes,
            masks=column["mask"],
            fused=column["fused"],
            probability=column["probability"],
            instances=instances,
        )


@dataclass(frozen=True)
class GoldenResult:
    """How one case compares: share of equal mask pixels, mean differences in levels.

    That of the probability is over the pixels that either side calls foreground; ``instance_agreement`` is
    the share of detections that are the same.
    """

    scene: str
    mask_agreement: float
    fused_difference: float | None = None
    probability_difference: float | None = None
    instance_agreement: float | None = None

    @property
    def passed(self) -> bool:
        """Within the tolerances of this module."""
        return (
            self.mask_agreement >= MIN_MASK_AGREEMENT
            and (self.fused_difference or 0.0) <= MAX_FUSED_DIFFERENCE
            and (self.probability_difference or 0.0) <= MAX_PROBABILITY_DIFFERENCE
            and (self.instance_agreement is None or self.instance_agreement >= MIN_INSTANCE_AGREEMENT)
        )


def predict_golden(bundle: Bundle, engine: Engine, golden: Golden) -> Golden:
    """``golden`` with the outputs that this bundle computes here."""
    predictor = Predictor(bundle, engine)
    predictions = [predictor(golden.aligned(case, bundle)) for case in range(len(golden.scenes))]
    fused = tuple(p.fused for p in predictions if p.fused is not None)
    probability = tuple(p.probability for p in predictions if p.probability is not None)
    instances = tuple(p.instances for p in predictions if p.instances is not None)
    masks = tuple(p.mask for p in predictions)
    return replace(golden, masks=masks, fused=fused, probability=probability, instances=instances)


def check_golden(bundle: Bundle, engine: Engine) -> list[GoldenResult]:
    """Run the bundle's golden inputs on this machine and compare.

    Raises:
        RigsightError: BND-001 without a readable golden file, BND-007 when a case departs.
    """
    results = compare_golden(bundle, engine)
    worst = min(results, key=lambda result: (result.passed, result.mask_agreement))
    if not worst.passed:
        raise codes.GOLDEN_FAILED(
            f"golden case '{worst.scene}': {worst.mask_agreement:.2%} of the mask agree"
            + ("" if worst.fused_difference is None else f", fused differs by {worst.fused_difference:.2f}")
            + (
                ""
                if worst.probability_difference is None
                else f", the foreground's probability by {worst.probability_difference:.1f} of 255"
            )
            + (
                ""
                if worst.instance_agreement is None
                else f", {worst.instance_agreement:.0%} of the detections are the same"
            ),
            where=bundle.path,
        )
    return results


def compare_golden(
    bundle: Bundle, engine: Engine, within: golden_instances.Tolerance = golden_instances.SAME
) -> list[GoldenResult]:
    """As :func:`check_golden`, without a verdict; ``within`` says which detections are the same.

    Raises:
        RigsightError: BND-001 without a readable golden file.
    """
    if GOLDEN_FILE not in bundle.spec.files:
        raise codes.BUNDLE_UNREADABLE(f"it has no {GOLDEN_FILE}", where=bundle.path)
    expected = Golden.from_bytes(bundle.read(GOLDEN_FILE), where=str(bundle.path))
    predictor = Predictor(bundle, engine)
    results = []
    for case, scene in enumerate(expected.scenes):
        prediction = predictor(expected.aligned(case, bundle))
        mask = expected.masks[case]
        if mask.shape != prediction.mask.shape:
            raise codes.BUNDLE_UNREADABLE(f"{GOLDEN_FILE} is of another size", where=bundle.path)
        fused = probability = None
        if expected.fused and prediction.fused is not None:
            fused = float(_levels(expected.fused[case], prediction.fused).mean())
        if expected.probability and prediction.probability is not None:
            foreground = (mask == 1) | (prediction.mask == 1)
            levels = _levels(expected.probability[case], prediction.probability)[foreground]
            probability = float(levels.mean()) if levels.size else 0.0
        same = None
        steps = bundle.spec.instances
        if expected.instances and prediction.instances is not None and steps is not None:
            height, width = mask.shape
            same = golden_instances.agreement(
                expected.instances[case], prediction.instances, steps.score, height, width, within
            )
        results.append(GoldenResult(scene, float((mask == prediction.mask).mean()), fused, probability, same))
    return results


def _levels(a: UInt8, b: UInt8) -> NDArray[np.int16]:
    difference: NDArray[np.int16] = np.abs(a.astype(np.int16) - b)
    return difference
