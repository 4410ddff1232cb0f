"""Which way of training a configuration asks for."""

from __future__ import annotations

from torch import nn

from rigsight.training import codes
from rigsight.training.checkpoint import load_checkpoint
from rigsight.training.config import TrainConfig
from rigsight.training.data.materials import Materials, gather
from rigsight.training.progress import Progress
from rigsight.training.systems.base import System


def build_system(config: TrainConfig, network: nn.Module, progress: Progress) -> System:
    """The system of ``config.recipe``, its data read or rendered.

    Raises:
        RigsightError: TRN-007 when the network cannot be trained that way, TRN-008 when its classes are not
            the data's, and what data, losses and the teacher's checkpoint raise.
    """
    kind, task = config.recipe.kind, getattr(network, "task", None)
    tasks = {"interactive": ("semantic",), "masks": ("semantic", "binary"), "instances": ("instance",)}[kind]
    interactive = hasattr(network, "fuse")
    if task not in tasks or (kind == "interactive" and not interactive):
        raise codes.WRONG_RECIPE(
            f"'{config.model.name}' is a network for {task} masks, recipe.kind {kind} does not train it",
            where="recipe.kind",
        )
    if kind == "instances":
        from rigsight.training.systems.instances import InstanceTraining

        return InstanceTraining(config, network, progress)
    edge = getattr(getattr(network, "options", None), "edge", None)
    if edge == "hed" and "edges" in getattr(network, "inputs", ()):
        raise codes.MODEL_OPTIONS(
            "edge: hed needs the weights of HED",
            where="model.options",
            fix="Give model.options.hed_weights=FILE, or take edge: canny or edge: none.",
        )
    materials = gather(config, progress)
    check_classes(network, materials, config.model.name)
    if kind == "interactive":
        from rigsight.training.models.segmif import SegMiF
        from rigsight.training.systems.interactive import InteractiveTraining

        assert isinstance(network, SegMiF)
        return InteractiveTraining(config, network, materials, fresh=config.model.start_from is None)
    from rigsight.training.systems.masks import MaskTraining

    teacher = None
    if config.teacher is not None:
        teacher, meta = load_checkpoint(config.teacher)
        if [entry.name for entry in meta.classes] != [entry.name for entry in materials.classes]:
            raise codes.CHECKPOINT_CLASSES(
                "the teacher knows other classes than the data", where=config.teacher
            )
    return MaskTraining(config, network, materials, teacher)


def check_classes(network: nn.Module, materials: Materials, name: str) -> None:
    """Raises RigsightError TRN-008 when the network gives another number of classes than the data has."""
    task = getattr(network, "task", None)
    classes = 2 if task == "binary" else getattr(getattr(network, "options", None), "classes", None)
    if classes is not None and len(materials.classes) != classes:
        known = ", ".join(entry.name for entry in materials.classes)
        raise codes.OTHER_CLASSES(
            f"'{name}' gives {classes} classes, the data has {len(materials.classes)} ({known})",
            fix=f"Set model.options.classes={len(materials.classes)}."
            if task != "binary"
            else "A binary network needs data with background and one class.",
        )
