"""The installed TensorRT, and how its version wants a graph to be built.

There are two recipes for the same ONNX graph. Where networks can be strongly typed (10.12 and newer, and
nothing else in 11) the graph's own types hold: its casts for FP16, its Q/DQ for INT8. Before, builder flags
permit the precisions, and Q/DQ gives the scales. There is never a calibrator.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any

from rigsight.edge.bundle.spec import Variant
from rigsight.edge.engines import codes

OLDEST = (10, 0)  # uint8 outputs and INT64
STRONG_TYPING_FROM = (10, 12)  # before, it lacks operators
VARIANTS: tuple[Variant, ...] = ("fp32", "fp16", "int8")
_FLAGS: dict[Variant, tuple[str, ...]] = {"fp32": (), "fp16": ("FP16",), "int8": ("INT8", "FP16")}
_MEMORY = re.compile(r"out of memory|outofmemory|insufficient (memory|workspace)|requested amount of.*memory|"
                     r"could not allocate|cuda error 2\b|memory allocation", re.IGNORECASE)  # fmt: skip


def load_tensorrt() -> Any:
    """The module ``tensorrt``. Raises RigsightError ENG-001 where it is missing, broken or too old."""
    try:
        trt = importlib.import_module("tensorrt")
    except (ImportError, OSError, RuntimeError) as error:
        raise codes.TENSORRT_MISSING(f"it cannot be imported ({error})") from error
    if version_of(trt) < OLDEST:
        raise codes.TENSORRT_MISSING(f"TensorRT {trt.__version__} is older than 10.0")
    return trt


def version_of(trt: Any) -> tuple[int, int]:
    """(major, minor).

    >>> from types import SimpleNamespace
    >>> version_of(SimpleNamespace(__version__="10.13.3.9"))
    (10, 13)
    """
    numbers = [int(number) for number in re.findall(r"\d+", str(trt.__version__))[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


@dataclass(frozen=True)
class Recipe:
    """How a variant is built: strongly typed, or with these builder flags."""

    strongly_typed: bool
    flags: tuple[str, ...] = ()

    def words(self) -> str:
        """For people."""
        if self.strongly_typed:
            return "strongly typed: the graph's own types hold"
        return f"builder flags {' and '.join(self.flags)}" if self.flags else "no builder flags"


def recipe(trt: Any, variant: Variant) -> Recipe:
    """How this TensorRT builds ``variant``: by what its API offers, and by version where it offers both."""
    typed = hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")
    flags = _FLAGS[variant]
    flagged = all(hasattr(trt.BuilderFlag, flag) for flag in ("FP16", "INT8"))
    if typed and (not flagged or version_of(trt) >= STRONG_TYPING_FROM):
        return Recipe(True)
    if not flagged:
        raise codes.TENSORRT_MISSING(f"TensorRT {trt.__version__} offers neither strong typing nor its flags")
    return Recipe(False, flags)


def creation_flags(trt: Any, chosen: Recipe) -> int:
    """The bits for ``Builder.create_network``."""
    names = trt.NetworkDefinitionCreationFlag
    wanted = [getattr(names, "EXPLICIT_BATCH", None)]  # always on, and gone in 11
    if chosen.strongly_typed:
        wanted.append(names.STRONGLY_TYPED)
    return sum(1 << int(flag) for flag in wanted if flag is not None)


def make_logger(trt: Any) -> Any:
    """A TensorRT logger that keeps errors and warnings; see :class:`Log` for its methods."""
    severity = trt.ILogger.Severity
    levels = {severity.INTERNAL_ERROR: "error", severity.ERROR: "error", severity.WARNING: "warning"}

    class _Logger(Log, trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            Log.__init__(self)
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in levels:
                self.said.append((levels[severity], message))

    return _Logger()


class Log:
    """What TensorRT said: ("error" or "warning", text)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def last_error(self) -> str:
        """The last error in at most 200 characters."""
        errors = [text for kind, text in self.said if kind == "error"]
        return " ".join(errors[-1].split())[:200] if errors else "it gives no reason"

    def memory_was_short(self) -> bool:
        """Whether memory was the reason, as far as the words tell."""
        return any(_MEMORY.search(text) for _, text in self.said)
