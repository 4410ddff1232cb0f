"""Small graphs whose values are known in closed form, and a small labelled data set of cracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MakeGraph = Callable[..., bytes]
SIDE = 96


@pytest.fixture(scope="session")
def make_graph() -> MakeGraph:
    """A function of nodes, inputs and outputs (name -> (type, shape)) and weights that makes a graph."""

    def make(
        nodes: Sequence[onnx.NodeProto],
        inputs: dict[str, tuple[int, tuple[int, ...]]],
        outputs: dict[str, tuple[int, tuple[int, ...]]],
        weights: dict[str, NDArray[np.generic]],
    ) -> bytes:
        graph = helper.make_graph(
            list(nodes),
            "g",
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in outputs.items()],
            [numpy_helper.from_array(np.asarray(w), n) for n, w in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.checker.check_model(model)
        return model.SerializeToString()

    return make


@pytest.fixture(scope="session")
def two_convolutions(make_graph: MakeGraph) -> bytes:
    """uint8 picture -> Cast -> /255 -> conv ``first`` -> ReLU -> conv ``last`` -> logits [1,2,16,16]."""
    random = np.random.default_rng(3)
    node = helper.make_node
    return make_graph(
        [
            node("Cast", ["rgb"], ["real"], name="cast", to=TensorProto.FLOAT),
            node("Transpose", ["real"], ["planes"], name="transpose", perm=[0, 3, 1, 2]),
            node("Mul", ["planes", "scale"], ["x"], name="scaled"),
            node("Conv", ["x", "w1", "b1"], ["y"], name="first", pads=[1, 1, 1, 1]),
            node("Relu", ["y"], ["z"], name="relu"),
            node("Conv", ["z", "w2", "b2"], ["logits"], name="last"),
        ],
        {"rgb": (TensorProto.UINT8, (1, 16, 16, 3))},
        {"logits": (TensorProto.FLOAT, (1, 2, 16, 16))},
        {
            "scale": np.float32(1 / 255),
            "w1": random.normal(size=(8, 3, 3, 3)).astype(np.float32),
            "b1": random.normal(size=8).astype(np.float32),
            "w2": random.normal(size=(2, 8, 1, 1)).astype(np.float32),
            "b2": random.normal(size=2).astype(np.float32),
        },
    )


@pytest.fixture(scope="session")
def pictures() -> list[dict[str, NDArray[np.uint8]]]:
    random = np.random.default_rng(4)
    return [{"rgb": random.integers(0, 256, (1, 16, 16, 3), np.uint8)} for _ in range(4)]


@pytest.fixture(scope="session")
def crack_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dataset.yaml of dark lines on grey noise: nine to train, four to judge, odd splits too."""
    folder = tmp_path_factory.mktemp("cracks")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    random = np.random.default_rng(8)
    for number in range(14):
        picture = random.integers(150, 220, (SIDE, SIDE, 3), np.uint8)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        if number != 13:
            ends = random.integers(0, SIDE, 4).tolist()
            cv2.line(mask, tuple(ends[:2]), tuple(ends[2:]), 255, 5)
        picture[mask > 0] = picture[mask > 0] // 4
        cv2.imwrite(str(folder / "images" / f"p{number}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"p{number}.png"), mask)
    for copy in range(8):
        for kind in ("images", "masks"):
            data = (folder / kind / "p13.png").read_bytes()
            (folder / kind / f"empty{copy}.png").write_bytes(data)
    names = [f"p{number}" for number in range(13)]
    description = {
        "version": 1,
        "name": "lines",
        "modalities": {"rgb": "images/{stem}.png"},
        "labels": {"kind": "masks", "pattern": "masks/{stem}.png", "encoding": "threshold"},
        "classes": [
            {"name": "background", "color": [0, 0, 0]},
            {"name": "crack", "color": [255, 112, 40]},
        ],
        "splits": {
            "train": {"stems": names[:9]},
            "val": {"stems": names[9:]},
            "few": {"stems": names[:3]},
            "empty": {"stems": [f"empty{copy}" for copy in range(8)]},
            "mixed": {"stems": names[2:11]},
        },
        "licence": "CC0-1.0",
        "source": "drawn",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    return folder / "dataset.yaml"
