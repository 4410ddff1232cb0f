"""A real NVIDIA parser and builder on a machine without a GPU: tensorrt-rtx, in a process of its own.

It has TensorRT's API, is strongly typed only, and builds for a compute capability that is not there. It does
not know Orin (8.7) and cannot run what it builds: a pass is good evidence, not proof. Graphs that it refuses
have crashed it, so that it never runs in the caller's process.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rigsight.base.errors import ErrorCode, RigsightError, registered
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines import codes
from rigsight.edge.tensorrt.api import VARIANTS, Recipe
from rigsight.edge.tensorrt.builder import build_plan
from rigsight.edge.tensorrt.plan import graph_path

COMPUTE_CAPABILITY = "SM86"  # Ampere, as Orin is
WORKSPACE_BYTES = 1 << 30
TIMEOUT_S = 1800.0
_MISSING = "pip install tensorrt-rtx (x86-64 or aarch64, Python 3.11 or newer)."


@dataclass(frozen=True)
class Proof:
    """A graph that was parsed and built; ``seconds`` of the builder, ``builder`` its name and version."""

    graph: str
    plan_bytes: int
    seconds: float
    builder: str

    def line(self) -> str:
        """For people."""
        return (
            f"{self.graph}: parsed and built by {self.builder} for {COMPUTE_CAPABILITY}, "
            f"{self.plan_bytes / 1e6:.2f} MB in {self.seconds:.0f} s"
        )


def prove_bundle(
    bundle: Bundle, variant: str | None = None, step: Callable[[str], None] = lambda what: None
) -> list[Proof]:
    """Parse and build all graphs that are meant for TensorRT, or those of one variant.

    Raises:
        RigsightError: BND-006 for a variant that the bundle lacks, ENG-001 without tensorrt-rtx, and as
            :func:`prove_graph`.
    """
    proofs = []
    for part in bundle.spec.parts:
        chosen: list[Variant] = [v for v in VARIANTS if v == variant or (not variant and v in part.variants)]
        for each in chosen:
            path = graph_path(bundle, part, each)
            step(f"building {path}")
            proofs.append(prove_graph(bundle.read(path), where=f"{bundle.path}/{path}"))
    return proofs


def prove_graph(graph: bytes, where: str) -> Proof:
    """Parse and build a serialised ONNX model in another process.

    Raises:
        RigsightError: BND-005 where it cannot be parsed, ENG-006 with the operator that is refused, or where
            the builder crashed, ENG-001 without tensorrt-rtx.
    """
    command = [sys.executable, "-m", "rigsight.edge.tensorrt.proof", where]
    try:
        done = subprocess.run(command, input=graph, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise codes.GRAPH_REFUSED(f"the builder took more than {TIMEOUT_S:.0f} s", where=where) from error
    answer = _answer(done.stdout)
    if answer is None:
        end = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        how = f"by signal {-done.returncode}" if done.returncode < 0 else f"with exit code {done.returncode}"
        raise codes.GRAPH_REFUSED(f"the builder ended {how}: {end[0][:200]}", where=where)
    if "code" in answer:
        raise _known(answer["code"])(answer["what"], where=where, fix=answer["fix"])
    return Proof(where, answer["plan_bytes"], answer["seconds"], answer["builder"])


def _answer(output: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(output.decode().strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None


def _known(code: str) -> ErrorCode:
    return next(each for each in registered() if each.code == code)


def _prove(graph: bytes, where: str) -> dict[str, Any]:
    """What the other process does. Raises as :func:`prove_graph`."""
    try:
        trt = importlib.import_module("tensorrt_rtx")
    except (ImportError, OSError) as error:
        raise codes.TENSORRT_MISSING(f"tensorrt-rtx cannot be imported ({error})", fix=_MISSING) from error

    def for_absent_gpu(config: Any) -> None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, COMPUTE_CAPABILITY), 0)

    built = build_plan(
        trt, graph, Recipe(strongly_typed=True), WORKSPACE_BYTES, where=where, adjust=for_absent_gpu
    )
    return {
        "plan_bytes": len(built.plan),
        "seconds": round(built.seconds, 2),
        "builder": f"tensorrt-rtx {trt.__version__}",
    }


def main() -> None:
    """Read a graph from stdin, print one line of JSON."""
    try:
        answer = _prove(sys.stdin.buffer.read(), sys.argv[1])
    except RigsightError as error:
        answer = {"code": error.code, "what": error.what, "fix": error.fix}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
