"""From figures to the variant that runs: the default stays unless something measured speaks against it."""

from __future__ import annotations

import math

from rigsight.edge.verdict.decide import Row, decide


def row(variant: str, lost: float, p50_ms: float, refused: str | None = None) -> Row:
    score = math.nan if math.isnan(lost) else 0.8 - lost / 100
    return Row(variant, score, lost, 0.999, p50_ms, p50_ms, 1.0, 1.0, refused)  # type: ignore[arg-type]


def test_a_faster_variant_within_the_budget_takes_over_and_says_why() -> None:
    found = decide([row("fp16", 0.0, 10.0), row("int8", 0.3, 6.0)], 0.5)
    assert found.chosen == "int8"
    assert found.reason == "1.67 times as fast as fp16, losing 0.30 points"
    gaining = decide([row("fp16", 0.0, 10.0), row("int8", -0.2, 6.0)], 0.5)
    assert gaining.reason.endswith("gaining 0.20 points")


def test_timing_noise_changes_nothing() -> None:
    assert decide([row("fp16", 0.0, 10.0), row("int8", 0.0, 9.6)], 0.5).chosen == "fp16"
    assert decide([row("fp16", 0.0, 10.0), row("int8", 0.0, 12.0)], 0.5).reason == "nothing else is faster"


def test_speed_alone_never_overrules() -> None:
    found = decide([row("fp16", math.nan, 10.0), row("int8", math.nan, 5.0)], 0.5)
    assert found.chosen == "fp16"
    assert "2.00 times as fast, its accuracy was not measured here" in found.reason


def test_what_loses_too_much_is_refused_with_its_figures() -> None:
    found = decide([row("fp16", 2.0, 10.0), row("int8", 0.4, 20.0)], 0.5)
    assert found.chosen == "int8", "slower, and the only one that holds the budget"
    assert found.reason == "fp16 loses 2.00 points, the budget is 0.5"
    assert found.rows[0].refused == "loses 2.00 points, the budget is 0.5"
    assert decide([row("fp16", 0.5, 10.0)], 0.5).chosen == "fp16", "the budget itself may be spent"


def test_none_may_be_left() -> None:
    gone = row("fp16", math.nan, math.nan, "departs on golden case 'street'")
    found = decide([gone, row("int8", 3.0, 5.0)], 0.5)
    assert found.chosen is None
    assert "fp16 departs on golden case 'street'; int8 loses 3.00 points" in found.reason


def test_what_is_asked_for_runs_and_its_faults_are_said() -> None:
    found = decide([row("int8", 3.0, 5.0)], 0.5, asked="int8")
    assert found.chosen == "int8"
    assert found.reason == "asked for, though it loses 3.00 points, the budget is 0.5"
    assert decide([row("fp32", 0.0, 5.0)], 0.5).reason == "the default"
