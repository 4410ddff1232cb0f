"""The form of a model that runs on the robot: uint8 pictures in, logits and a uint8 picture out."""

from __future__ import annotations

import torch
from torch import nn

from rigsight.edge.bundle.spec import Part, Tensor
from rigsight.export import codes
from rigsight.training.checkpoint import CheckpointMeta

GRAPH_PATH = "graphs/main.fp32.onnx"


class FusionGraph(nn.Module):
    """SegMiF under the graph contract, mathematics unchanged.

    The casts from uint8 come first and the cast to uint8 last, because TensorRT refuses to transpose uint8.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, rgb: torch.Tensor, thermal: torch.Tensor, saliency: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``logits`` float32 [1,C,H,W] and ``fused`` uint8 [1,H,W,3].

        Args:
            rgb: uint8 [1,H,W,3].
            thermal: uint8 [1,H,W,1].
            saliency: float32 [2,256].
        """
        visible = rgb.to(torch.float32).permute(0, 3, 1, 2) / 255.0
        infrared = thermal.to(torch.float32).permute(0, 3, 1, 2) / 255.0
        out = self.model(visible, infrared, saliency.unsqueeze(0))
        fused = (out["fused"] * 255.0).round().clamp(0.0, 255.0).permute(0, 2, 3, 1)
        return out["logits"], fused.to(torch.uint8)


_DEPLOYABLE: dict[str, type[FusionGraph]] = {"segmif": FusionGraph, "segmif_nano": FusionGraph}


def deployable(model: nn.Module, meta: CheckpointMeta) -> tuple[nn.Module, Part]:
    """The deployable module in evaluation mode, and its inputs, outputs and graph file.

    Raises:
        RigsightError: EXP-004 for a model without a deployable form.
    """
    if meta.model not in _DEPLOYABLE:
        known = ", ".join(_DEPLOYABLE)
        raise codes.NO_DEPLOYABLE_FORM(f"'{meta.model}' is not one of {known}")
    height, width = meta.height, meta.width
    part = Part(
        inputs={
            "rgb": Tensor(dtype="uint8", shape=(1, height, width, 3)),
            "thermal": Tensor(dtype="uint8", shape=(1, height, width, 1)),
            "saliency": Tensor(dtype="float32", shape=(2, 256), host="vsm_tables"),
        },
        outputs={
            "logits": Tensor(dtype="float32", shape=(1, len(meta.classes), height, width)),
            "fused": Tensor(dtype="uint8", shape=(1, height, width, 3)),
        },
        variants={"fp32": GRAPH_PATH},
    )
    return _DEPLOYABLE[meta.model](model).eval(), part
