"""The shipped crack bundle, as it comes: its golden photo, and a wall larger than a tile."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.cli.main import main
from rigsight.edge.bundle.golden import check_golden
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.engines.select import open_engine

CRACK = Path(__file__).parents[2] / "bundles" / "crack"


def cracked_wall(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A rough grey wall with one dark crack, RGB, and the pixels of the crack."""
    random = np.random.default_rng(4)
    coarse = random.normal(0, 1, (height // 8 + 1, width // 8 + 1)).astype(np.float32)
    wall = 150 + 8 * cv2.resize(coarse, (width, height)) + random.normal(0, 5, (height, width))
    x = np.arange(0, width, 4)
    y = height / 2 + np.cumsum(random.normal(0, 2.2, len(x)))
    truth = np.zeros((height, width), np.uint8)
    cv2.polylines(truth, [np.column_stack([x, y]).astype(np.int32)], False, 1, 4)
    wall -= 85 * cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 0.8)
    return np.dstack([np.clip(wall, 0, 255).astype(np.uint8)] * 3), truth


def test_its_golden_photo_passes_and_it_is_small() -> None:
    bundle = open_bundle(CRACK)
    (result,) = check_golden(bundle, open_engine(bundle, threads=1))
    assert result.passed
    assert sum(bundle.storage.sizes.values()) < 8_000_000
    assert "CC0" in bundle.spec.licences.data
    assert bundle.spec.licences.weights == "Apache-2.0"


def test_a_photo_larger_than_a_tile_gives_its_crack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, truth = cracked_wall(700, 520)
    cv2.imwrite(str(tmp_path / "wall.png"), photo)
    words = ["--rgb", f"images:{tmp_path / 'wall.png'}", "--sink", f"masks:{tmp_path / 'masks'}", "--json"]
    assert main(["run", "--bundle", str(CRACK), *words]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == 1
    (path,) = (tmp_path / "masks").glob("*.png")
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert mask.shape == truth.shape
    near = cv2.dilate(truth, np.ones((7, 7), np.uint8))
    assert (mask[truth == 1] == 1).mean() > 0.5, "most of the crack is found"
    assert (mask[near == 0] == 1).mean() < 0.02, "little else is"
