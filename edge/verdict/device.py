"""Build a bundle's engines on this machine, judge its variants here, and keep what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines import codes as engine_codes
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.select import EngineChoice, open_engine, open_graph
from rigsight.edge.tensorrt.api import load_tensorrt
from rigsight.edge.tensorrt.builder import Progress
from rigsight.edge.tensorrt.cache import entries
from rigsight.edge.tensorrt.machine import this_machine
from rigsight.edge.tensorrt.make import Made, make_engines
from rigsight.edge.tensorrt.plan import BuildPlan, default_variant, make_plan
from rigsight.edge.verdict.decide import Decision, decide
from rigsight.edge.verdict.judge import ROUNDS, Judged, judge_variants, refused, with_refusals
from rigsight.edge.verdict.kept import (
    Backend,
    DeviceVerdict,
    cpu_machine,
    gpu_machine,
    kept_row,
    read_verdict,
    write_verdict,
)

BUDGET_POINTS = 0.5
# What takes a variant out of the choice instead of ending the build.
_REFUSALS = (
    codes.GOLDEN_FAILED.code,
    codes.GRAPH_UNREADABLE.code,
    engine_codes.GRAPH_REFUSED.code,
    engine_codes.GPU_MEMORY.code,
)
Step = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What was built and decided; ``judged`` is None where the kept verdict still held."""

    made: tuple[Made, ...]
    verdict: DeviceVerdict
    kept: Path | None
    judged: Judged | None


def plans(bundle: Bundle, variant: Variant | None = None, force: bool = False) -> list[BuildPlan]:
    """What :func:`build_here` builds first: the default and INT8 where the bundle has it, or ``variant``.

    Raises:
        RigsightError: ENG-001 without TensorRT, ENG-002 without a GPU, and as :func:`make_plan`.
    """
    trt = load_tensorrt()
    machine = this_machine(trt)
    names = [variant] if variant else [default_variant(bundle), *_also(bundle, "int8")]
    return [make_plan(bundle, name, trt, machine, force) for name in names]


def build_here(
    bundle: Bundle,
    wanted: Sequence[BuildPlan],
    asked: Variant | None = None,
    budget: float = BUDGET_POINTS,
    progress: Progress = lambda phase, done, total: None,
    step: Step = lambda what: None,
) -> Outcome:
    """Build the engines of ``wanted``, judge them on this device and keep the verdict.

    Where the default or INT8 cannot be built here, or computes something else than it should, the others go
    on; where none is left FP32 is built. ``asked`` is what the user wants whatever is measured: its failure
    is raised. Nothing is judged anew while all engines and the verdict are fresh.

    Raises:
        RigsightError: as :func:`rigsight.edge.tensorrt.make.make_engines`.
    """
    machine = gpu_machine(wanted[0].machine)
    work = _Work(bundle, asked, budget, progress, step)
    for plan in wanted:
        work.build(plan)
    order = [plan.variant for plan in wanted]
    known = read_verdict(bundle.sha256, "tensorrt", machine)
    if known is not None and not work.made and [row.variant for row in known.rows[: len(order)]] == order:
        return Outcome((), known, None, None)
    judged = work.judge()
    if (judged is None or judged[1].chosen is None) and "fp32" not in order:
        trt = load_tensorrt()
        work.build(make_plan(bundle, "fp32", trt, this_machine(trt)))
        judged = work.judge()
    if judged is None:
        raise next(iter(work.failures.values()))
    return _keep(bundle, "tensorrt", machine, *judged, budget, work.made)


@dataclass
class _Work:
    """Engines of one bundle, one variant after the other; ``failures`` are those that could not be had."""

    bundle: Bundle
    asked: Variant | None
    budget: float
    progress: Progress
    step: Step
    order: list[Variant] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    failures: dict[Variant, RigsightError] = field(default_factory=dict)

    def build(self, plan: BuildPlan) -> None:
        """Build what is not fresh. Raises what no other variant mends, or all where one was asked for."""
        self.order.append(plan.variant)
        try:
            self.made += make_engines(self.bundle, plan, self.progress, self.step)
        except RigsightError as error:
            if self.asked is not None or error.code not in _REFUSALS:
                raise
            self.failures[plan.variant] = error

    def judge(self) -> tuple[Judged, Decision] | None:
        """Judge what could be built; None where nothing could."""
        built = [name for name in self.order if name not in self.failures]
        if not built:
            return None
        judged = _judge(self.bundle, built, "tensorrt", None, self.step)
        refusals = [refused(name, error.what) for name, error in self.failures.items()]
        return judged, decide(with_refusals(judged, refusals, self.order), self.budget, self.asked)


def judge_cpu(
    bundle: Bundle, threads: int | None = None, budget: float = BUDGET_POINTS, step: Step = lambda what: None
) -> Outcome:
    """Judge float32 against INT8 in ONNX Runtime on this processor and keep the verdict.

    Raises:
        RigsightError: BND-… where a graph or picture cannot be read.
    """
    order: list[Variant] = ["fp32", *_also(bundle, "int8-cpu")]
    judged = _judge(bundle, order, "onnxruntime:cpu", threads, step)
    return _keep(bundle, "onnxruntime", cpu_machine(), judged, decide(judged.rows, budget), budget, [])


def _also(bundle: Bundle, variant: Variant) -> list[Variant]:
    """``variant`` where every part has it and export did not reject it."""
    verdict = bundle.spec.verdicts.get(variant)
    there = all(variant in part.variants for part in bundle.spec.parts)
    return [variant] if there and (verdict is None or verdict.accepted) else []


def _judge(
    bundle: Bundle, names: Sequence[Variant], choice: EngineChoice, threads: int | None, step: Step
) -> Judged:
    with ExitStack() as stack:
        opener = open_graph if bundle.spec.instances is None else open_engine
        engines: dict[Variant, Engine] = {}
        for name in names:
            step(f"opening {name}")
            engines[name] = stack.enter_context(closing(opener(bundle, name, threads, choice)))
        sizes = {name: _megabytes(bundle, name, choice) for name in names}
        return judge_variants(bundle, engines, sizes, step, ROUNDS)


def _megabytes(bundle: Bundle, variant: Variant, choice: EngineChoice) -> float:
    """Of the engines on the GPU, of the graphs elsewhere."""
    if choice != "tensorrt":
        return sum(bundle.storage.sizes[part.variants[variant]] for part in bundle.spec.parts) / 1e6
    total = 0
    for part in bundle.spec.parts:
        found = [e for e in entries(bundle.sha256, part.name) if e.manifest.key.variant == variant]
        total += found[0].manifest.plan_bytes if found else 0
    return total / 1e6


def _keep(
    bundle: Bundle,
    backend: Backend,
    machine: Mapping[str, str],
    judged: Judged,
    decision: Decision,
    budget: float,
    made: Sequence[Made],
) -> Outcome:
    verdict = DeviceVerdict(
        bundle=bundle.sha256,
        backend=backend,
        machine=dict(machine),
        chosen=decision.chosen,
        reason=decision.reason,
        metric=judged.metric,
        reference=None if judged.pictures == 0 else judged.reference,
        pictures=judged.pictures,
        budget_points=budget,
        rows=tuple(kept_row(row) for row in decision.rows),
    )
    return Outcome(tuple(made), verdict, write_verdict(verdict), judged)
