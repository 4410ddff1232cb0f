"""The CUDA binding that is installed: cuda-python, which has graphs, or else pycuda."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from rigsight.edge.cuda.base import Cuda
from rigsight.edge.cuda.cuda_python import CudaPython
from rigsight.edge.cuda.pycuda import Pycuda
from rigsight.edge.engines import codes

# 12.6 and newer, then the name of early 12.x.
RUNTIMES = ("cuda.bindings.runtime", "cuda.cudart")


def binding() -> tuple[str, Any] | None:
    """("cuda-python" or "pycuda", its module), or None where neither can be imported."""
    for name in RUNTIMES:
        module = _module(name)
        if module is not None:
            return "cuda-python", module
    module = _module("pycuda.driver")
    return None if module is None else ("pycuda", module)


def open_cuda() -> Cuda:
    """Open the first visible GPU for the calling thread.

    Raises:
        RigsightError: ENG-002 without a binding, a driver or a GPU.
    """
    found = binding()
    if found is None:
        raise codes.CUDA_MISSING(
            "neither cuda-python nor pycuda is installed",
            fix="pip install 'cuda-python<13' (JetPack 6, drivers of CUDA 12) or cuda-python (CUDA 13).",
        )
    kind, module = found
    return CudaPython(module) if kind == "cuda-python" else Pycuda(module)


def _module(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older name warns of its age
            return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):  # also a shared library that is not there
        return None
