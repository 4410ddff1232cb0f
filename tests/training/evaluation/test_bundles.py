"""A bundle is judged as it runs on the robot, on a machine without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.reader import open_bundle
from rigsight.training.data.dataset import Dataset
from rigsight.training.evaluation.bundles import BundleSubject
from rigsight.training.evaluation.dataset import evaluate

TINY = Path(__file__).parents[2] / "edge" / "data" / "tiny_bundle"
NAMES = ("background", "hot", "bright")

WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "lightning", "torchmetrics"):
    sys.modules[name] = None  # importing it now raises ModuleNotFoundError
from rigsight.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def pairs(depth: type = np.uint16) -> dict[str, dict[str, np.ndarray]]:
    """A bright and a hot square, twice the graph's size, on a grid that halving keeps."""
    made = {}
    for i, stem in enumerate(("a", "b")):
        rgb, mask = np.full((120, 160, 3), 40, np.uint8), np.zeros((120, 160), np.uint8)
        counts = np.full((120, 160), 100 if depth is np.uint8 else 7000, depth)
        rgb[20:60, 20 : 60 + 20 * i], mask[20:60, 20 : 60 + 20 * i] = 250, 2
        counts[70:110, 80:140], mask[70:110, 80:140] = 250 if depth is np.uint8 else 9000, 1
        made[stem] = {"rgb": rgb, "thermal": counts, "mask": mask}
    return made


def test_the_command_needs_no_torch(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = make_dataset(pairs(), NAMES, thermal_input="counts16")
    out = tmp_path / "out"
    words = ["evaluate", str(TINY), "--data", str(dataset.folder), "--out", str(out), "--json"]
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["task"], report["split"], report["images"]) == ("semantic", "val", 2)
    scores = report["scores"]
    # a 3x3 mean rounds the hot square's corners
    assert scores["both"]["classes"]["hot"]["iou"] > 0.98
    assert scores["both"]["classes"]["bright"] == {"iou": 1, "acc": 1}
    assert scores["rgb_only"]["classes"]["hot"]["acc"] == 0
    assert scores["thermal_only"]["classes"]["bright"]["acc"] == 0
    assert scores["both"]["fusion"]["fused"]["en"] > 0
    assert json.loads((out / "scores.json").read_text()) == report
    sheet = cv2.imread(str(out / "worst.png"))
    assert sheet is not None
    assert sheet.shape[1] == 5 * 320


def test_the_device_refuses_thermal_pictures_of_8_bits_and_so_does_the_verdict(
    make_dataset: Callable[..., Dataset],
) -> None:
    dataset = make_dataset(pairs(np.uint8), NAMES)
    with pytest.raises(RigsightError, match="SRC-101"):
        evaluate(BundleSubject(open_bundle(TINY)), dataset, "val")


def test_masks_count_whatever_the_bundle_promises_of_one_camera() -> None:
    subject = BundleSubject(open_bundle(TINY))
    assert subject.cameras == ("rgb", "thermal")
    answer = subject(None, pairs()["a"]["thermal"])  # stated at 0.3, below the bundle's least of 0.5
    assert set(np.unique(answer.mask)) == {0, 1}
