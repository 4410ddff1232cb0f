"""NaDiNet learns: its light student overfits eight drawn pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from rigsight.training.losses.nadinet import NadinetLoss
from rigsight.training.models import build


def drawn(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Grainy pictures with dark blots and a dark line each, and grey dirt that is no defect; and masks."""
    random = np.random.default_rng(0)
    pictures, masks = [], []
    for _ in range(count):
        mask = np.zeros((size, size), np.uint8)
        for _ in range(2):
            centre, axes = random.integers(8, size - 8, 2).tolist(), random.integers(4, 10, 2).tolist()
            cv2.ellipse(mask, (centre, axes, float(random.integers(0, 180))), 1, -1)
        ends = random.integers(0, size, (2, 2)).tolist()
        cv2.line(mask, ends[0], ends[1], 1, 3)
        dirt = cv2.GaussianBlur(random.normal(0, 1, (size, size)).astype(np.float32), (0, 0), 4)
        grey = 0.6 + 0.5 * dirt - 0.25 * mask + 0.05 * random.normal(size=mask.shape)
        pictures.append(np.repeat(np.clip(grey, 0, 1)[None], 3, axis=0).astype(np.float32))
        masks.append(mask.astype(np.int64))
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(masks))


@pytest.mark.slow
def test_the_student_overfits_eight_pictures() -> None:
    torch.manual_seed(0)
    pictures, labels = drawn(8, 48)
    network = build("nadinet_edge", channels=16, width=8).train()
    loss = NadinetLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)

    def iou() -> float:
        with torch.no_grad():
            found = network.eval()(pictures)["logits"][:, 0] > 0
        network.train()
        truth = labels == 1
        return float((found & truth).sum() / (found | truth).sum())

    before = iou()
    for step in range(120):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * (1 - step / 120)
        optimizer.zero_grad()
        loss(network(pictures), labels, network).backward()
        optimizer.step()
    assert before < 0.5
    assert iou() > 0.95
