"""A checkpoint's network behind the device's preprocessing (needs torch)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rigsight.edge.bundle.spec import Geometry, Preprocessing, Tensor
from rigsight.edge.engines.base import Array, Engine
from rigsight.edge.frames import Aligned, Image, as_uint8
from rigsight.edge.postprocess import binary_mask, class_mask
from rigsight.edge.saliency import vsm_tables
from rigsight.edge.tiling import TiledEngine, crop
from rigsight.training.checkpoint import CheckpointMeta, load_checkpoint
from rigsight.training.data.augment import Sample
from rigsight.training.data.stream import collate
from rigsight.training.evaluation.subject import HALF, OnGrid, Subject

MULTIPLE = 32
WHOLE_PIXELS = 2_500_000
TILES = Geometry(kind="tile", overlap_px=256, blend_px=64, align_px=MULTIPLE)
TILE = 1024


class NetworkSubject(Subject):
    """Answers as the checkpoint's network does.

    A network that learnt from crops judges pictures at their own size, continued to multiples of 32
    as tiles are; above 2.5 megapixels in tiles of 1024 x 1024 that overlap by 256. Every other network sees
    pictures at the size that it was trained on. Thermal pictures of 8 bits are taken as they are, whatever
    the network was trained on.
    """

    def __init__(self, network: nn.Module, meta: CheckpointMeta, name: str) -> None:
        config: Any = meta.training.config
        whole = bool(config.get("data", {}).get("crop")) or meta.preprocessing.geometry.kind == "tile"
        spec = meta.preprocessing.model_copy(update={"geometry": TILES}) if whole else meta.preprocessing
        super().__init__(spec, (meta.width, meta.height))
        described: Any = network
        self.name, self.task, self.classes = name, described.task, meta.classes
        self.cameras = tuple(camera for camera in ("rgb", "thermal") if camera in described.inputs)
        self.threshold = HALF if meta.threshold is None else round(meta.threshold * 255)
        self.engine = NetworkEngine(network)
        self.size, self.preprocessing = (meta.width, meta.height), spec

    def _spec_for(self, thermal: Image | None) -> Preprocessing:
        if thermal is None:
            return self._spec
        depth = "camera8" if thermal.dtype == np.uint8 else "counts16"
        return self._spec.model_copy(update={"thermal_input": depth})

    def _predict(self, aligned: Aligned) -> OnGrid:
        feeds: dict[str, Array] = {"rgb": aligned.rgb[None], "thermal": aligned.thermal[None, :, :, None]}
        if "tables" in self.engine.wants:
            feeds["tables"] = vsm_tables(aligned.rgb, aligned.thermal)
        engine: Engine = self.engine
        if aligned.valid.size > WHOLE_PIXELS:
            engine = TiledEngine(engine, TILES)
        outputs = engine.infer(feeds)
        fused = outputs["fused"][0] if "fused" in outputs else None
        if "probability" in outputs:
            probability = outputs["probability"][0]
            return OnGrid(binary_mask(probability, self.threshold), probability, fused)
        mask = outputs["mask"][0] if "mask" in outputs else class_mask(outputs["logits"])
        return OnGrid(mask, None, fused)


class NetworkEngine:
    """A network in the shape of an engine, so that tiles are cut and joined as on the device.

    It takes pictures of any size; ``inputs`` states that of a tile.
    """

    def __init__(self, network: nn.Module) -> None:
        described: Any = network
        self.network, self.wants = network.eval(), tuple(described.inputs)
        self.binary = described.task == "binary"
        channels = {"rgb": 3, "thermal": 1}
        self.inputs = {
            name: Tensor(dtype="uint8", shape=(1, TILE, TILE, count)) for name, count in channels.items()
        }
        self.outputs: dict[str, Tensor] = {}

    @torch.no_grad()
    def infer(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """``probability`` uint8 [1,H,W] or ``logits`` float32 [1,C,H,W], and ``fused`` uint8 [1,H,W,3]."""
        height, width = feeds["thermal"].shape[1:3]
        # Continued as tiles are, so that whole pictures and tiles agree at the border, too.
        padded = height + -height % MULTIPLE, width + -width % MULTIPLE
        rgb, thermal = (as_uint8(crop(feeds[name][0], 0, 0, *padded)[0]) for name in ("rgb", "thermal"))
        thermal = thermal[..., 0]
        batch = collate([Sample(rgb, thermal, thermal)], [name for name in self.wants if name != "tables"])
        if "tables" in self.wants:
            batch["tables"] = torch.from_numpy(np.asarray(feeds["tables"]))[None]
        device = next(self.network.parameters()).device
        out = self.network(*(batch[name].to(device) for name in self.wants))
        logits = out["logits"][:, :, :height, :width].float()
        result = {}
        if self.binary:
            result["probability"] = _bytes(logits[:, 0].sigmoid())
        else:
            result["logits"] = logits.cpu().numpy()
        if "fused" in out:
            result["fused"] = _bytes(out["fused"][:, :, :height, :width].permute(0, 2, 3, 1))
        return result

    def close(self) -> None:
        """Nothing to give back."""


def open_network(path: str | Path) -> NetworkSubject:
    """The network of a checkpoint, ready to answer.

    Raises:
        RigsightError: TRN-201, TRN-202, TRN-101, TRN-102, TRN-203 as :func:`load_checkpoint`.
    """
    network, meta = load_checkpoint(path)
    if torch.cuda.is_available():
        network = network.cuda()
    return NetworkSubject(network, meta, Path(path).name)


def _bytes(values: torch.Tensor) -> Array:
    return (values.float() * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
