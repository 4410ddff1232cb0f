"""A validation part cut from the training pictures, group by group, by a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cut_off(groups: Sequence[Sequence[str]], share: float, seed: int) -> tuple[list[str], list[str]]:
    """What stays for training, and about ``share`` of the stems for validation; groups stay whole.

    Groups are drawn in random order and taken when that brings the count nearer to the wanted one. Groups
    of more than a third of the wanted count stay in training where the others suffice, so that no one place
    is what validation measures. At least one group stays on either side; a single group cannot be cut.

    >>> cut_off([["a-1", "a-2", "a-3"], ["b"], ["c"], ["d"]], 0.3, 1)
    (['a-1', 'a-2', 'a-3', 'd'], ['b', 'c'])
    """
    stems = [stem for group in groups for stem in group]
    wanted = share * len(stems)
    if len(groups) < 2 or share <= 0:
        return stems, []
    small = [group for group in groups if len(group) <= max(1.0, wanted / 3)]
    suffices = sum(map(len, small)) >= 1.5 * wanted and len(small) < len(groups)
    drawn = small if suffices else groups
    order = np.random.default_rng(seed).permutation(len(drawn))
    taken: set[str] = set()
    for place in order if suffices else order[:-1]:
        if abs(len(taken) + len(drawn[place]) - wanted) < abs(len(taken) - wanted):
            taken.update(drawn[place])
    if not taken:
        taken.update(sorted(groups, key=len)[0])
    return [stem for stem in stems if stem not in taken], [stem for stem in stems if stem in taken]
