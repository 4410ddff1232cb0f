"""Engines of this machine: a plan and its manifest, compared before a byte of the plan is loaded.

Loading a plan runs the code in it. So it is read only from folders that this user alone can write, only
where its manifest names this bundle, GPU, TensorRT and driver, and only with the sha256 that was written.

    engines/<16 digits of the bundle's sha256>/<part>.<variant>.<16 digits of the key>.plan and .json
    engines/timing/<GPU and TensorRT>.cache
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from rigsight.base.errors import RigsightError
from rigsight.base.files import atomic_path
from rigsight.base.schema import StrictModel, parse_model
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines import codes
from rigsight.edge.tensorrt.machine import Machine
from rigsight.edge.tensorrt.trust import cache_root, check_folder, private_folder, read_trusted

MAX_MANIFEST_BYTES = 1 << 20
MAX_TIMING_BYTES = 64 << 20

_WORDS = {
    "bundle": "the bundle",
    "part": "the part",
    "variant": "the variant",
    "gpu": "the GPU",
    "compute_capability": "compute capability",
    "tensorrt": "TensorRT",
    "driver": "the driver",
    "jetpack": "JetPack",
}


class EngineKey(StrictModel):
    """Everything an engine is built for; another value of any field makes it stale."""

    bundle: str = Field(description="sha256 of bundle.yaml, which holds that of the graph")
    part: str
    variant: Variant
    gpu: str
    compute_capability: str
    tensorrt: str
    driver: str
    jetpack: str | None = None

    def digest(self) -> str:
        """Sixteen hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def difference(self, wanted: EngineKey) -> str | None:
        """The first field that differs as "built for TensorRT 10.3.0, here is 10.13.3", else None."""
        for name, word in _WORDS.items():
            expected, got = getattr(wanted, name), getattr(self, name)
            if expected != got:
                return f"it was built for {word} {_short(got)}, here is {_short(expected)}"
        return None


class GoldenLine(StrictModel):
    """How one golden case compared when the engine was built."""

    scene: str
    mask_agreement: float
    fused_difference: float | None = None
    probability_difference: float | None = None
    instance_agreement: float | None = None


class Manifest(StrictModel):
    """What is known of a plan without loading it."""

    version: Literal[1] = 1
    bundle_id: str
    key: EngineKey
    plan_sha256: str
    plan_bytes: int = Field(gt=0)
    built_at: float = Field(description="seconds since 1970")
    build_seconds: float
    recipe: str
    level: int | None = Field(default=None, description="builder_optimization_level")
    workspace_bytes: int
    golden: tuple[GoldenLine, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A manifest and where its plan lies."""

    manifest: Manifest
    plan: Path


def engine_key(bundle_sha256: str, part: str, variant: Variant, machine: Machine) -> EngineKey:
    """The key of an engine on ``machine``."""
    return EngineKey(
        bundle=bundle_sha256,
        part=part,
        variant=variant,
        gpu=machine.gpu,
        compute_capability=machine.compute_capability,
        tensorrt=machine.tensorrt,
        driver=machine.driver,
        jetpack=machine.jetpack,
    )


def engines_root() -> Path:
    """Where engines lie."""
    return cache_root() / "engines"


def folder_of(bundle_sha256: str) -> Path:
    """Where a bundle's engines lie."""
    return engines_root() / bundle_sha256[:16]


def entries(bundle_sha256: str, part: str = "main") -> list[Entry]:
    """A part's engines, the one built last first, fresh or not. Unreadable manifests are left out.

    Raises:
        RigsightError: ENG-005 where somebody else could have written them.
    """
    folder = folder_of(bundle_sha256)
    if not folder.is_dir():
        return []
    check_folder(engines_root())
    check_folder(folder)
    found = []
    for path in sorted(folder.glob(f"{part}.*.json")):
        data = read_trusted(path, MAX_MANIFEST_BYTES)
        try:
            manifest = parse_model(json.loads(data), Manifest, codes.ENGINE_BROKEN, where=path)
        except (ValueError, RecursionError, RigsightError):
            continue
        found.append(Entry(manifest, path.with_suffix(".plan")))
    return sorted(found, key=lambda entry: -entry.manifest.built_at)


def read_plan(entry: Entry, wanted: EngineKey) -> bytes:
    """The plan's bytes, after everything that can be compared without loading them was.

    Raises:
        RigsightError: ENG-003 where the engine is of something else, ENG-004 where the plan is missing,
            truncated or altered, ENG-005 where somebody else could have written it.
    """
    difference = entry.manifest.key.difference(wanted)
    if difference is not None:
        raise codes.ENGINE_STALE(difference, where=entry.plan)
    check_folder(entry.plan.parent)
    data = read_trusted(entry.plan, entry.manifest.plan_bytes)
    if len(data) != entry.manifest.plan_bytes:
        raise codes.ENGINE_BROKEN(
            f"the plan has {len(data)} bytes, expected {entry.manifest.plan_bytes}", where=entry.plan
        )
    if hashlib.sha256(data).hexdigest() != entry.manifest.plan_sha256:
        raise codes.ENGINE_BROKEN("the plan is not the one that was built here", where=entry.plan)
    return data


def store(manifest: Manifest, plan: bytes) -> Entry:
    """Write plan and manifest, both or neither, and remove what this machine cannot use any more.

    Raises:
        RigsightError: IO-001 where they cannot be written, ENG-005 where the folder is somebody else's.
    """
    private_folder(engines_root())
    folder = private_folder(folder_of(manifest.key.bundle))
    path = folder / f"{manifest.key.part}.{manifest.key.variant}.{manifest.key.digest()}.plan"
    with atomic_path(path.with_suffix(".json")) as description, atomic_path(path) as data:
        data.write_bytes(plan)
        description.write_text(json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    for entry in entries(manifest.key.bundle, manifest.key.part):
        old = entry.manifest.key
        same = (old.variant, old.gpu) == (manifest.key.variant, manifest.key.gpu)
        if same and entry.plan != path:  # another TensorRT or driver of the same GPU
            entry.plan.unlink(missing_ok=True)
            entry.plan.with_suffix(".json").unlink(missing_ok=True)
    return Entry(manifest, path)


def timing_path(machine: Machine) -> Path:
    """Where the timings of this GPU and TensorRT lie."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{machine.gpu}-{machine.compute_capability}-{machine.tensorrt}")
    return engines_root() / "timing" / f"{name}.cache"


def read_timings(machine: Machine) -> bytes:
    """Timings of earlier builds, or nothing. Raises RigsightError ENG-005 for somebody else's."""
    path = timing_path(machine)
    if not path.parent.is_dir():
        return b""
    check_folder(engines_root())
    check_folder(path.parent)
    return read_trusted(path, MAX_TIMING_BYTES) if path.exists() else b""


def write_timings(machine: Machine, data: bytes) -> None:
    """Keep timings for the next build. Raises RigsightError IO-001."""
    path = timing_path(machine)
    private_folder(engines_root())
    private_folder(path.parent)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _short(value: object) -> str:
    text = str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text
