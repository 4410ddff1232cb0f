"""Which engine runs a bundle on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal, cast, get_args

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Part, Tensor, Variant
from rigsight.edge.engines import codes as engine_codes
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.providers import Provider, preferred
from rigsight.edge.engines.tensorrt import TensorRtEngine
from rigsight.edge.tensorrt.api import load_tensorrt
from rigsight.edge.tensorrt.cache import engine_key, entries, read_plan
from rigsight.edge.tensorrt.machine import this_machine
from rigsight.edge.tiling import TiledEngine
from rigsight.edge.verdict.kept import cpu_machine, gpu_machine, read_verdict

EngineChoice = Literal[
    "auto", "tensorrt", "onnxruntime",
    "onnxruntime:cpu", "onnxruntime:cuda", "onnxruntime:tensorrt", "onnxruntime:openvino",
]  # fmt: skip
"""``auto``: a fresh TensorRT engine where one was built here, else ``onnxruntime``, which is the package's
fastest provider that starts at once."""

CHOICES: tuple[EngineChoice, ...] = get_args(EngineChoice)
REFERENCE: EngineChoice = "onnxruntime:cpu"

_log = logging.getLogger(__name__)
Note = Callable[[str], None]


def open_engine(
    bundle: Bundle,
    variant: Variant | None = None,
    threads: int | None = None,
    choice: EngineChoice = REFERENCE,
    note: Note | None = None,
) -> Engine:
    """What runs the bundle's pictures: its graph, tile by tile where its geometry is ``tile``, or its graphs
    with the host's steps between them.

    Raises as :func:`open_graph`.
    """
    if bundle.spec.instances is None:
        return tiled(open_graph(bundle, variant, threads, choice, note), bundle)
    if variant is None and choice in ("auto", "tensorrt"):
        variant = _of_all_parts(bundle, note or _log.warning)
    main = open_graph(bundle, variant, threads, choice, note)
    others = {
        part.name: open_graph(bundle, variant, threads, choice, note, part.name)
        for part in bundle.spec.parts
        if part.name != "main"
    }
    return InstanceEngine({"main": main, **others}, bundle.spec.instances)


def open_graph(
    bundle: Bundle,
    variant: Variant | None = None,
    threads: int | None = None,
    choice: EngineChoice = REFERENCE,
    note: Note | None = None,
    part: str = "main",
) -> Engine:
    """Open one graph, by default the main one.

    ``variant`` None means what 'rigsight build' decided on this machine: without a verdict fp32 in ONNX
    Runtime, and in TensorRT the one that was built last; fp32 always where ``choice`` names a provider.
    ``note`` hears why ``auto`` does not use an engine that was built here.

    Raises:
        RigsightError: BND-004 when graph and bundle.yaml disagree, BND-005 when the graph does not load,
            BND-006 for a variant that the bundle lacks; ENG-… where ``choice`` asks for what is not here.
    """
    note = note or _log.warning
    if choice == "tensorrt":
        return _open_tensorrt(bundle, variant, part)
    if choice == "auto" and entries_of(bundle, variant, note, part):
        try:
            return _open_tensorrt(bundle, variant, part)
        except RigsightError as error:
            if not error.code.startswith("ENG-"):
                raise
            note(f"the TensorRT engine is not used: {error.line()}")
    if choice in ("auto", "onnxruntime"):
        provider = preferred()
        if provider != "cpu":
            try:
                return _open_onnxruntime(bundle, variant, threads, provider, part)
            except RigsightError as error:
                if error.code != engine_codes.PROVIDER_MISSING.code:
                    raise
                note(error.line())
        return _open_onnxruntime(bundle, variant or _decided_on_cpu(bundle, note), threads, "cpu", part)
    return _open_onnxruntime(bundle, variant, threads, cast(Provider, choice.partition(":")[2]), part)


def _of_all_parts(bundle: Bundle, note: Note) -> Variant | None:
    """The variant to run of those of which all parts were built here, so that parts of two are never mixed (a
    build may have been stopped in between); None where there is none, or the verdict is to run none."""
    built = [
        [entry.manifest.key.variant for entry in entries(bundle.sha256, part.name)]
        for part in bundle.spec.parts
        if entries_of(bundle, None, note, part.name)
    ]
    whole = len(built) == len(bundle.spec.parts)
    common = [name for name in built[0] if all(name in part for part in built[1:])] if whole else []
    if not common:
        return None
    try:
        verdict = read_verdict(bundle.sha256, "tensorrt", gpu_machine(this_machine(load_tensorrt())))
    except RigsightError:  # opening the engines says it again
        return common[0]
    return common[0] if verdict is None else verdict.chosen


def entries_of(bundle: Bundle, variant: Variant | None, note: Note, part: str = "main") -> bool:
    """Whether any engine of the part was built here, fresh or not; TensorRT is not imported for it."""
    try:
        return any(variant in (None, entry.manifest.key.variant) for entry in entries(bundle.sha256, part))
    except RigsightError as error:  # the folder is somebody else's
        note(f"the TensorRT engines are not used: {error.line()}")
        return False


def _decided_on_cpu(bundle: Bundle, note: Note) -> Variant | None:
    """What 'rigsight build --cpu' chose on this machine; None without a verdict that still holds."""
    try:
        verdict = read_verdict(bundle.sha256, "onnxruntime", cpu_machine())
    except RigsightError as error:
        note(f"the verdict of 'rigsight build' is not used: {error.line()}")
        return None
    return None if verdict is None else verdict.chosen


def tiled(engine: Engine, bundle: Bundle) -> Engine:
    """``engine`` as the bundle's geometry wants it."""
    geometry = bundle.spec.preprocessing.geometry
    return TiledEngine(engine, geometry) if geometry.kind == "tile" else engine


def whole(engine: Engine, bundle: Bundle, part: str) -> Engine:
    """``engine`` of one part as what runs the bundle's pictures; ONNX Runtime runs the other parts."""
    if bundle.spec.instances is None:
        return tiled(engine, bundle)
    others = {
        each.name: open_graph(bundle, part=each.name) for each in bundle.spec.parts if each.name != part
    }
    return InstanceEngine({part: engine, **others}, bundle.spec.instances)


def describe(engine: Engine) -> dict[str, str]:
    """What runs: ``engine``, its name and version, and ``variant`` of the bundle's graph."""
    if isinstance(engine, InstanceEngine):
        return describe(engine.parts["main"])
    inner = engine.engine if isinstance(engine, TiledEngine) else engine
    return {
        "engine": str(getattr(inner, "description", type(inner).__name__)),
        "variant": str(getattr(inner, "variant", "fp32")),
    }


def check_tensors(part: Part, engine: Engine, bundle: Bundle, variant: Variant) -> None:
    """Raises RigsightError BND-004 where the engine's inputs or outputs are not those of bundle.yaml."""
    _agree("input", part.inputs, engine.inputs, bundle)
    _agree("output", part.outputs_of(variant), engine.outputs, bundle)


def _open_onnxruntime(
    bundle: Bundle, variant: Variant | None, threads: int | None, provider: Provider, name: str
) -> Engine:
    part = bundle.part(name)
    chosen: Variant = variant or "fp32"
    if chosen not in part.variants:
        have = ", ".join(part.variants)
        raise codes.VARIANT_MISSING(f"there is no variant '{chosen}', only {have}", where=bundle.path)
    path = part.variants[chosen]
    engine = OnnxRuntimeEngine(bundle.read(path), threads, where=f"{bundle.path}/{path}", provider=provider)
    engine.variant = chosen
    check_tensors(part, engine, bundle, chosen)
    return engine


def _open_tensorrt(bundle: Bundle, variant: Variant | None, name: str) -> Engine:
    """The fresh engine that was decided on here, else the one that was built last.

    Raises RigsightError ENG-003 with the reason where none is, or where the verdict is to run none.
    """
    part = bundle.part(name)
    if variant is not None and variant not in part.variants:
        have = ", ".join(part.variants)
        raise codes.VARIANT_MISSING(f"there is no variant '{variant}', only {have}", where=bundle.path)
    found = [e for e in entries(bundle.sha256, name) if variant in (None, e.manifest.key.variant)]
    if not found:
        what = f"no {variant} engine" if variant else "no engine"
        raise engine_codes.ENGINE_STALE(f"{what} of {bundle.id} was built here", where=bundle.path)
    trt = load_tensorrt()
    machine = this_machine(trt)
    verdict = None if variant else read_verdict(bundle.sha256, "tensorrt", gpu_machine(machine))
    if verdict is not None and verdict.chosen is None:
        raise engine_codes.ENGINE_STALE(
            f"no variant may run here ({verdict.reason})", where=bundle.path, fix="Give --variant to insist."
        )
    if verdict is not None:
        found.sort(key=lambda entry: entry.manifest.key.variant != verdict.chosen)  # stable: the latest first
    reason: RigsightError | None = None
    for entry in found:
        key = entry.manifest.key
        try:
            plan = read_plan(entry, engine_key(bundle.sha256, name, key.variant, machine))
        except RigsightError as error:
            reason = reason or error
            continue
        engine = TensorRtEngine(plan, where=str(entry.plan))
        engine.variant = key.variant
        try:
            check_tensors(part, engine, bundle, key.variant)
        except RigsightError:
            engine.close()
            raise
        return engine
    assert reason is not None
    raise reason


def _agree(kind: str, declared: dict[str, Tensor], real: dict[str, Tensor], bundle: Bundle) -> None:
    if set(declared) != set(real):
        name = min(set(declared) ^ set(real))
        raise codes.BUNDLE_CONTRACT(
            f"only one of graph and bundle.yaml has the {kind} '{name}'", where=bundle.path
        )
    for name, tensor in declared.items():
        if (tensor.dtype, tensor.shape) != (real[name].dtype, real[name].shape):
            raise codes.BUNDLE_CONTRACT(
                f"the {kind} '{name}' is {tensor.dtype} {list(tensor.shape)} in bundle.yaml, "
                f"{real[name].dtype} {list(real[name].shape)} in the graph",
                where=bundle.path,
            )
