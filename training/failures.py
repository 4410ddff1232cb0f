"""What can go wrong in the middle of a training, in words for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from rigsight.base.files import atomic_path
from rigsight.training import codes
from rigsight.training.config import TrainConfig

BATCH = "not_finite.safetensors"


def save_batch(out: Path, batch: Mapping[str, Any], rank: int) -> Path:
    """The tensors of the batch that made the loss NaN, for a look at them; returns the file."""
    from safetensors.torch import save_file

    path = out / (BATCH if rank == 0 else f"rank{rank}_{BATCH}")
    tensors = {k: v.detach().cpu().contiguous() for k, v in batch.items() if isinstance(v, torch.Tensor)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)
    return path


@contextmanager
def memory_in_words(config: TrainConfig) -> Iterator[None]:
    """Raises RigsightError TRN-006 in place of PyTorch's error when memory runs out, on a GPU or a CPU."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(config) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "out of memory" in str(error):
            raise _out_of_memory(config) from error
        raise


def _out_of_memory(config: TrainConfig) -> Exception:
    batch = config.schedule.batch
    lower = max(batch // 2, 1)
    if batch > 1:
        again = config.schedule.accumulate * batch // lower
        fix = f"Set schedule.batch={lower} schedule.accumulate={again}; the training stays the same."
    else:
        fix = "Lower width and height, or take a smaller model; schedule.batch is 1 already."
    return codes.OUT_OF_MEMORY(
        f"a step of {batch} pictures of {config.width}x{config.height} does not fit", fix=fix
    )
