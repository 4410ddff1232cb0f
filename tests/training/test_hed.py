"""HED: its size, foreign names, and the maps it writes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rigsight.base.errors import RigsightError
from rigsight.training.models import build
from rigsight.training.models.blocks import count_parameters
from rigsight.training.models.hed import Hed, hed_edges, load_hed, write_edges
from rigsight.training.weights_file import read_weights

CONVOLUTIONS = {"One": (0, 2), "Two": (1, 3), "Thr": (1, 3, 5), "Fou": (1, 3, 5), "Fiv": (1, 3, 5)}
WIDTHS = (64, 128, 256, 512, 512)


def foreign_weights(prefix: str) -> dict[str, torch.Tensor]:
    """A state dict as the ports save it, all zeros but the combination: 3 times the first score, less 1."""
    weights, inputs = {}, 3
    for (block, places), width in zip(CONVOLUTIONS.items(), WIDTHS, strict=True):
        for place in places:
            weights[f"{prefix}Vgg{block}.{place}.weight"] = torch.zeros(width, inputs, 3, 3)
            weights[f"{prefix}Vgg{block}.{place}.bias"] = torch.zeros(width)
            inputs = width
        weights[f"{prefix}Score{block}.weight"] = torch.zeros(1, width, 1, 1)
        weights[f"{prefix}Score{block}.bias"] = torch.zeros(1)
    weights[f"{prefix}Combine.0.weight"] = torch.tensor([3.0, 0, 0, 0, 0]).view(1, 5, 1, 1)
    weights[f"{prefix}Combine.0.bias"] = torch.tensor([-1.0])
    return weights


def test_it_has_the_parameters_of_vgg16_five_scores_and_their_combination() -> None:
    with torch.device("meta"):
        assert count_parameters(Hed()) == 14_714_688 + 1_477 + 6


@pytest.mark.parametrize("prefix", ["net", "module"])
def test_the_ports_weights_are_read_and_the_maths_is_theirs(tmp_path: Path, prefix: str) -> None:
    weights = foreign_weights(prefix)
    # The centre tap of the first blue filter passes through block 1 to its score: (255 b - mean) / 255.
    weights[f"{prefix}VggOne.0.weight"][0, 0, 1, 1] = 1 / 255
    weights[f"{prefix}VggOne.2.weight"][0, 0, 1, 1] = 1
    weights[f"{prefix}ScoreOne.weight"][0, 0] = 1
    torch.save(weights, tmp_path / "hed.pth")
    network = load_hed(tmp_path / "hed.pth")
    picture = np.zeros((20, 17, 3), np.uint8)
    picture[..., 2] = 200  # blue
    probability = network(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)
    expected = 1 / (1 + np.exp(-(3 * (200 - 104.00698793) / 255 - 1)))
    torch.testing.assert_close(probability, torch.full((1, 1, 20, 17), float(expected)), rtol=1e-4, atol=0)
    assert (hed_edges(network, picture, 0.5) == 255).all()
    picture[:, :8] = 0
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    assert write_edges(network, [tmp_path / "a.png"], tmp_path / "edges") == 1
    edges = cv2.imread(str(tmp_path / "edges" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert edges.shape == (20, 17)
    assert not edges[:, :8].any()
    assert (edges[:, 8:] == 255).all()


def test_scnet_makes_its_edge_maps_itself(tmp_path: Path) -> None:
    weights = foreign_weights("net")
    weights["netVggOne.0.weight"][0, 0, 1, 1] = 1 / 255
    weights["netVggOne.2.weight"][0, 0, 1, 1] = 1
    weights["netScoreOne.weight"][0, 0] = 1
    torch.save(weights, tmp_path / "hed.pth")
    alone = build("scnet", width=0.05, edge="hed", hed_weights=str(tmp_path / "hed.pth"))
    fed = build("scnet", width=0.05, edge="hed")
    assert alone.inputs == ("rgb",)
    fed.load_state_dict(alone.state_dict())  # HED's weights are no part of it
    picture = torch.rand(1, 3, 32, 32)
    edges = (3 * (picture[:, 2:] * 255 - 104.00698793).clamp(min=0) / 255 - 1 > 0).float()
    assert 0 < edges.mean() < 1
    with torch.no_grad():
        torch.testing.assert_close(alone(picture)["logits"], fed(picture, edges)["logits"])
    with pytest.raises(RigsightError, match="belong to edge: hed"):
        build("scnet", edge="canny", hed_weights="hed.pth")


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    assert read_weights(tmp_path / "other.pth")
    with pytest.raises(RigsightError, match="no weights of HED"):
        load_hed(tmp_path / "other.pth")
