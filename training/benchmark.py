"""What a training step costs beside a plain torchvision network, and how fast samples are prepared."""

from __future__ import annotations

import resource
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import process_time, thread_time
from typing import Any

import cv2
import numpy as np

ROUNDS, WARM_UP = 5, 2
SETS = 6  # pictures of the loading test


@dataclass(frozen=True)
class Rival:
    """A network of ours, the loss it is trained with, and the torchvision network of similar size."""

    name: str
    loss: str
    plain: str


RIVALS = (
    Rival("ssa_ecnet", "ssa_ecnet", "lraspp_mobilenet_v3_large"),
    Rival("scnet_edge", "scnet", "lraspp_mobilenet_v3_large"),
    Rival("nadinet_edge", "nadinet", "lraspp_mobilenet_v3_large"),
    Rival("segmif_edge", "segmentation", "lraspp_mobilenet_v3_large"),
    Rival("scnet_4level", "scnet", "fcn_resnet50"),
    Rival("nadinet_densenet201", "nadinet", "deeplabv3_resnet50"),
    Rival("segmif", "segmentation", "deeplabv3_resnet50"),
    Rival("bnsa_mask_rcnn", "", "maskrcnn_resnet50_fpn"),
)


@dataclass(frozen=True)
class StepCost:
    """One network's training step: median processor time, and the process's largest resident memory."""

    name: str
    parameters: int
    seconds: float
    peak_mb: float
    batch: int

    @property
    def images_per_s(self) -> float:
        """Pictures a second of processor time."""
        return self.batch / self.seconds


def measure_step(name: str, loss: str, size: tuple[int, int], batch: int) -> StepCost:
    """The cost of a step of ``name`` (one of ours, or torchvision's) in a fresh process of one thread.

    A step is forward, loss, backward and AdamW on random pictures of ``size`` (width, height).
    """
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (name, loss, size, batch))


def _measured(name: str, loss: str, size: tuple[int, int], batch: int) -> StepCost:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, step = _prepared(name, loss, size, batch)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
    times = []
    for turn in range(-WARM_UP, ROUNDS):
        start = process_time()
        optimizer.zero_grad(set_to_none=True)
        step().backward()
        optimizer.step()
        if turn >= 0:
            times.append(process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    parameters = sum(p.numel() for p in network.parameters())
    return StepCost(name, parameters, statistics.median(times), peak, batch)


def _prepared(name: str, loss: str, size: tuple[int, int], batch: int) -> tuple[Any, Callable[[], Any]]:
    """The network in training mode, and what computes its loss on random pictures."""
    import torch
    import torchvision

    from rigsight.training.losses.registry import build_loss
    from rigsight.training.models import build, names

    width, height = size
    rgb = torch.rand(batch, 3, height, width)
    labels = (torch.rand(batch, height, width) < 0.1).long()
    box = torch.tensor([[width * 0.2, height * 0.2, width * 0.6, height * 0.7]])
    mask = torch.zeros(1, height, width, dtype=torch.uint8)
    mask[:, int(height * 0.2) : int(height * 0.7), int(width * 0.2) : int(width * 0.6)] = 1
    targets = [{"boxes": box, "labels": torch.tensor([1]), "masks": mask} for _ in range(batch)]
    if name not in names():
        network: Any = getattr(torchvision.models, name, None) or _segmenter(name)
        network = network(weights=None, weights_backbone=None, num_classes=2).train()
        if name.startswith("maskrcnn"):
            return network, lambda: sum(network(list(rgb), targets).values())
        return network, lambda: torch.nn.functional.cross_entropy(network(rgb)["out"], labels)
    network = build(name).train()
    feeds = {
        "rgb": rgb,
        "thermal": rgb[:, :1],
        "tables": torch.linspace(0, 1, 256).expand(batch, 2, 256).contiguous(),
        "edges": (rgb[:, :1] > 0.9).float(),
    }
    if network.task == "instance":
        return network, lambda: sum(network(feeds[network.inputs[0]], targets).values())
    criterion = build_loss(loss, {}, torch.tensor([0.9, 0.1]) if loss != "segmentation" else None)
    return network, lambda: criterion(network(*(feeds[k] for k in network.inputs)), labels, network)


def _segmenter(name: str) -> Any:
    import torchvision

    return getattr(torchvision.models.detection if "rcnn" in name else torchvision.models.segmentation, name)


def loading_rates(seconds: float, size: tuple[int, int] = (640, 480)) -> Mapping[str, float]:
    """Augmented RGB + 16-bit thermal + mask samples a second of one core, from PNG files and from memory.

    The pictures are the simulated street's at ``size`` (width, height).
    """
    from rigsight.edge.bundle.spec import Preprocessing
    from rigsight.training.config import Augmentation, DatasetData
    from rigsight.training.data.dataset import open_dataset
    from rigsight.training.data.sources import Labelled, Records

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        dataset = open_dataset(_street(Path(folder), size))
        result = {}
        for name, cache_mb in (("from PNG files", 0), ("from memory", 1000)):
            data = DatasetData(path=str(dataset.folder), cache_mb=cache_mb)
            source = Labelled(Records(dataset, "train", cache_mb), data, size, Preprocessing())
            random = np.random.default_rng(0)
            for index in range(len(source)):
                source.sample(index, Augmentation(), random)
            done, start = 0, thread_time()
            while thread_time() - start < seconds:
                source.sample(done % len(source), Augmentation(), random)
                done += 1
            result[name] = done / (thread_time() - start)
        return result


def _street(folder: Path, size: tuple[int, int]) -> Path:
    """A data set of rendered pairs on disk; returns its dataset.yaml."""
    import yaml

    from rigsight.edge.simulation.classes import CLASSES
    from rigsight.edge.simulation.rig import SimulatedRig
    from rigsight.training.data.spec import Split

    width, height = size
    rig = SimulatedRig("street", 1, "train", width, height)
    for kind in ("rgb", "thermal", "masks"):
        (folder / kind).mkdir()
    for index in range(SETS):
        rendered = rig.render(index * 13)
        pictures: dict[str, Any] = {
            "rgb": rendered.rgb[..., ::-1],
            "thermal": rendered.thermal,
            "masks": rendered.truth.labels,
        }
        for kind, picture in pictures.items():
            nearest = cv2.INTER_NEAREST if kind == "masks" else cv2.INTER_LINEAR
            sized = cv2.resize(picture, size, interpolation=nearest)
            cv2.imwrite(str(folder / kind / f"{index}.png"), sized)
    spec = {
        "name": "street",
        "modalities": {"rgb": "rgb/{stem}.png", "thermal": "thermal/{stem}.png"},
        "thermal_input": "counts16",
        "labels": {"kind": "masks", "pattern": "masks/{stem}.png"},
        "classes": [{"name": c.name, "color": list(c.color)} for c in CLASSES],
        "splits": {"train": Split.of(str(i) for i in range(SETS)).model_dump(mode="json")},
        "licence": "Apache-2.0",
        "source": "simulated rig",
    }
    path = folder / "dataset.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path
