"""Makes tests/edge/data/tiny_bundle: a graph with fixed numbers that honours the graph contract.

Run it from the repository's root (needs onnx): python tests/edge/data/make_tiny_bundle.py

Three classes that can be worked out by hand: ``hot`` where a 3x3 mean of the thermal picture is above 0.5,
``bright`` where the luma is above 0.75 and nothing is hotter than bright, ``background`` elsewhere. The fused
luma is the VSM-weighted average of both pictures, coloured by the visible picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rigsight.edge.bundle.golden import Golden, predict_golden
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.bundle.spec import (
    AgcSpec,
    BundleProvenance,
    BundleSpec,
    ClassEntry,
    Licences,
    Part,
    Preprocessing,
    Tensor,
)
from rigsight.edge.engines.select import open_engine
from rigsight.export.writer import listed, write_bundle

HEIGHT, WIDTH = 60, 80
OUT = Path(__file__).parent / "tiny_bundle"
GRAPH = "graphs/main.fp32.onnx"
COMMAND = "python tests/edge/data/make_tiny_bundle.py"


def graph() -> bytes:
    """The serialised ONNX model, opset 17."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, np.ndarray] = {
        "scale": np.float32(1 / 255),
        "zero": np.float32(0),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "level": np.float32(255),
        "luma": np.float32([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1),
        "mean": np.full((1, 1, 3, 3), 1 / 9, np.float32),
        # Channels: luma, smoothed thermal. Logits: background 0, hot 8 (T - .5), bright 8 (Y - .75).
        "head": np.float32([[0, 0], [0, 8], [8, 0]]).reshape(3, 2, 1, 1),
        "bias": np.float32([0, -4, -6]),
        "visible": np.int64(0),
        "infrared": np.int64(1),
    }
    nodes = [
        helper.make_node("Cast", ["rgb"], ["rgb_f"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["rgb_f"], ["rgb_t"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["rgb_t", "scale"], ["rgb_01"]),
        helper.make_node("Cast", ["thermal"], ["thermal_f"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["thermal_f"], ["thermal_t"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["thermal_t", "scale"], ["t"]),
        helper.make_node("Conv", ["rgb_01", "luma"], ["y"]),
        helper.make_node("Conv", ["t", "mean"], ["t_smooth"], pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["y", "t_smooth"], ["features"], axis=1),
        helper.make_node("Conv", ["features", "head", "bias"], ["logits"]),
        helper.make_node("Gather", ["saliency", "visible"], ["table_y"], axis=0),
        helper.make_node("Gather", ["saliency", "infrared"], ["table_t"], axis=0),
        helper.make_node("Mul", ["y", "level"], ["y_level"]),
        helper.make_node("Round", ["y_level"], ["y_round"]),
        helper.make_node("Clip", ["y_round", "zero", "level"], ["y_clip"]),
        helper.make_node("Cast", ["y_clip"], ["y_index"], to=TensorProto.INT64),
        helper.make_node("Cast", ["thermal_t"], ["t_index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table_y", "y_index"], ["v_y"], axis=0),
        helper.make_node("Gather", ["table_t", "t_index"], ["v_t"], axis=0),
        helper.make_node("Sub", ["v_y", "v_t"], ["v_difference"]),
        helper.make_node("Mul", ["v_difference", "half"], ["v_half"]),
        helper.make_node("Add", ["v_half", "half"], ["m_y"]),
        helper.make_node("Sub", ["one", "m_y"], ["m_t"]),
        helper.make_node("Mul", ["m_y", "y"], ["part_y"]),
        helper.make_node("Mul", ["m_t", "t"], ["part_t"]),
        helper.make_node("Add", ["part_y", "part_t"], ["fused_y"]),
        helper.make_node("Sub", ["fused_y", "y"], ["gain"]),
        helper.make_node("Add", ["rgb_01", "gain"], ["fused_rgb"]),
        helper.make_node("Mul", ["fused_rgb", "level"], ["fused_level"]),
        helper.make_node("Round", ["fused_level"], ["fused_round"]),
        helper.make_node("Clip", ["fused_round", "zero", "level"], ["fused_clip"]),
        helper.make_node("Transpose", ["fused_clip"], ["fused_t"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["fused_t"], ["fused"], to=TensorProto.UINT8),
    ]
    uint8, float32 = TensorProto.UINT8, TensorProto.FLOAT
    built = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("rgb", uint8, [1, HEIGHT, WIDTH, 3]),
            helper.make_tensor_value_info("thermal", uint8, [1, HEIGHT, WIDTH, 1]),
            helper.make_tensor_value_info("saliency", float32, [2, 256]),
        ],
        [
            helper.make_tensor_value_info("logits", float32, [1, 3, HEIGHT, WIDTH]),
            helper.make_tensor_value_info("fused", uint8, [1, HEIGHT, WIDTH, 3]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """One pair: a dark road with a lamp (bright) and a walker (hot); RGB uint8, counts uint16."""
    across = np.linspace(20, 60, WIDTH).astype(np.uint8)
    rgb = np.repeat(np.repeat(across[None, :, None], HEIGHT, axis=0), 3, axis=2)
    rgb[5:15, 60:72] = (250, 240, 200)
    counts = np.repeat(np.linspace(7000, 7100, HEIGHT).astype(np.uint16)[:, None], WIDTH, axis=1)
    counts[25:50, 20:28] = 7400
    return rgb, counts


def specification(files: dict[str, bytes]) -> BundleSpec:
    """bundle.yaml for ``files``."""
    return BundleSpec(
        name="tiny",
        release=1,
        task="semantic",
        model="fixed numbers, for tests",
        classes=(
            ClassEntry(name="background", color=(0, 0, 0)),
            ClassEntry(name="hot", color=(230, 60, 60)),
            ClassEntry(name="bright", color=(250, 220, 60)),
        ),
        parts=(
            Part(
                inputs={
                    "rgb": Tensor(dtype="uint8", shape=(1, HEIGHT, WIDTH, 3)),
                    "thermal": Tensor(dtype="uint8", shape=(1, HEIGHT, WIDTH, 1)),
                    "saliency": Tensor(dtype="float32", shape=(2, 256), host="vsm_tables"),
                },
                outputs={
                    "logits": Tensor(dtype="float32", shape=(1, 3, HEIGHT, WIDTH)),
                    "fused": Tensor(dtype="uint8", shape=(1, HEIGHT, WIDTH, 3)),
                },
                variants={"fp32": GRAPH},
            ),
        ),
        preprocessing=Preprocessing(agc=AgcSpec(low_percent=0, high_percent=100, smoothing=0)),
        accuracy={"street": {"both": 0.9, "rgb_only": 0.6, "thermal_only": 0.3}},
        min_accuracy=0.5,
        files=listed(files),
        licences=Licences(weights="Apache-2.0", data="none, fixed numbers"),
        provenance=BundleProvenance(commands=(COMMAND,)),
    )


def main() -> None:
    """Write the bundle, its golden file made by the bundle itself."""
    files = {GRAPH: graph()}
    write_bundle(OUT, specification(files), files)
    bundle = open_bundle(OUT)
    engine = open_engine(bundle, threads=1)
    rgb, counts = pictures()
    inputs = Golden(rgb=(rgb,), thermal=(counts,), rigs=(None,), scenes=("street",))
    files["golden.npz"] = predict_golden(bundle, engine, inputs).to_bytes()
    write_bundle(OUT, specification(files), files)
    open_bundle(OUT)


if __name__ == "__main__":
    main()
