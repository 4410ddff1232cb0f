"""HED, the edge detector of SCNet's prior (Xie and Tu, Holistically-Nested Edge Detection, ICCV 2015).

Its weights are the user's: a state dict trained on BSDS500 whose names are those of common PyTorch ports
(``netVggOne.0.weight`` ... ``netCombine.0.bias``, or ``module...``). :func:`write_edges` makes the maps once,
before the training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.base.files import make_folder, write_bytes
from rigsight.edge.frames import UInt8
from rigsight.training import codes
from rigsight.training.data.pictures import read_rgb
from rigsight.training.models.blocks import resize_like
from rigsight.training.models.scnet_trunk import VGG_DEPTHS, VGG_WIDTHS
from rigsight.training.weights_file import read_weights

BGR_MEAN = (104.00698793, 116.66876762, 122.67891434)
_NUMBERS = ("One", "Two", "Thr", "Fou", "Fiv")


class Hed(nn.Module):
    """VGG16 without its last pool, one score a block, all enlarged and combined; 14,716,171 parameters."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        inputs = 3
        for i, (width, depth) in enumerate(zip(VGG_WIDTHS, VGG_DEPTHS, strict=True)):
            layers: list[nn.Module] = [nn.MaxPool2d(2)] if i else []
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
                inputs = width
            self.blocks.append(nn.Sequential(*layers))
        self.scores = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in VGG_WIDTHS)
        self.combine = nn.Conv2d(len(VGG_WIDTHS), 1, 1)
        self.register_buffer("mean", torch.tensor(BGR_MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        """Float [N,3,H,W] in [0, 1] -> probability of an edge [N,1,H,W]; H and W at least 16."""
        x = rgb.flip(1) * 255 - self.mean
        maps = []
        for block, score in zip(self.blocks, self.scores, strict=True):
            x = block(x)
            maps.append(resize_like(score(x), rgb))
        return torch.sigmoid(self.combine(torch.cat(maps, dim=1)))


def renamed_hed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The ports' names as ours; names that are no part of HED are left out.

    >>> list(renamed_hed({"moduleVggTwo.3.bias": torch.zeros(1), "netCombine.0.weight": torch.ones(1)}))
    ['blocks.1.3.bias', 'combine.weight']
    """
    result = {}
    for name, value in weights.items():
        found = re.fullmatch(r"(?:net|module)(Vgg|Score)(\w{3})\w*\.(?:(\d+)\.)?(weight|bias)", name)
        if found and found[2] in _NUMBERS:
            part, place = ("blocks" if found[1] == "Vgg" else "scores"), _NUMBERS.index(found[2])
            inner = f".{found[3]}" if found[1] == "Vgg" else ""
            result[f"{part}.{place}{inner}.{found[4]}"] = value
        elif found := re.fullmatch(r"(?:net|module)Combine\.0\.(weight|bias)", name):
            result[f"combine.{found[1]}"] = value
    return result


def load_hed(path: str | Path) -> Hed:
    """HED with the weights of a .safetensors or .pth state dict, ready to run.

    Raises:
        RigsightError: TRN-103 where the file cannot be read or holds something else.
    """
    network = Hed()
    weights = renamed_hed(read_weights(path))
    own = network.state_dict()
    wrong = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    if wrong:
        raise codes.WEIGHTS_UNREADABLE(f"these are no weights of HED: {wrong[0]} does not fit", where=path)
    network.load_state_dict(weights)
    return network.eval()


@torch.no_grad()
def hed_edges(network: Hed, rgb: UInt8, threshold: float = 0.5) -> UInt8:
    """Binary edge map of one picture: uint8 [H,W,3] -> uint8 [H,W], 255 where HED's probability is higher."""
    device = network.combine.weight.device
    picture = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].to(device).float() / 255
    edges = network(F.pad(picture, _up_to_16(rgb), mode="replicate"))[0, 0, : rgb.shape[0], : rgb.shape[1]]
    return np.where(edges.cpu().numpy() > threshold, 255, 0).astype(np.uint8)


def write_edges(
    network: Hed, pictures: Iterable[str | Path], folder: str | Path, threshold: float = 0.5
) -> int:
    """Write an edge map STEM.png (0 or 255) into ``folder`` for each of the picture files; their number.

    Raises:
        RigsightError: DAT-004 for a picture that cannot be read, IO-001 where nothing can be written.
    """
    folder, count = make_folder(folder), 0
    for path in map(Path, pictures):
        encoded = cv2.imencode(".png", hed_edges(network, read_rgb(path), threshold))[1]
        write_bytes(folder / f"{path.stem}.png", encoded.tobytes())
        count += 1
    return count


def _up_to_16(rgb: UInt8) -> tuple[int, int, int, int]:
    height, width = rgb.shape[:2]
    return 0, max(16 - width, 0), 0, max(16 - height, 0)
