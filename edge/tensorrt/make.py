"""A bundle's engines for this machine: plan, build, golden check, and only then into the cache."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.golden import GoldenResult
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.cuda.open import open_cuda
from rigsight.edge.engines.select import check_tensors, whole
from rigsight.edge.engines.tensorrt import TensorRtEngine
from rigsight.edge.tensorrt.api import load_tensorrt
from rigsight.edge.tensorrt.builder import Built, Progress, build_plan
from rigsight.edge.tensorrt.cache import GoldenLine, Manifest, read_timings, store, write_timings
from rigsight.edge.tensorrt.gate import check_engine
from rigsight.edge.tensorrt.machine import this_machine
from rigsight.edge.tensorrt.plan import BuildPlan, PartPlan, make_plan


@dataclass(frozen=True)
class Made:
    """One engine that was built, checked and kept."""

    part: str
    path: Path
    plan_bytes: int
    level: int
    seconds: float
    golden: tuple[GoldenResult, ...]
    without_graph: str | None
    notes: tuple[str, ...]


def plan_bundle(bundle: Bundle, variant: Variant | None = None, force: bool = False) -> BuildPlan:
    """What :func:`make_engines` would do here.

    Raises:
        RigsightError: ENG-001 without TensorRT, ENG-002 without a GPU, and as :func:`make_plan`.
    """
    trt = load_tensorrt()
    return make_plan(bundle, variant, trt, this_machine(trt), force)


def make_engines(
    bundle: Bundle,
    plan: BuildPlan,
    progress: Progress = lambda phase, done, total: None,
    step: Callable[[str], None] = lambda what: None,
) -> list[Made]:
    """Build what ``plan`` says; nothing reaches the cache before its golden check.

    Ctrl-C stops the builder at its next step.

    Raises:
        RigsightError: BND-005, ENG-006, ENG-007, ENG-008 from the build, BND-001 and BND-007 from the golden
            check, IO-001 where the cache cannot be written, ENG-005 where it is somebody else's.
    """
    trt = load_tensorrt()
    made = []
    for part in (part for part in plan.parts if part.reason is not None):
        step(f"building {part.graph}")
        built, notes = _build(trt, bundle, plan, part, progress)
        step(f"checking {part.graph}")
        golden, without_graph = _check(bundle, plan, part, built)
        entry = store(_manifest(bundle, plan, part, built, golden), built.plan)
        made.append(
            Made(
                part=part.part,
                path=entry.plan,
                plan_bytes=len(built.plan),
                level=built.level,
                seconds=round(built.seconds, 1),
                golden=tuple(golden),
                without_graph=without_graph,
                notes=notes,
            )
        )
    return made


def _build(
    trt: Any, bundle: Bundle, plan: BuildPlan, part: PartPlan, progress: Progress
) -> tuple[Built, tuple[str, ...]]:
    """Build in a thread of its own, which holds the CUDA context; this one waits and hears Ctrl-C."""
    stop, graph = threading.Event(), bundle.read(part.graph)
    timings = read_timings(plan.machine)

    def work() -> Built:
        with closing(open_cuda()):
            return build_plan(
                trt,
                graph,
                plan.recipe,
                plan.workspace_bytes,
                reference=plan.variant == "fp32",
                timings=timings,
                where=f"{bundle.path}/{part.graph}",
                levels=plan.levels,
                progress=progress,
                cancelled=stop,
            )

    with ThreadPoolExecutor(1, thread_name_prefix="build") as thread:
        future = thread.submit(work)
        try:
            built = future.result()
        except KeyboardInterrupt:
            stop.set()
            raise
    notes = built.notes
    if built.timings and built.timings != timings:
        try:
            write_timings(plan.machine, built.timings)
        except RigsightError as error:  # the next build takes longer, and that is all
            notes = (*notes, f"the timings are not kept: {error.what}")
    return built, notes


def _check(
    bundle: Bundle, plan: BuildPlan, part: PartPlan, built: Built
) -> tuple[list[GoldenResult], str | None]:
    """The engine has the bundle's tensors and computes its golden outputs; ONNX Runtime runs other parts."""
    described = bundle.part(part.part)
    with closing(TensorRtEngine(built.plan, where=part.graph)) as engine:
        check_tensors(described, engine, bundle, plan.variant)
        if part.part != "main" and bundle.spec.instances is None:
            return [], engine.without_graph
        return check_engine(bundle, whole(engine, bundle, part.part), plan.variant), engine.without_graph


def _manifest(
    bundle: Bundle, plan: BuildPlan, part: PartPlan, built: Built, golden: list[GoldenResult]
) -> Manifest:
    return Manifest(
        bundle_id=bundle.id,
        key=part.key,
        plan_sha256=hashlib.sha256(built.plan).hexdigest(),
        plan_bytes=len(built.plan),
        built_at=time.time(),
        build_seconds=round(built.seconds, 1),
        recipe=plan.recipe.words(),
        level=built.level,
        workspace_bytes=plan.workspace_bytes,
        golden=tuple(GoldenLine.model_validate(asdict(result)) for result in golden),
    )
