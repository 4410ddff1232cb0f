"""Which engine runs a bundle on this machine."""

from __future__ import annotations

from rigsight.edge import codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Tensor, Variant
from rigsight.edge.engines.base import Engine
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.tiling import TiledEngine


def open_engine(bundle: Bundle, variant: Variant | None = None, threads: int | None = None) -> Engine:
    """What runs the bundle's pictures: its graph, tile by tile where its geometry is ``tile``.

    Raises as :func:`open_graph`.
    """
    engine, geometry = open_graph(bundle, variant, threads), bundle.spec.preprocessing.geometry
    return TiledEngine(engine, geometry) if geometry.kind == "tile" else engine


def open_graph(bundle: Bundle, variant: Variant | None = None, threads: int | None = None) -> Engine:
    """Open the main graph; ``variant`` None means fp32, the right one on CPUs unless measured otherwise.

    Raises:
        RigsightError: BND-004 when graph and bundle.yaml disagree, BND-005 when the graph does not load,
            BND-006 for a variant that the bundle lacks.
    """
    part = bundle.part()
    chosen = variant or "fp32"
    if chosen not in part.variants:
        have = ", ".join(part.variants)
        raise codes.VARIANT_MISSING(f"there is no variant '{chosen}', only {have}", where=bundle.path)
    path = part.variants[chosen]
    engine = OnnxRuntimeEngine(bundle.read(path), threads, where=f"{bundle.path}/{path}")
    _agree("input", part.inputs, engine.inputs, bundle)
    _agree("output", part.outputs, engine.outputs, bundle)
    return engine


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
