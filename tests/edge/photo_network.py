"""A small network of fixed random numbers as a bundle of photos, at any size: what tiles are proven with.

Convolution, pooling, a coarser level, enlarging, a skip and a 1x1 gate, as crack networks have them. Its
receptive field ends 10 px from a pixel, and its coarsest grid is 4 px.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rigsight.edge.bundle.golden import Golden, predict_golden
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.spec import BundleSpec, ClassEntry, Geometry, Licences, Part, Preprocessing, Tensor
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine
from rigsight.edge.engines.select import open_engine
from rigsight.export.writer import listed, write_bundle

# The runtime has no onnx: under Python 3.10 the shipped crack bundle alone proves tiles.
onnx = pytest.importorskip("onnx", reason="the test network is written with onnx")

GRID, RADIUS, THRESHOLD = 4, 12, 128
GRAPH = "graphs/main.fp32.onnx"
CLASSES = (ClassEntry(name="background", color=(0, 0, 0)), ClassEntry(name="crack", color=(255, 112, 40)))


def graph(width: int, height: int, task: str = "binary") -> bytes:
    """The serialised model; the numbers do not depend on its size."""
    chance = np.random.default_rng(5)

    def kernel(outputs: int, inputs: int, side: int) -> np.ndarray:
        return (chance.normal(size=(outputs, inputs, side, side)) / np.sqrt(inputs * side**2)).astype("f4")

    channels = 1 if task == "binary" else 3
    k1, k2, k3, gate, head = (
        kernel(6, 3, 3), kernel(6, 6, 3), kernel(6, 6, 3), kernel(1, 6, 1), kernel(channels, 6, 1)
    )  # fmt: skip
    constants: dict[str, np.ndarray] = {
        "scale": np.float32(1 / 255), "half": np.float32(0.5), "level": np.float32(255),
        "twice": np.float32([1, 1, 2, 2]), "first": np.int64([1]),
        "k1": k1, "k2": k2, "k3": k3, "gate": gate,
        # Features are positive: weights without a mean make masks with something of every class.
        "head": 12 * (head - head.mean(axis=1, keepdims=True)),
    }  # fmt: skip

    def node(op: str, inputs: str, output: str, **attributes: Any) -> Any:
        return onnx.helper.make_node(op, inputs.split(), [output], **attributes)

    def level(before: str, k: str, name: str) -> list[Any]:
        return [node("Conv", f"{before} {k}", f"{name}c", pads=[1, 1, 1, 1]), node("Relu", f"{name}c", name)]

    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    nodes = [
        node("Cast", "rgb", "f", to=onnx.TensorProto.FLOAT),
        node("Transpose", "f", "t", perm=[0, 3, 1, 2]),
        node("Mul", "t scale", "u"),
        node("Sub", "u half", "x"),
        *level("x", "k1", "a"),
        node("MaxPool", "a", "ap", **pool),
        *level("ap", "k2", "b"),
        node("MaxPool", "b", "bp", **pool),
        *level("bp", "k3", "c"),
        onnx.helper.make_node("Resize", ["c", "", "twice"], ["cu"], **nearest),
        node("Add", "cu b", "d"),
        onnx.helper.make_node("Resize", ["d", "", "twice"], ["du"], **nearest),
        node("Add", "du a", "e"),
        node("Conv", "e gate", "g"),
        node("Sigmoid", "g", "gs"),
        node("Mul", "e gs", "h"),
        node("Conv", "h head", "logits"),
    ]
    if task == "binary":
        nodes += [
            node("Sigmoid", "logits", "p"),
            node("Mul", "p level", "pl"),
            node("Round", "pl", "pr"),
            node("Squeeze", "pr first", "ps"),
            node("Cast", "ps", "probability", to=onnx.TensorProto.UINT8),
        ]
        output = onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.UINT8, [1, height, width])
    else:
        output = onnx.helper.make_tensor_value_info(
            "logits", onnx.TensorProto.FLOAT, [1, channels, height, width]
        )
    picture = onnx.helper.make_tensor_value_info("rgb", onnx.TensorProto.UINT8, [1, height, width, 3])
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    built = onnx.helper.make_graph(nodes, "photo", [picture], [output], tensors)
    model = onnx.helper.make_model(built, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def whole(photo: np.ndarray, task: str = "binary") -> np.ndarray:
    """What the network gives of a whole photo, mirrored to its grid: [1,H,W] or [1,C,H,W]."""
    height, width = photo.shape[:2]
    padded = np.pad(photo, ((0, -height % GRID), (0, -width % GRID), (0, 0)), mode="reflect")
    engine = OnnxRuntimeEngine(graph(padded.shape[1], padded.shape[0], task), threads=1)
    (found,) = engine.infer({"rgb": padded[None]}).values()
    return found[..., :height, :width].copy()


def photo(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Something with structure at every scale, uint8 [H,W,3]."""
    chance = np.random.default_rng(seed)
    return chance.integers(0, 256, (height, width, 3), np.uint8)


def write_photo_bundle(
    out: Path, tile: int = 96, overlap: int = 56, blend: int = 8, task: str = "binary"
) -> Path:
    """The network as a bundle with tiles, its golden file made by itself."""
    tensor = {
        "binary": ("probability", Tensor(dtype="uint8", shape=(1, tile, tile))),
        "semantic": ("logits", Tensor(dtype="float32", shape=(1, 3, tile, tile))),
    }[task]
    files = {GRAPH: graph(tile, tile, task)}
    geometry = Geometry(kind="tile", overlap_px=overlap, blend_px=blend, align_px=GRID)
    spec = BundleSpec.model_validate(
        {
            "name": "photo",
            "release": 1,
            "task": task,
            "model": "random numbers, for tests",
            "classes": CLASSES if task == "binary" else (*CLASSES, ClassEntry(name="damp", color=(0, 0, 9))),
            "parts": (
                Part(
                    inputs={"rgb": Tensor(dtype="uint8", shape=(1, tile, tile, 3))},
                    outputs=dict([tensor]),
                    variants={"fp32": GRAPH},
                ),
            ),
            "preprocessing": Preprocessing(geometry=geometry),
            "accuracy": {"noise": {"both": 0.9}},
            "metric": "ODS-F1" if task == "binary" else "mIoU",
            "threshold": THRESHOLD if task == "binary" else None,
            "files": listed(files),
            "licences": Licences(weights="Apache-2.0", data="none"),
        }
    )
    write_bundle(out, spec, files)
    bundle = open_bundle(out)
    inputs = Golden(rgb=(photo(150, 100),), thermal=(None,), rigs=(None,), scenes=("noise",))
    files["golden.npz"] = predict_golden(bundle, open_engine(bundle, threads=1), inputs).to_bytes()
    write_bundle(out, spec.model_copy(update={"files": listed(files)}), files)
    return out
