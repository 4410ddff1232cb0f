"""The learning rate over a training, as a share of the highest."""

from __future__ import annotations

import math

from rigsight.training.config import Rate


def rate(step: int, total: int, warmup: int, settings: Rate, steps_per_epoch: int = 1) -> float:
    """Share of the highest learning rate at ``step`` of ``total``: linear warm-up, then as ``settings`` say.

    >>> linear = Rate(kind="poly", power=1.0)
    >>> [rate(s, 10, 2, linear) for s in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    >>> [round(rate(s, 100, 0, Rate(kind="cosine")), 3) for s in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    >>> annealing = Rate(kind="geometric", factor=0.9, floor=0.01)
    >>> [round(rate(s, 600, 0, annealing, steps_per_epoch=10), 4) for s in (0, 9, 10, 430, 440)]
    [1.0, 1.0, 0.9, 0.0108, 0.01]
    >>> [round(rate(s, 100, 0, Rate(kind="step", at=(0.7, 0.9))), 4) for s in (0, 70, 90)]
    [1.0, 0.1, 0.01]
    """
    warmup = min(warmup, total // 2)
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(total - warmup, 1))
    if settings.kind == "constant":
        return 1.0
    if settings.kind == "cosine":
        return settings.floor + (1 - settings.floor) * (1 + math.cos(math.pi * done)) / 2
    if settings.kind == "poly":
        return max(float((1 - done) ** settings.power), settings.floor)
    if settings.kind == "geometric":
        return max(float(settings.factor ** (step // steps_per_epoch)), settings.floor)
    return max(float(settings.factor ** sum(done >= place for place in settings.at)), settings.floor)
