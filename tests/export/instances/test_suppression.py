"""Suppression and choice of boxes against torchvision's, number by number."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import box_iou as torch_iou
from torchvision.ops import nms

from rigsight.edge.bundle.spec import InstanceSteps
from rigsight.edge.detection import nms as module
from rigsight.edge.detection.nms import box_iou, suppress
from rigsight.edge.detection.steps import padded, select_detections, select_proposals

SIZE = (96, 160)
STEPS = InstanceSteps(levels=(300, 120, 30), proposal_nms=0.7, score=0.05, nms=0.5, detections=40)


def boxes(count: int, seed: int, spread: float = 40.0) -> np.ndarray:
    """Random boxes inside the picture; some of them touch its border, some are points and lines."""
    random = np.random.default_rng(seed)
    middle = random.uniform((0, 0), SIZE[::-1], (count, 2))
    half = random.uniform(0, spread, (count, 2)) * (random.random((count, 2)) > 0.03)
    found = np.concatenate([middle - half, middle + half], axis=1)
    return np.clip(found, 0, [SIZE[1], SIZE[0]] * 2).astype(np.float32)


def test_overlaps_are_torchvisions() -> None:
    a, b = boxes(50, 0), boxes(70, 1)
    wanted = torch_iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(box_iou(a, b), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("count", [0, 1, 40, 700])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_suppression_is_torchvisions(count: int, threshold: float) -> None:
    made = boxes(count, 2)
    scores = np.random.default_rng(3).random(count).astype(np.float32)
    wanted = nms(torch.from_numpy(made), torch.from_numpy(scores), threshold).numpy()
    assert suppress(made, scores, threshold).tolist() == wanted.tolist()
    assert suppress(made, scores, threshold, 7).tolist() == wanted[:7].tolist()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made, scores = boxes(200, 4), np.random.default_rng(5).random(200).astype(np.float32)
    whole = suppress(made, scores, 0.4)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert suppress(made, scores, 0.4).tolist() == whole.tolist()


def test_of_equal_scores_the_first_stays() -> None:
    same = np.tile(np.float32([[0, 0, 4, 4]]), (3, 1))
    assert suppress(same, np.ones(3, np.float32), 0.5).tolist() == [0]
    assert len(suppress(same, np.ones(3, np.float32), 1.0)) == 3, "an IoU at the threshold is not above it"


@pytest.mark.parametrize("count", [5, 100, 1000])
def test_proposals_are_torchvisions(count: int) -> None:
    made = boxes(sum(STEPS.levels), 6)
    objectness = np.random.default_rng(7).normal(0, 2, len(made)).astype(np.float32)
    many = {"training": 1000, "testing": 1000}
    few = {"training": count, "testing": count}
    nothing: Any = torch.nn.Identity()
    rpn = RegionProposalNetwork(nothing, nothing, 0.7, 0.3, 1, 0.5, many, few, STEPS.proposal_nms).eval()
    (wanted,), _ = rpn.filter_proposals(
        torch.from_numpy(made)[None], torch.from_numpy(objectness)[None], [SIZE], list(STEPS.levels)
    )
    # Given best first in every level, as the graph gives them.
    starts = np.cumsum([0, *STEPS.levels])
    order = np.concatenate([a + np.argsort(-objectness[a:b]) for a, b in pairwise(starts)])
    found = select_proposals(made[order], objectness[order], STEPS, count)
    np.testing.assert_array_equal(found, wanted.numpy())


@pytest.mark.parametrize("seed", range(4))
def test_detections_are_torchvisions(seed: int) -> None:
    proposals, kinds = torch.from_numpy(boxes(60, 8 + seed)), 3
    torch.manual_seed(seed)
    logits, deltas = torch.randn(60, kinds + 1) * 2, torch.randn(60, 4 * (kinds + 1)) * 0.5
    nothing: Any = torch.nn.Identity()
    heads = RoIHeads(
        nothing, nothing, nothing, 0.5, 0.5, 8, 0.25, (10.0, 10.0, 5.0, 5.0),
        STEPS.score, STEPS.nms, STEPS.detections,
    )  # fmt: skip
    wanted = heads.postprocess_detections(logits, deltas, [proposals], [SIZE])
    decoded = BoxCoder((10.0, 10.0, 5.0, 5.0)).decode_single(deltas, proposals).reshape(60, -1, 4)[:, 1:]
    clipped = decoded.numpy().clip(0, [SIZE[1], SIZE[0]] * 2).astype(np.float32)
    found = select_detections(logits.softmax(1)[:, 1:].numpy(), clipped, STEPS)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs[0].numpy(), rtol=1e-6)


def test_nothing_is_found_in_nothing() -> None:
    kept = select_detections(np.zeros((0, 2), np.float32), np.zeros((0, 2, 4), np.float32), STEPS)
    assert [each.shape for each in kept] == [(0, 4), (0,), (0,)]
    points = np.zeros((sum(STEPS.levels), 4), np.float32)
    assert select_proposals(points, points[:, 0], STEPS, 10).shape == (0, 4)
    assert padded(kept[0], 3).shape == (3, 4)
