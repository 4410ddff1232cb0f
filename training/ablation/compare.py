"""Whether a variant is better than the first one, as far as a few seeds can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

CONFIDENCE = 0.95

Verdict = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class Row:
    """One variant: its seeds' ``mean`` and standard ``deviation`` (None with one seed).

    ``difference`` to the first variant and its standard ``error`` are of the seeds that both have; None for
    the first variant, and where there are too few seeds.
    """

    variant: str
    seeds: int
    mean: float | None
    deviation: float | None
    difference: float | None = None
    error: float | None = None
    verdict: Verdict | None = None


def compare(
    values: Mapping[str, Mapping[int, float]], goal: float = 0.0, higher_is_better: bool = True
) -> list[Row]:
    """One row a variant; the first is what the others are compared with.

    Args:
        values: variant -> seed -> score.
        goal: least difference that the claim wants, in the scores' unit.
        higher_is_better: False turns the signs for the verdict (the differences stay as they are).
    """
    rows: list[Row] = []
    first: Mapping[int, float] | None = None
    for name, scores in values.items():
        found = list(scores.values())
        mean = fmean(found) if found else None
        deviation = stdev(found) if len(found) > 1 else None
        if first is None:
            first = scores
            rows.append(Row(name, len(found), mean, deviation))
            continue
        differences = [scores[seed] - first[seed] for seed in scores if seed in first]
        if not differences:
            rows.append(Row(name, len(found), mean, deviation, verdict="cannot tell"))
            continue
        sign = 1.0 if higher_is_better else -1.0
        verdict = judge([sign * d for d in differences], goal)
        error = standard_error(differences)
        rows.append(Row(name, len(found), mean, deviation, fmean(differences), error, verdict))
    return rows


def standard_error(differences: Sequence[float]) -> float | None:
    """Of the mean: standard deviation / sqrt(n); None for fewer than two.

    >>> standard_error([1.0, 3.0])
    1.0
    """
    return stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else None


def judge(differences: Sequence[float], goal: float = 0.0) -> Verdict:
    """The verdict on paired differences (better is positive), one a seed.

    It holds when the mean reaches ``goal`` and lies above 0 with 95 % confidence (Student's t, one-sided);
    it does not when the mean lies below ``goal``, or 0, with that confidence. Else the seeds cannot tell.

    >>> judge([1.2, 1.5, 1.4], goal=1.0), judge([0.1, 0.2, 0.1], goal=1.0), judge([2.0, -1.0, 2.5], goal=1.0)
    ('holds', 'does not hold', 'cannot tell')
    """
    error = standard_error(differences)
    if error is None:
        return "cannot tell"
    from scipy.stats import t

    mean, reach = fmean(differences), float(t.ppf(CONFIDENCE, len(differences) - 1)) * error
    if mean >= goal and mean - reach > 0:
        return "holds"
    return "does not hold" if mean + reach < goal or mean + reach <= 0 else "cannot tell"
