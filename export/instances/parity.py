"""The gate of instance bundles: graphs and host steps find what the network finds in PyTorch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from rigsight.edge.bundle.spec import InstanceSteps
from rigsight.edge.detection.compare import compare_instances
from rigsight.edge.engines.base import Array
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.instances import Instance, read_instances
from rigsight.export import codes
from rigsight.export.deploy import planes
from rigsight.training.models.bnsa.network import BnsaMaskRcnn

MAX_BOX_PX = 0.5
MAX_SCORE = 1e-3
LEAST_MASK_IOU = 0.99


@dataclass(frozen=True)
class InstanceParity:
    """How far two executions of one case lie apart.

    ``detections`` that both found, ``missing``: that one of them alone found; the largest differences of
    boxes and scores, the least IoU of two masks. ``score``: the least of the detections compared.
    """

    case: str
    detections: int
    missing: int
    box_px: float
    score_difference: float
    mask_iou: float
    score: float

    @property
    def passed(self) -> bool:
        """Within all limits; a NaN is not."""
        return (
            self.missing == 0
            and self.box_px <= MAX_BOX_PX
            and self.score_difference <= MAX_SCORE
            and self.mask_iou >= LEAST_MASK_IOU
        )

    def words(self) -> str:
        """What differs, by how much."""
        missing = f", {self.missing} found by one alone" if self.missing else ""
        return (
            f"{self.detections} detections above {self.score:g} are the same{missing}: boxes within "
            f"{self.box_px:.1e} px, scores {self.score_difference:.1e}, mask IoU {self.mask_iou:.4f}"
        )


def check_instance_parity(
    network: BnsaMaskRcnn, engine: InstanceEngine, feeds: Mapping[str, Mapping[str, Array]]
) -> tuple[InstanceParity, ...]:
    """Compare ``network`` (PyTorch) with ``engine`` on every case of ``feeds`` (name -> inputs).

    Where nothing is above the bundle's score all that the network sees is compared, so that a network that
    has learnt little is compared, too.

    Raises:
        RigsightError: EXP-001 with the worst case.
    """
    results = tuple(_compare(case, network, engine, arrays) for case, arrays in feeds.items())
    failed = [result for result in results if not result.passed]
    if failed:
        worst = max(failed, key=lambda result: (result.missing, 1 - result.mask_iou, result.box_px))
        raise codes.PARITY_FAILED(
            f"on '{worst.case}' {worst.words()} (limits: {MAX_BOX_PX} px, {MAX_SCORE:.0e}, {LEAST_MASK_IOU})",
            fix="Nothing was written. Try another torch or onnxruntime release, and report the model.",
        )
    return results


def _compare(
    case: str, network: BnsaMaskRcnn, engine: InstanceEngine, arrays: Mapping[str, Array]
) -> InstanceParity:
    (role,) = network.inputs
    steps, picture = engine.steps, torch.from_numpy(arrays[role].copy())
    found = read_instances(engine.infer(arrays), steps.sure)
    wanted = _in_torch(network, picture, steps)
    if not found and not wanted:
        steps = steps.model_copy(update={"score": 0.0})
        found = read_instances(InstanceEngine(engine.parts, steps).infer(arrays), steps.sure)
        wanted = _in_torch(network, picture, steps)
    height, width = picture.shape[1:3]
    compared = compare_instances(wanted, found, height, width)
    # What lies on the threshold may be seen by one alone, and what just came in at the end of a full list.
    full = [each[-1].score for each in (wanted, found) if len(each) >= steps.detections]
    least = max([steps.score, *full]) + MAX_SCORE
    pairs = compared.pairs
    return InstanceParity(
        case=case,
        detections=len(pairs),
        missing=sum(each.score > least for each in compared.alone),
        box_px=max((pair.box_px for pair in pairs), default=0.0),
        score_difference=max((pair.score for pair in pairs), default=0.0),
        mask_iou=min((pair.mask_iou for pair in pairs), default=1.0),
        score=steps.score,
    )


def _in_torch(network: BnsaMaskRcnn, picture: torch.Tensor, steps: InstanceSteps) -> tuple[Instance, ...]:
    with torch.inference_mode(), _score(network, steps.score):
        outputs = {name: value[0].numpy() for name, value in network(planes(picture)).items()}
    real = outputs["labels"] > 0
    return read_instances({name: value[real] for name, value in outputs.items()}, steps.sure)


@contextlib.contextmanager
def _score(network: BnsaMaskRcnn, score: float) -> Iterator[None]:
    """The network's least score for a while."""
    heads: Any = network.roi_heads
    before, heads.score_thresh = heads.score_thresh, score
    try:
        yield
    finally:
        heads.score_thresh = before
