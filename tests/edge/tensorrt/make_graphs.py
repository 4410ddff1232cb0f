"""Makes the graphs of this folder (needs onnx): python tests/edge/tensorrt/make_graphs.py

The network of the tiny bundle with its head in FP16, and with signed symmetric Q/DQ round it; and graphs that
TensorRT refuses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TINY = HERE.parent / "data" / "tiny_bundle" / "graphs" / "main.fp32.onnx"
OUT = HERE / "graphs"


def main() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    OUT.mkdir(exist_ok=True)

    def changed(name: str, before: list[tuple], weights: dict[str, np.ndarray]) -> None:
        model = onnx.load(TINY)
        place = next(i for i, node in enumerate(model.graph.node) if node.output[0] == "logits")
        nodes = [helper.make_node(*arguments, **options) for *arguments, options in before]
        rest = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*rest[:place], *nodes, *rest[place + 1 :]])
        model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in weights.items())
        used = {each for node in model.graph.node for each in node.input}
        kept = [w for w in model.graph.initializer if w.name in used]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        onnx.checker.check_model(model, full_check=True)
        (OUT / name).write_bytes(model.SerializeToString())

    head = np.float32([[0, 0], [0, 8], [8, 0]]).reshape(3, 2, 1, 1)
    changed(
        "fp16.onnx",
        [
            ("Cast", ["features"], ["features_h"], {"to": TensorProto.FLOAT16}),
            ("Conv", ["features_h", "head_h", "bias_h"], ["logits_h"], {}),
            ("Cast", ["logits_h"], ["logits"], {"to": TensorProto.FLOAT}),
        ],
        {"head_h": head.astype(np.float16), "bias_h": np.float16([0, -4, -6])},
    )
    changed(
        "int8.onnx",
        [
            ("QuantizeLinear", ["features", "scale_x", "zero_x"], ["features_q"], {}),
            ("DequantizeLinear", ["features_q", "scale_x", "zero_x"], ["features_d"], {}),
            ("DequantizeLinear", ["head_q", "scale_w", "zero_w"], ["head_d"], {"axis": 0}),
            ("Conv", ["features_d", "head_d", "bias"], ["logits"], {}),
        ],
        {
            "scale_x": np.float32(1 / 127),
            "zero_x": np.int8(0),
            "head_q": np.rint(head / (8 / 127)).astype(np.int8),
            "scale_w": np.full(3, 8 / 127, np.float32),
            "zero_w": np.zeros(3, np.int8),
        },
    )

    def alone(name: str, nodes: list, outputs: list) -> None:
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])]
        graph = helper.make_graph(nodes, name, inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())

    pooled = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4]),
        helper.make_tensor_value_info("where", TensorProto.INT64, [1, 1, 4, 4]),
    ]
    pool = helper.make_node("MaxPool", ["x"], ["y", "where"], "pool", kernel_shape=[2, 2], strides=[2, 2])
    alone("indices", [pool], pooled)
    unique = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])]
    alone("unique", [helper.make_node("Unique", ["x"], ["y"], "only")], unique)


if __name__ == "__main__":
    main()
