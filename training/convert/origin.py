"""What is known of one published network: its names beside ours, what is dead in it, and its terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from rigsight.edge.bundle.spec import Preprocessing

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Origin:
    """One published network.

    Attributes:
        title: network and repository.
        licence: of the published weights, as its repository states it.
        names: (pattern of a whole name, replacement as in :func:`re.sub`); the first that fits counts.
        dead: patterns of names that the published network has and never uses.
        options: our model's options, from names already ours.
        size: width and height of the pictures it was trained for, pixels.
        prepare: changes tensors whose shape differs; sees their names after ``names``.
        partial: names of ours that the file may lack; they keep their fresh weights.
        preprocessing: of the robot.
        parts: (beginning of names of ours, what holds them), for networks that come in several files.
    """

    title: str
    licence: str
    names: tuple[tuple[str, str], ...]
    dead: tuple[str, ...] = ()
    options: Callable[[Weights], dict[str, Any]] = lambda _: {}
    size: tuple[int, int] = (640, 480)
    prepare: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict
    partial: str = ""
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(thermal_input="camera8"))
    parts: tuple[tuple[str, str], ...] = ()

    def renamed(self, weights: Weights) -> tuple[dict[str, Tensor], list[str]]:
        r"""Weights under our names without the dead ones, and the names that this origin does not have.

        >>> names = (("conv([0-9])[.]bias", "layers.\\g<1>.bias"),)
        >>> mini = Origin("Mini", "MIT", names, dead=("cls.*",))
        >>> mini.renamed({"conv2.bias": 1, "cls.bias": 2, "fc.bias": 3})
        ({'layers.2.bias': 1}, ['fc.bias'])
        """
        found: dict[str, Tensor] = {}
        unknown: list[str] = []
        for name, value in weights.items():
            ours = self._ours(name)
            if ours is not None:
                found[ours] = value
            elif not any(re.fullmatch(pattern, name) for pattern in self.dead):
                unknown.append(name)
        return found, unknown

    def knows(self, weights: Weights) -> bool:
        """Whether every name is this origin's, and not all of them are dead."""
        found, unknown = self.renamed(weights)
        return bool(found) and not unknown

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(pattern), replacement) for pattern, replacement in self.names]

    def _ours(self, name: str) -> str | None:
        for pattern, replacement in self._compiled:
            match = pattern.fullmatch(name)
            if match:
                return match.expand(replacement)
        return None
