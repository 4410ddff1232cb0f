"""Published checkpoints -> ours: names are changed, dead weights dropped, and everything must fit."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigsight import __version__
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.training import codes
from rigsight.training.checkpoint import CheckpointMeta, TrainingProvenance, save_checkpoint
from rigsight.training.convert.deepcrack import DEEPSEGMENTOR, QINNZOU
from rigsight.training.convert.mfnet import MFNET
from rigsight.training.convert.nadinet import NADINET_DENSENET201, NADINET_RESNET34, NADINET_VGG16
from rigsight.training.convert.origin import Origin
from rigsight.training.convert.segmif import SEGMIF
from rigsight.training.models import build
from rigsight.training.models.provenance import PretrainedWeights
from rigsight.training.weights_file import read_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

# our model -> the networks whose weights it can take
ORIGINS: dict[str, tuple[Origin, ...]] = {
    "segmif": (SEGMIF,),
    "mfnet": (MFNET,),
    "nadinet_densenet201": (NADINET_DENSENET201,),
    "nadinet_vgg16": (NADINET_VGG16,),
    "nadinet_resnet34": (NADINET_RESNET34,),
    "scnet": (DEEPSEGMENTOR, QINNZOU),
}


@dataclass(frozen=True)
class Conversion:
    """What was made: ``taken`` tensors of the file, ``dropped`` dead ones, ``fresh`` ones it lacks."""

    origin: str
    licence: str
    taken: int
    dropped: int
    fresh: int
    parameters: int


def convert(
    files: Sequence[str | Path],
    model: str,
    out: str | Path,
    classes: Sequence[ClassEntry] = (),
    command: Sequence[str] = (),
) -> Conversion:
    """Write the published weights in ``files`` as a checkpoint of ``model`` to ``out``.

    Args:
        files: .pth or .safetensors files; SegMiF has one of the fusion and one of the segmentation network.
        model: a key of :data:`ORIGINS`.
        out: .safetensors file.
        classes: names and colours; none = numbered ones.
        command: for the provenance.

    Raises:
        RigsightError: TRN-103 for a file, TRN-205 for a model that takes no foreign weights, TRN-206 for
            weights of another network, TRN-207 for classes that do not fit, IO-001 for ``out``.
    """
    if model not in ORIGINS:
        raise codes.NO_CONVERSION(f"'{model}' is not one of {', '.join(ORIGINS)}")
    theirs: dict[str, Tensor] = {}
    for file in files:
        theirs.update(read_weights(file))
    where = ", ".join(Path(file).name for file in files)
    origin, renamed = _recognised(theirs, model, where)
    try:
        weights = origin.prepare(renamed)
        options = origin.options(weights)
    except (IndexError, ValueError, RuntimeError) as error:
        raise codes.OTHER_NETWORK("its tensors have other shapes", where=where) from error
    for start, part in origin.parts:
        if not any(name.startswith(start) for name in weights):
            raise codes.OTHER_NETWORK(
                f"{part} is missing", where=where, fix="Give all files of the network together."
            )
    network = build(model, **options)
    fresh = _fill(network, weights, origin, where)
    entries = _classes(network, classes)
    note = PretrainedWeights(name=origin.title, source=where, licence=origin.licence)
    meta = CheckpointMeta(
        model=model,
        options=_options_of(network),
        task=_task(network),
        classes=entries,
        preprocessing=origin.preprocessing,
        width=origin.size[0],
        height=origin.size[1],
        training=TrainingProvenance(
            command=shlex.join(command),
            tool_version=__version__,
            data=f"whatever {origin.title} was trained on; licence of that data",
            pretrained=(note,),
        ),
    )
    save_checkpoint(out, network, meta)
    parameters = sum(value.numel() for value in network.parameters())
    dropped = len(theirs) - len(renamed)
    return Conversion(origin.title, origin.licence, len(weights), dropped, fresh, parameters)


def _recognised(theirs: dict[str, Tensor], model: str, where: str) -> tuple[Origin, dict[str, Tensor]]:
    """The origin of ``model`` that knows all names. Raises TRN-206 when there is none."""
    best: tuple[list[str], Origin] | None = None
    for origin in ORIGINS[model]:
        renamed, unknown = origin.renamed(theirs)
        if origin.knows(theirs):
            return origin, renamed
        if best is None or len(unknown) < len(best[0]):
            best = unknown, origin
    assert best is not None
    unknown, origin = best
    if not unknown:
        raise codes.OTHER_NETWORK(f"the file has no weights that {origin.title} uses", where=where)
    elsewhere = (
        f"; these are names of {other.title}, --model {name}"
        for name, others in ORIGINS.items()
        for other in others
        if name != model and other.knows(theirs)
    )
    shown = f"'{unknown[0]}' and {len(unknown) - 1} more names" if len(unknown) > 1 else f"'{unknown[0]}'"
    raise codes.OTHER_NETWORK(f"{origin.title} has no {shown}{next(elsewhere, '')}", where=where)


def _fill(network: nn.Module, weights: dict[str, Tensor], origin: Origin, where: str) -> int:
    """Put ``weights`` into ``network``; how many tensors stayed fresh. Raises TRN-206 if they do not fit."""
    wanted = network.state_dict()
    fresh = [name for name in wanted if name not in weights]
    for name in fresh:
        counter = name.endswith("num_batches_tracked")  # files older than PyTorch 0.4.1 have none
        if counter or (origin.partial and re.fullmatch(origin.partial, name)):
            continue
        raise codes.OTHER_NETWORK(f"there is nothing for '{name}': the file is incomplete", where=where)
    for name, value in weights.items():
        if name not in wanted:
            raise codes.OTHER_NETWORK(f"this size of the network has no '{name}'", where=where)
        if value.shape != wanted[name].shape:
            shapes = f"{tuple(value.shape)} where {tuple(wanted[name].shape)} belongs"
            raise codes.OTHER_NETWORK(f"'{name}' is {shapes}", where=where)
    network.load_state_dict(weights, strict=False)
    return sum(not name.endswith("num_batches_tracked") for name in fresh)


def _options_of(network: nn.Module) -> dict[str, Any]:
    options: Any = network.options
    found: dict[str, Any] = options.model_dump(mode="json")
    return found


def _task(network: nn.Module) -> Any:
    return getattr(network, "task", "semantic")


def _classes(network: nn.Module, given: Sequence[ClassEntry]) -> tuple[ClassEntry, ...]:
    """The given classes, or numbered ones; binary networks tell foreground from background."""
    binary = _task(network) == "binary"
    count = 2 if binary else _options_of(network)["classes"]
    if given:
        if len(given) != count:
            raise codes.CONVERT_CLASSES(f"the network has {count} classes, {len(given)} are named")
        return tuple(given)
    if binary:
        return ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="defect", color=(255, 60, 60))
    step = 255 // max(count - 1, 1)
    return tuple(ClassEntry(name=f"class {i}", color=(i * step,) * 3) for i in range(count))
