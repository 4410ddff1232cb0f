"""What INT8 costs, group by group, and which groups stay float until a budget holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rigsight.edge.engines.base import Array, Engine
from rigsight.export.precision.groups import Group

Make = Callable[[frozenset[str]], Engine]
"""A function of the nodes that stay float: the engine of the graph whose other nodes are INT8."""
Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Row:
    """One group when it alone is INT8.

    ``sqnr_db`` of the outputs (infinite where they are equal), ``lost`` points of the metric (None where it
    was not judged), ``kept_float`` and why.
    """

    group: Group
    sqnr_db: float
    lost: float | None
    kept_float: str | None = None


@dataclass(frozen=True)
class Decision:
    """Which nodes stay float, what that leaves, and what was seen on the way."""

    floats: frozenset[str]
    score: float
    reference: float
    rows: tuple[Row, ...]

    @property
    def lost(self) -> float:
        """Points of the metric lost against the float graph; negative where INT8 scores higher."""
        return 100.0 * (self.reference - self.score)

    @property
    def quantised(self) -> tuple[Row, ...]:
        """The groups that became INT8."""
        return tuple(row for row in self.rows if row.kept_float is None)


def sweep(
    groups: Sequence[Group],
    make: Make,
    score: Callable[[Engine], float],
    reference: Engine,
    answers: Callable[[Engine], Sequence[Outputs]],
    budget: float,
    say: Callable[[str], None] = lambda line: None,
) -> Decision:
    """Make all sturdy groups INT8; where that loses more than ``budget`` points, keep the worst ones float.

    Each group is judged alone first only when the whole misses the budget; else its SQNR is all that is
    measured. The worst group is the one that loses the most points alone, then the one with the least SQNR.

    Args:
        groups: all quantisable nodes; fragile groups stay float.
        make: builds the engine of a partly quantised graph.
        score: the metric of an engine, in 0..1.
        reference: the float engine.
        answers: what an engine gives for a few inputs, for the SQNR.
        budget: points of the metric that may be lost.
        say: takes a line on what is being done.
    """
    everything = frozenset(node for group in groups for node in group.nodes)
    fragile = frozenset(node for group in groups if group.fragile for node in group.nodes)
    sturdy = [group for group in groups if not group.fragile]
    whole = score(reference)
    expected = answers(reference)
    say(f"INT8 in all of {len(sturdy)} groups")
    floats, found = fragile, score(make(fragile))
    judged = 100.0 * (whole - found) > budget
    rows: list[Row] = [
        Row(group, float("nan"), None, f"fragile, {group.fragile}") for group in groups if group.fragile
    ]
    alone: list[Row] = []
    for number, group in enumerate(sturdy, 1):
        say(f"INT8 in {group.name} alone, {number} of {len(sturdy)}")
        engine = make(everything - set(group.nodes))
        quality = sqnr_db(expected, answers(engine))
        alone.append(Row(group, quality, 100.0 * (whole - score(engine)) if judged else None))
    order = sorted(alone, key=lambda row: (-(row.lost or 0.0), row.sqnr_db))
    kept: dict[str, str] = {}
    for row in order:
        if 100.0 * (whole - found) <= budget:
            break
        kept[row.group.name] = "to hold the budget"
        floats = floats | frozenset(row.group.nodes)
        say(f"{row.group.name} stays float")
        found = whole if floats == everything else score(make(floats))
    marked = [replace(row, kept_float=kept.get(row.group.name)) for row in alone]
    return Decision(floats, found, whole, (*marked, *rows))


def sqnr_db(expected: Sequence[Outputs], found: Sequence[Outputs]) -> float:
    """Signal to quantisation noise of the worst output over all feeds, in dB; an output's mean is no signal.

    >>> a, b = [{"x": np.array([0.0, 10.0])}], [{"x": np.array([0.0, 10.1])}]
    >>> round(sqnr_db(a, b), 1)
    37.0
    """
    ratios = []
    for name in expected[0]:
        signal = noise = 0.0
        for wanted, got in zip(expected, found, strict=True):
            values = wanted[name].astype(np.float64)
            signal += float(((values - values.mean()) ** 2).sum())
            noise += float(((values - got[name]) ** 2).sum())
        ratios.append(float("inf") if noise == 0 else 10.0 * float(np.log10(max(signal, 1e-300) / noise)))
    return min(ratios)
