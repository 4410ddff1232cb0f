"""Weights from other people's files: safetensors, or torch files read as weights only. No code is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from rigsight.training import codes

if TYPE_CHECKING:
    from torch import Tensor

# Where training scripts keep the weights when they save more than them.
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "params")
PARALLEL_PREFIX = "module."


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a .safetensors, .pth, .pt or .bin file, on the CPU.

    A dictionary that holds the weights under ``state_dict`` or the like is opened, and the ``module.`` that
    DataParallel puts before every name is taken away.

    Raises:
        RigsightError: TRN-103 when the file is missing, damaged, holds pickled code or no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise codes.WEIGHTS_UNREADABLE("the file does not exist", where=path)
    data = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    weights = _unwrapped(data)
    if not weights:
        raise codes.WEIGHTS_UNREADABLE("it holds no named tensors", where=path)
    if all(name.startswith(PARALLEL_PREFIX) for name in weights):
        weights = {name.removeprefix(PARALLEL_PREFIX): value for name, value in weights.items()}
    return weights


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise codes.WEIGHTS_UNREADABLE("it is no whole safetensors file", where=path) from error


def _read_torch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it holds pickled code ({found.group(1)})" if found else "it holds more than weights"
        raise codes.WEIGHTS_UNREADABLE(
            f"{reason}, which is never run",
            where=path,
            fix="Save its state_dict() alone where you trust it, or as safetensors.",
        ) from error
    # Damaged archives end in any of these.
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, TypeError) as error:
        raise codes.WEIGHTS_UNREADABLE("it is no whole torch file", where=path) from error


def _unwrapped(data: Any) -> dict[str, Tensor]:
    import torch

    if not isinstance(data, Mapping):
        return {}
    weights = {str(name): value for name, value in data.items() if isinstance(value, torch.Tensor)}
    for key in WRAPPERS:
        if not weights and isinstance(data.get(key), Mapping):
            weights = _unwrapped(data[key])
    return weights
