"""A trained model in one .safetensors file: weights, and everything needed to use them as JSON in its header.

Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from rigsight.base.files import atomic_path, make_folder
from rigsight.base.schema import StrictModel, explain
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.spec import ClassEntry, Modalities, Preprocessing, Task
from rigsight.training import codes
from rigsight.training.models.provenance import PretrainedWeights

if TYPE_CHECKING:
    from torch import nn

SCHEMA_VERSION = 1
_HEADER_KEY = "rigsight"
IN_BUNDLE = "checkpoint.safetensors"
_NOT_AGAIN = {"backbone_weights"}


class TrainingProvenance(StrictModel):
    """How the weights came to be."""

    command: str
    tool_version: str
    config: dict[str, Any] = {}
    data: str = Field(default="", description="what it was trained on, and its licence")
    steps: int = 0
    seconds: float = 0.0
    pretrained: tuple[PretrainedWeights, ...] = Field(default=(), description="foreign weights in these")


class CheckpointMeta(StrictModel):
    """What stands beside the weights. ``scores`` are of ``metric``, by scene or split and by modalities."""

    version: Literal[1] = 1
    model: str
    options: dict[str, Any] = {}
    task: Task = "semantic"
    classes: tuple[ClassEntry, ...] = ()
    preprocessing: Preprocessing = Preprocessing()
    width: int = Field(gt=0, description="pixels")
    height: int = Field(gt=0, description="pixels")
    training: TrainingProvenance
    metric: str = Field(default="mIoU", description="what the scores are")
    scores: dict[str, dict[Modalities, float]] = {}
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="binary: probability of the best F1 on the validation split"
    )
    baseline: dict[str, float] = Field(default={}, description="scene -> mIoU of the per-pixel classifier")


def save_checkpoint(path: str | Path, model: nn.Module, meta: CheckpointMeta) -> None:
    """Write weights and ``meta`` atomically. Raises IO-001."""
    from safetensors.torch import save_file

    path = Path(path)
    make_folder(path.parent)
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={_HEADER_KEY: meta.model_dump_json(exclude_none=True)})


def half_checkpoint(path: str | Path) -> bytes:
    """The checkpoint at ``path`` with float16 weights, half as large: enough to start another training from.

    Raises:
        RigsightError: TRN-201, TRN-202.
    """
    from safetensors.torch import load_file, save

    header = read_meta(path).model_dump_json(exclude_none=True)
    tensors = {k: v.half() if v.is_floating_point() else v for k, v in load_file(Path(path)).items()}
    return save(tensors, metadata={_HEADER_KEY: header})


@contextmanager
def _file_of(path: str | Path) -> Iterator[Path]:
    """The checkpoint's file: ``path`` itself, or the one that a bundle (folder or zip) carries.

    Raises:
        RigsightError: BND-… for a bundle that is not whole, TRN-201 for one without a checkpoint.
    """
    path = Path(path)
    if not path.is_dir() and path.suffix != ".zip":
        yield path
        return
    bundle = open_bundle(path)
    if IN_BUNDLE not in bundle.spec.files:
        raise codes.CHECKPOINT_UNREADABLE(
            "the bundle carries no weights to train on",
            where=path,
            fix="Give the checkpoint it was made of, or export it again with --with-checkpoint.",
        )
    with TemporaryDirectory() as folder:
        file = Path(folder) / IN_BUNDLE
        file.write_bytes(bundle.read(IN_BUNDLE))
        yield file


def read_meta(path: str | Path) -> CheckpointMeta:
    """The header alone.

    Raises:
        RigsightError: TRN-201 for a file that is no checkpoint of ours, TRN-202 for another schema version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(path), framework="pt") as file:
            header = (file.metadata() or {}).get(_HEADER_KEY)
    except (OSError, SafetensorError) as error:
        reason = "the file does not exist" if not Path(path).exists() else "it is no whole safetensors file"
        raise codes.CHECKPOINT_UNREADABLE(reason, where=path) from error
    try:
        data = json.loads(header or "")
    except ValueError as error:
        raise codes.CHECKPOINT_UNREADABLE("its header says nothing of rigsight", where=path) from error
    version = data.get("version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise codes.CHECKPOINT_SCHEMA(
            f"schema version {version} found, version {SCHEMA_VERSION} expected", where=path
        )
    try:
        return CheckpointMeta.model_validate(data)
    except ValidationError as error:
        raise codes.CHECKPOINT_SCHEMA(explain(error, CheckpointMeta), where=path) from error


def load_checkpoint(path: str | Path) -> tuple[nn.Module, CheckpointMeta]:
    """The model in evaluation mode, and what stands beside it, from a checkpoint or from a bundle with one.

    What the weights once started from is not fetched again, but goes on with them as ``model.pretrained``.

    Raises:
        RigsightError: TRN-201, TRN-202, TRN-101 (unknown model), TRN-102, TRN-203 (weights do not fit), BND-…
            for a bundle.
    """
    from safetensors.torch import load_file

    from rigsight.training.models import build

    with _file_of(path) as file:
        meta = read_meta(file)
        tensors = load_file(file)
    model = build(meta.model, **{**meta.options, **dict.fromkeys(_NOT_AGAIN & meta.options.keys())})
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise codes.CHECKPOINT_WEIGHTS(reason, where=path) from error
    network: Any = model
    network.pretrained = meta.training.pretrained
    return model.eval(), meta
