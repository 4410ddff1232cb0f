"""The sweep against a network whose losses are known, and groups against a tree of modules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from rigsight.edge.engines.base import Array, Engine
from rigsight.export.precision.groups import OTHERS, Group, fragile_kinds, fragile_nodes, make_groups
from rigsight.export.precision.sensitivity import sqnr_db, sweep

COSTS = {"a": 0.1, "b": 2.0, "c": 0.7, "d": 0.0}


class Known(Engine):
    """Loses ``COSTS`` points for every INT8 node; its output is off by as much."""

    def __init__(self, floats: frozenset[str]) -> None:
        self.inputs, self.outputs, self.threads = {}, {}, 1
        self.lost = sum(cost for node, cost in COSTS.items() if node not in floats)

    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        return {"y": np.array([0.0, 100.0 + self.lost])}

    def close(self) -> None: ...


GROUPS = tuple(Group(name, (name,), "by default" if name == "d" else None) for name in COSTS)


def swept(budget: float) -> tuple[frozenset[str], float, list[str]]:
    lines: list[str] = []
    decision = sweep(
        GROUPS,
        Known,
        lambda engine: 0.9 - engine.lost / 100,  # type: ignore[attr-defined]
        Known(frozenset(COSTS)),
        lambda engine: [engine.infer({})],
        budget,
        lines.append,
    )
    assert decision.reference == pytest.approx(0.9)
    return decision.floats, decision.lost, lines


@pytest.mark.parametrize(
    ("budget", "floats", "lost"),
    [(5.0, {"d"}, 2.8), (1.0, {"d", "b"}, 0.8), (0.5, {"d", "b", "c"}, 0.1), (0.0, set(COSTS), 0.0)],
)
def test_the_worst_groups_stay_float_until_the_budget_holds(
    budget: float, floats: set[str], lost: float
) -> None:
    found, left, _ = swept(budget)
    assert found == floats
    assert left == pytest.approx(lost)


def test_each_row_says_what_its_group_costs_alone() -> None:
    decision = sweep(
        GROUPS,
        Known,
        lambda engine: 0.9 - engine.lost / 100,  # type: ignore[attr-defined]
        Known(frozenset(COSTS)),
        lambda engine: [engine.infer({})],
        1.0,
    )
    rows = {row.group.name: row for row in decision.rows}
    assert {name: row.lost for name, row in rows.items() if name != "d"} == pytest.approx(
        {"a": 0.1, "b": 2.0, "c": 0.7}
    )
    assert rows["a"].sqnr_db > rows["c"].sqnr_db > rows["b"].sqnr_db
    assert rows["b"].kept_float == "to hold the budget"
    assert rows["a"].kept_float is None
    assert rows["d"].kept_float == "fragile, by default"


def test_sqnr_is_that_of_the_worst_output() -> None:
    wanted = [{"x": np.array([0.0, 10.0]), "y": np.array([0.0, 10.0])}]
    found = [{"x": np.array([0.0, 10.0]), "y": np.array([0.0, 9.0])}]
    assert sqnr_db(wanted, found) == pytest.approx(10 * np.log10(50 / 1))
    assert sqnr_db(wanted, wanted) == float("inf")


def test_groups_are_as_deep_as_their_number_allows() -> None:
    modules = {f"n{i}": f"model.down.{i // 2}.conv.{i % 2}" for i in range(8)} | {"last": "model.head"}
    nodes = [*modules, "loose"]
    assert [g.name for g in make_groups(nodes, modules, {}, most=6)] == [
        *(f"model.down.{i}.conv" for i in range(4)),
        "model.head",
        OTHERS,
    ]
    assert [g.name for g in make_groups(nodes, modules, {}, most=3)] == ["model.down", "model.head", OTHERS]


def test_fragile_nodes_form_groups_of_their_own() -> None:
    groups = make_groups(["a", "b"], {"a": "net.x", "b": "net.y"}, {"b": "last layers"})
    assert [(g.name, g.fragile) for g in groups] == [("net.x", None), ("last layers", "by default")]


def test_the_last_layers_are_those_before_the_outputs(two_convolutions: bytes) -> None:
    assert fragile_nodes(two_convolutions, ["first", "last"], {}) == {"last": "last layers"}
    found = fragile_nodes(two_convolutions, ["first", "last"], {"first": "Cbam"})
    assert found == {"first": "Cbam modules", "last": "last layers"}


def test_nodes_inside_a_gate_are_fragile() -> None:
    from rigsight.export.deploy import MaskGraph
    from rigsight.training.models import build

    network = MaskGraph(build("scnet_edge", widths=[8, 8, 16, 16], depths=[1, 1, 1, 1]), True)
    names = [name for name, module in network.named_modules() if type(module).__name__ == "ScaleAttention"]
    assert names
    inside = f"{names[0]}.anything.below"
    assert fragile_kinds(network, {"n": inside, "m": "model.down.0"}) == {"n": "ScaleAttention"}
