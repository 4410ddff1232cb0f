"""RoIAlign of a whole pyramid by one GridSample; TensorRT's own RoIAlign needs a plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rigsight.training.models.bnsa.pool import FIRST_STRIDE, LEVELS, SAMPLES

# Levels are chosen by comparison with the sides at which pyramid_levels() steps; its 1e-6 is kept.
_SLACK = 2.0**-1e-6


def atlas_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) of the atlas of a padded picture.

    >>> atlas_size(512, 640)
    (192, 160)
    """
    return height // FIRST_STRIDE * 3 // 2, width // FIRST_STRIDE


def to_atlas(features: Mapping[str, Tensor]) -> Tensor:
    """The four maps in one: the first on top, the three others beside each other below it.

    [1,C,h,w], [1,C,h/2,w/2], ... -> [1,C,3h/2,w], zeros in between.
    """
    first, *others = (features[name] for name in LEVELS)
    height, width = others[0].shape[2], first.shape[3]
    row = torch.cat([F.pad(each, (0, 0, 0, height - each.shape[2])) for each in others], dim=3)
    return torch.cat([first, F.pad(row, (0, width - row.shape[3]))], dim=2)


class AtlasRoIAlign(nn.Module):
    """What ``PyramidRoIAlign`` computes, of an atlas (see :func:`to_atlas`) and a fixed number of regions.

    Every region is sampled at the level of its size only. As in torchvision, samples up to one cell outside
    of a map take its border's value, those further out are zero.
    """

    places: Tensor

    def __init__(self, size: int, anchor: int, height: int, width: int) -> None:
        """``height`` and ``width`` are the padded picture's, multiples of 32."""
        super().__init__()
        self.size = size
        self.atlas = atlas_size(height, width)
        self.steps: Sequence[float] = [7 * anchor * 2.0**k * _SLACK for k in (-1, 0, 1)]
        top, left, places = height // FIRST_STRIDE, 0, []
        for k in range(len(LEVELS)):
            stride = FIRST_STRIDE * 2**k
            h, w = height // stride, width // stride
            places.append([1 / stride, 0.0 if k == 0 else left, 0.0 if k == 0 else top, w, h])
            left += w if k else 0
        # scale, x, y, width, height of every level
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def forward(self, atlas: Tensor, regions: Tensor) -> Tensor:
        """Atlas [1,C,H,W] and regions [R,4] in the picture's pixels -> [R,C,size,size]."""
        channels, count, side = atlas.shape[1], regions.shape[0], self.size * SAMPLES
        scale, left, top, width, height = self.places[self._levels(regions)].unsqueeze(2).unbind(1)
        offsets = (torch.arange(side, dtype=regions.dtype, device=regions.device) + 0.5) / side
        start, end = regions[:, :2] * scale - 0.5, regions[:, 2:] * scale - 0.5
        x, x_inside = _axis(start[:, :1], end[:, :1], offsets, width, left, self.atlas[1])
        y, y_inside = _axis(start[:, 1:], end[:, 1:], offsets, height, top, self.atlas[0])
        inside = y_inside[:, :, None] & x_inside[:, None, :]
        # The atlas is empty in its last corner: what counts nothing is sampled there.
        places = [torch.where(inside, each, 1.0) for each in (x[:, None, :], y[:, :, None])]
        grid = torch.stack(places, dim=3).reshape(1, count * side, side, 2)
        # No sample leaves the atlas; of the ways to fill what lies outside, ONNX Runtime has made zeros fast.
        samples = F.grid_sample(atlas, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        pooled = F.avg_pool2d(samples, SAMPLES)
        return pooled.reshape(channels, count, self.size, self.size).permute(1, 0, 2, 3)

    def _levels(self, regions: Tensor) -> Tensor:
        """Level 0 to 3 of every region, int64 [R]; see ``pyramid_levels``."""
        sides = ((regions[:, 2] - regions[:, 0]) * (regions[:, 3] - regions[:, 1])).sqrt()
        low, middle, high = ((sides >= step).long() for step in self.steps)
        return low + middle + high


def _axis(
    start: Tensor, end: Tensor, offsets: Tensor, length: Tensor, first: Tensor, whole: int
) -> tuple[Tensor, Tensor]:
    """Where the samples of an axis lie in the atlas, -1 to 1, and whether they count; both [R,S]."""
    place = start + (end - start) * offsets
    inside = (place >= -1) & (place <= length)
    place = torch.minimum(place.clamp(min=0), length - 1) + first
    return (2 * place + 1) / whole - 1, inside
