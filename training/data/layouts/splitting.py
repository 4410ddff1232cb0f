"""A validation part cut from the training pictures, group by group, by a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rigsight.training.data.layouts.grouping import Grouping


def cut_off(stems: Sequence[str], share: float, seed: int, grouping: Grouping) -> tuple[list[str], list[str]]:
    """What stays for training, and about ``share`` of the stems for validation; groups stay whole.

    Groups are drawn in random order and taken when that brings the count nearer to the wanted one. Groups
    of more than a third of the wanted count stay in training where the others suffice, so that no one place
    is what validation measures. At least one group stays on either side; a single group cannot be cut.

    >>> from rigsight.training.data.layouts.grouping import prefix
    >>> cut_off(["a-1", "a-2", "b-1", "c", "d"], 0.2, 1, prefix)
    (['a-1', 'a-2', 'b-1', 'c'], ['d'])
    """
    groups = grouping(stems)
    wanted = share * len(stems)
    taken: set[str] = set()
    if len(groups) > 1 and share > 0:
        small = [group for group in groups if len(group) <= max(1.0, wanted / 3)]
        drawn = small if sum(map(len, small)) >= 2 * wanted and len(small) < len(groups) else groups
        order = np.random.default_rng(seed).permutation(len(drawn))
        for place in order if drawn is small else order[:-1]:
            group = drawn[place]
            if abs(len(taken) + len(group) - wanted) < abs(len(taken) - wanted):
                taken.update(group)
        if not taken:
            taken.update(min(groups, key=len))
    return [stem for stem in stems if stem not in taken], [stem for stem in stems if stem in taken]
