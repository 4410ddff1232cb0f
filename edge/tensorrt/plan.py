"""What will be built of a bundle on this machine and why, to be printed before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rigsight.base.errors import RigsightError
from rigsight.edge import codes as bundle_codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Part, Variant
from rigsight.edge.engines import codes
from rigsight.edge.tensorrt.api import Recipe, recipe
from rigsight.edge.tensorrt.builder import LEVELS
from rigsight.edge.tensorrt.cache import EngineKey, engine_key, entries, read_plan
from rigsight.edge.tensorrt.machine import Machine

LEAST_WORKSPACE = 64 << 20
AMPLE_BYTES = 1 << 30


@dataclass(frozen=True)
class PartPlan:
    """One engine to build, or (``reason`` None) one that is fresh already."""

    part: str
    graph: str
    graph_bytes: int
    key: EngineKey
    reason: str | None


@dataclass(frozen=True)
class BuildPlan:
    """All engines of one variant. ``levels`` are the optimization levels in the order they are tried."""

    bundle: str
    variant: Variant
    machine: Machine
    recipe: Recipe
    workspace_bytes: int
    levels: tuple[int, ...]
    parts: tuple[PartPlan, ...]
    verdict: str | None = None

    def lines(self) -> list[str]:
        """The plan for people."""
        levels = ", then ".join(map(str, self.levels))
        found = [
            f"{self.bundle}, {self.variant}: {self.recipe.words()}",
            f"on {self.machine.words()}",
            f"workspace of at most {self.workspace_bytes >> 20} MiB, optimization level {levels} where memory"
            " is short",
        ]
        if self.verdict:
            found.append(f"export's verdict on {self.variant}: {self.verdict}")
        for part in self.parts:
            size = f"{part.graph} ({part.graph_bytes / 1e6:.2f} MB)"
            found.append(
                f"{size}: fresh, nothing to build" if part.reason is None else f"{size}: build, {part.reason}"
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "bundle": self.bundle,
            "variant": self.variant,
            "machine": vars(self.machine),
            "strongly_typed": self.recipe.strongly_typed,
            "builder_flags": list(self.recipe.flags),
            "workspace_bytes": self.workspace_bytes,
            "optimization_levels": list(self.levels),
            "parts": [
                {
                    "part": part.part,
                    "graph": part.graph,
                    "build": part.reason is not None,
                    "reason": part.reason,
                }
                for part in self.parts
            ],
        }


def make_plan(
    bundle: Bundle, variant: Variant | None, trt: Any, machine: Machine, force: bool = False
) -> BuildPlan:
    """Compare what the cache holds with what this machine needs.

    ``variant`` None takes fp16 where the bundle has it and export accepted it, else fp32.

    Raises:
        RigsightError: BND-006 for a variant that the bundle lacks, ENG-001 where this TensorRT cannot build
            it, ENG-005 for a cache of somebody else's, ENG-007 where hardly any memory is free.
    """
    chosen = variant or default_variant(bundle)
    workspace = machine.workspace_bytes()
    if workspace < LEAST_WORKSPACE:
        raise codes.GPU_MEMORY(f"only {machine.free_bytes >> 20} MiB are free")
    verdict = bundle.spec.verdicts.get(chosen)
    words = None if verdict is None else f"{'' if verdict.accepted else 'not '}accepted, {verdict.reason}"
    return BuildPlan(
        bundle=bundle.id,
        variant=chosen,
        machine=machine,
        recipe=recipe(trt, chosen),
        workspace_bytes=workspace,
        levels=LEVELS if machine.free_bytes >= AMPLE_BYTES else LEVELS[1:],
        parts=tuple(_plan_part(bundle, part, chosen, machine, force) for part in bundle.spec.parts),
        verdict=words,
    )


def default_variant(bundle: Bundle) -> Variant:
    """fp16 where every part has it and export did not reject it, else fp32."""
    verdict = bundle.spec.verdicts.get("fp16")
    there = all("fp16" in part.variants for part in bundle.spec.parts)
    return "fp16" if there and (verdict is None or verdict.accepted) else "fp32"


def graph_path(bundle: Bundle, part: Part, variant: Variant) -> str:
    """Where a part's graph lies in the bundle. Raises RigsightError BND-006 for a variant it lacks."""
    if variant not in part.variants:
        have = ", ".join(part.variants)
        raise bundle_codes.VARIANT_MISSING(f"there is no variant '{variant}', only {have}", where=bundle.path)
    return part.variants[variant]


def _plan_part(bundle: Bundle, part: Part, variant: Variant, machine: Machine, force: bool) -> PartPlan:
    path = graph_path(bundle, part, variant)
    key = engine_key(bundle.sha256, part.name, variant, machine)
    reason = "asked for" if force else _why(bundle, key)
    return PartPlan(part.name, path, bundle.storage.sizes[path], key, reason)


def _why(bundle: Bundle, key: EngineKey) -> str | None:
    """Why an engine must be built, or None where a fresh one is there."""
    reason = "there is none yet"
    for entry in entries(bundle.sha256, key.part):
        if entry.manifest.key.variant != key.variant:
            continue
        try:
            read_plan(entry, key)
        except RigsightError as error:
            if error.code == codes.ENGINE_UNTRUSTED.code:
                raise
            reason = f"the old one is stale: {error.what}"
        else:
            return None
    return reason
