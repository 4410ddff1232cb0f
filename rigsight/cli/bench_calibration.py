"""``rigsight bench calibration``: figures beside their goals, on simulated rigs with held-out seeds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE
from rigsight.edge.benchmarks.calibration.suites import SUITES, suite

if TYPE_CHECKING:
    from rigsight.edge.benchmarks.calibration.table import Figure

HELP = (
    "Calibration measured against the simulator's truth.\n\nSuites:\n\n"
    + "\n\n".join(f"{name}: {text}" for name, text in SUITES.items())
    + "\n\nExample: rigsight bench calibration --suite uncertainty --quick"
)


def calibration(
    chosen: Annotated[str | None, typer.Option("--suite", help="comma-separated names; all without")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="a small version, for a first look")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="only the figures on stdout, as JSON")] = False,
) -> None:
    """Measure calibration."""
    from rigsight.cli.bench import machine

    names = list(SUITES) if chosen is None else [name.strip() for name in chosen.split(",")]
    for name in names:
        if name not in SUITES:
            raise BAD_USAGE(
                f"there is no suite '{name}'; there are {', '.join(SUITES)}",
                where="rigsight bench calibration",
            )
    measured: dict[str, list[Figure]] = {}
    facts = machine()
    if not as_json:
        print(", ".join(f"{name} {value}" for name, value in facts.items()))
    for name in names:
        measured[name] = suite(name)(quick)
        if not as_json:
            show(name, measured[name])
    if as_json:
        suites = {name: [_as_json(figure) for figure in figures] for name, figures in measured.items()}
        print(json.dumps({"machine": facts, "quick": quick, "suites": suites}, indent=2))


def _as_json(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": round(figure.value, 6),
        "unit": figure.unit,
        "goal": figure.goal,
        "better": figure.better,
        "met": figure.met,
    }


def show(name: str, figures: list[Figure]) -> None:
    """Print one suite for people."""
    width = max(len(figure.name) for figure in figures)
    print(f"\n{name}")
    for figure in figures:
        goal = ""
        if figure.goal is not None:
            sign = "<=" if figure.better == "lower" else ">="
            goal = f"  {sign} {figure.goal:g}  {'met' if figure.met else 'missed'}"
        print(f"  {figure.name:<{width}} {figure.value:10.4g} {figure.unit:<4}{goal}")
