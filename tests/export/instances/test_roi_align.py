"""RoIAlign by GridSample against torchvision's, for boxes anywhere."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import roi_align

from rigsight.export.instances.roi_align import AtlasRoIAlign, atlas_size, to_atlas
from rigsight.training.models.bnsa.pool import LEVELS, PyramidRoIAlign, pyramid_levels

HEIGHT, WIDTH, ANCHOR = 96, 160, 8


def maps(channels: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        name: torch.randn(1, channels, HEIGHT // (4 * 2**k), WIDTH // (4 * 2**k))
        for k, name in enumerate(LEVELS)
    }


def regions(count: int = 400) -> torch.Tensor:
    """Of all sizes, many of them partly or wholly outside of the picture, and one without any size."""
    torch.manual_seed(1)
    middle = torch.rand(count, 2) * torch.tensor([WIDTH * 1.5, HEIGHT * 1.5]) - 30
    half = torch.exp(torch.rand(count, 2) * 4.5)
    found = torch.cat([middle - half, middle + half], dim=1)
    found[0] = 0
    return found


@pytest.mark.parametrize("size", [7, 14])
def test_every_region_is_pooled_as_in_training(size: int) -> None:
    features, boxes = maps(), regions()
    assert set(pyramid_levels(boxes, ANCHOR).tolist()) == {0, 1, 2, 3}
    wanted = PyramidRoIAlign(size, ANCHOR)(features, [boxes], None)
    found = AtlasRoIAlign(size, ANCHOR, HEIGHT, WIDTH)(to_atlas(features), boxes)
    assert (wanted == 0).all(dim=(1, 2, 3)).any(), "some of them see nothing of the picture"
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_one_level_is_torchvisions() -> None:
    """The level of small boxes alone; boxes at the corners, where samples leave the map by up to a cell."""
    features = maps()
    w, h = float(WIDTH), float(HEIGHT)
    boxes = torch.tensor(
        [[0, 0, 9, 9], [w - 9, h - 9, w, h], [-5, -5, 4, 4], [w - 4, h - 4, w + 5, h + 5], [-9, 40, 0, 49]]
    )
    numbered = torch.cat([torch.zeros(len(boxes), 1), boxes], dim=1)
    wanted = roi_align(features["0"], numbered, 7, 0.25, 2, aligned=True)
    found = AtlasRoIAlign(7, ANCHOR, HEIGHT, WIDTH)(to_atlas(features), boxes)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_levels_step_where_training_steps() -> None:
    for anchor in (8, 12, 32):
        sides = torch.cat(
            [7 * anchor * 2.0**k * torch.tensor([1 - 1e-5, 1.0, 1 + 1e-5]) for k in (-1, 0, 1, 2)]
        )
        boxes = torch.stack([0 * sides, 0 * sides, sides, sides], dim=1)
        found = AtlasRoIAlign(7, anchor, HEIGHT, WIDTH)._levels(boxes)
        assert found.tolist() == pyramid_levels(boxes, anchor).tolist()


def test_the_atlas_holds_every_map_once() -> None:
    features = {name: torch.ones_like(each) for name, each in maps(1).items()}
    atlas = to_atlas(features)
    assert tuple(atlas.shape[2:]) == atlas_size(HEIGHT, WIDTH)
    assert atlas.sum() == sum(each.sum() for each in features.values())


def test_other_regions_change_nothing() -> None:
    """What fills up the fixed number does not reach the others."""
    pool, atlas = AtlasRoIAlign(7, ANCHOR, HEIGHT, WIDTH), to_atlas(maps())
    few = regions(10)
    filled = torch.cat([few, torch.zeros(5, 4)])
    torch.testing.assert_close(pool(atlas, filled)[:10], pool(atlas, few), rtol=0, atol=0)
