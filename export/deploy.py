"""The form of a model that runs on the robot: uint8 pictures in, logits or uint8 maps out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from rigsight.edge.bundle.contract import PICTURES
from rigsight.edge.bundle.spec import Part, Tensor
from rigsight.export import codes
from rigsight.training.checkpoint import CheckpointMeta

GRAPH_PATH = "graphs/main.fp32.onnx"
FUSING = ("segmif", "segmif_nano", "segmif_edge")


def planes(picture: torch.Tensor) -> torch.Tensor:
    """uint8 [1,H,W,C] as float32 [1,C,H,W] in [0, 1]; the cast first, TensorRT transposes no uint8."""
    return picture.to(torch.float32).permute(0, 3, 1, 2) / 255.0


class FusionGraph(nn.Module):
    """SegMiF under the graph contract, mathematics unchanged; the cast to uint8 comes last."""

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
        out = self.model(planes(rgb), planes(thermal), saliency.unsqueeze(0))
        fused = (out["fused"] * 255.0).round().clamp(0.0, 255.0).permute(0, 2, 3, 1)
        return out["logits"], fused.to(torch.uint8)


class MaskGraph(nn.Module):
    """A network that makes masks of pictures alone, under the graph contract, mathematics unchanged."""

    def __init__(self, model: nn.Module, binary: bool) -> None:
        super().__init__()
        self.model, self.binary = model, binary

    def forward(self, *pictures: torch.Tensor) -> tuple[torch.Tensor]:
        """``probability`` uint8 [1,H,W] (rounded, the cast last), or ``logits`` float32 [1,C,H,W].

        Args:
            pictures: uint8 [1,H,W,3] for ``rgb``, [1,H,W,1] for ``thermal``, in the network's own order.
        """
        logits = self.model(*(planes(picture) for picture in pictures))["logits"]
        if not self.binary:
            return (logits,)
        levels = (torch.sigmoid(logits[:, 0]) * 255.0).round().clamp(0.0, 255.0)
        return (levels.to(torch.uint8),)


def deployable(
    model: nn.Module, meta: CheckpointMeta, size: tuple[int, int] | None = None
) -> tuple[nn.Module, Part]:
    """The deployable module in evaluation mode, and its inputs, outputs and graph file.

    ``size`` is the graph's (width, height), by default that of the training.

    Raises:
        RigsightError: EXP-004 for a model without a deployable form.
    """
    width, height = size or (meta.width, meta.height)
    logits = Tensor(dtype="float32", shape=(1, len(meta.classes), height, width))
    if meta.model in FUSING:
        inputs = _pictures(("rgb", "thermal"), width, height)
        inputs["saliency"] = Tensor(dtype="float32", shape=(2, 256), host="vsm_tables")
        fused = Tensor(dtype="uint8", shape=(1, height, width, 3))
        return FusionGraph(model).eval(), _part(inputs, {"logits": logits, "fused": fused})
    task, names = _task_and_inputs(model, meta)
    probability = Tensor(dtype="uint8", shape=(1, height, width))
    outputs = {"probability": probability} if task == "binary" else {"logits": logits}
    return MaskGraph(model, task == "binary").eval(), _part(_pictures(names, width, height), outputs)


def coarsest_grid(model: nn.Module) -> int:
    """Pixels between two features of the deepest level: tiles begin at its multiples. At least 32."""
    levels = getattr(getattr(model, "options", None), "levels", 5)
    return 1 << max(5, int(levels))


def _task_and_inputs(model: nn.Module, meta: CheckpointMeta) -> tuple[str, tuple[str, ...]]:
    attributes: Any = model
    task, names = getattr(attributes, "task", None), tuple(getattr(attributes, "inputs", ()))
    if task not in ("binary", "semantic") or not names:
        raise codes.NO_DEPLOYABLE_FORM(
            f"'{meta.model}' makes no masks; {', '.join(FUSING)} and networks of rgb and thermal do"
        )
    foreign = [name for name in names if name not in PICTURES]
    if foreign:
        raise codes.NO_DEPLOYABLE_FORM(
            f"'{meta.model}' also takes '{foreign[0]}', which no camera gives and only "
            f"{' and '.join(FUSING)} get",
            fix="Train it without, for SCNet with model.options.edge=none.",
        )
    return task, names


def _pictures(names: tuple[str, ...], width: int, height: int) -> dict[str, Tensor]:
    return {name: Tensor(dtype="uint8", shape=(1, height, width, PICTURES[name])) for name in names}


def _part(inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> Part:
    return Part(inputs=inputs, outputs=outputs, variants={"fp32": GRAPH_PATH})
