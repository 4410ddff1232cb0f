"""Mask R-CNN under the graph contract: modules, described parts, and what the host does between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from rigsight.edge.bundle.contract import PICTURES
from rigsight.edge.bundle.instance_contract import INSTANCE_PARTS
from rigsight.edge.bundle.spec import InstanceSteps, Part, Tensor
from rigsight.export import codes
from rigsight.export.graph import Graph
from rigsight.export.instances.parts import BoxPart, Frame, MaskPart, ProposalPart
from rigsight.export.instances.roi_align import atlas_size
from rigsight.export.precision.sources import Source
from rigsight.training.checkpoint import CheckpointMeta
from rigsight.training.models.bnsa.network import BnsaMaskRcnn
from rigsight.training.models.bnsa.roi_heads import MASK_OUT

# The mask graph runs once for so many detections: fewer waste less, more are launched less often.
MASKS_AT_ONCE = 20
# What the host computes with in pixels, or compares, and rows whose order it does not rely on.
EXACT = {"main": ("proposals", "objectness"), "boxes": ("boxes",), "masks": ()}
SORTED_ROWS = frozenset({"proposals"})


@dataclass(frozen=True)
class Deployable:
    """The modules by part, in evaluation mode, the parts in order, and the host's steps."""

    modules: dict[str, nn.Module]
    parts: tuple[Part, ...]
    steps: InstanceSteps

    def sources(self, graphs: Mapping[str, Graph]) -> dict[str, Source]:
        """The exported ``graphs`` by part, as variants are made of them."""
        read = {name for part in self.parts for name in part.inputs}
        return {
            part.name: Source(
                graphs[part.name],
                self.modules[part.name],
                inner=frozenset(read & set(part.outputs)),
                exact=frozenset(EXACT[part.name]),
                sorted_rows=SORTED_ROWS,
            )
            for part in self.parts
        }


def deployable_instances(model: nn.Module, meta: CheckpointMeta) -> Deployable:
    """The three graphs of a network that finds instances, at the size of its training.

    Raises:
        RigsightError: EXP-004 for another network than Mask R-CNN.
    """
    if not isinstance(model, BnsaMaskRcnn):
        raise codes.NO_DEPLOYABLE_FORM(f"'{meta.model}' finds instances, but is no Mask R-CNN")
    model.eval()
    frame, options = Frame(model, (meta.height, meta.width)), model.options
    main = ProposalPart(model, frame)
    made: tuple[nn.Module, ...] = (main, BoxPart(model, frame), MaskPart(model, frame))
    total, kinds = sum(main.taken), options.classes
    count, group = min(options.proposals, total), min(options.detections, MASKS_AT_ONCE)
    features = _float(1, options.width, *atlas_size(*frame.padded))
    (role,) = model.inputs
    picture = Tensor(dtype="uint8", shape=(1, meta.height, meta.width, PICTURES[role]))
    parts = (
        _part(
            "main",
            {role: picture},
            {"features": features, "proposals": _float(1, total, 4), "objectness": _float(1, total)},
        ),
        _part(
            "boxes",
            {"features": features, "regions": _float(count, 4)},
            {"scores": _float(count, kinds), "boxes": _float(count, kinds, 4)},
        ),
        _part(
            "masks",
            {
                "features": features,
                "regions": _float(group, 4),
                "classes": Tensor(dtype="int64", shape=(group,)),
            },
            {"masks": _float(group, MASK_OUT, MASK_OUT)},
        ),
    )
    rpn: Any = model.rpn
    steps = InstanceSteps(
        levels=tuple(main.taken),
        proposal_nms=rpn.nms_thresh,
        score=options.score,
        nms=options.nms,
        detections=options.detections,
        scale=frame.scale,
    )
    return Deployable(dict(zip(INSTANCE_PARTS, (each.eval() for each in made), strict=True)), parts, steps)


def instance_graph_path(part: str) -> str:
    """Where a part's reference graph lies in the bundle."""
    return f"graphs/{part}.fp32.onnx"


def _float(*shape: int) -> Tensor:
    return Tensor(dtype="float32", shape=shape)


def _part(name: str, inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> Part:
    return Part(name=name, inputs=inputs, outputs=outputs, variants={"fp32": instance_graph_path(name)})
