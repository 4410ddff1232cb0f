"""Class ids and confidences inside the graph: what a GPU sends is then two bytes a pixel, not four a class.

On CPUs OpenCV finds the classes of logits several times faster than ArgMax in ONNX Runtime, so that only the
variants for TensorRT get this head.
"""

from __future__ import annotations

from rigsight.edge.bundle.spec import BundleSpec, Part, Tensor, Variant

FOR_TENSORRT: tuple[Variant, ...] = ("fp16", "int8")
_LOGITS = "logits"


def with_class_map(graph: bytes) -> bytes:
    """The graph with ``mask`` and ``confidence`` uint8 [1,H,W] in place of ``logits`` float32 [1,C,H,W].

    mask = argmax over the classes (the first of equals), confidence = round(255 max softmax). The casts to
    uint8 come from float32: TensorRT knows no other.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(graph)
    outputs = model.graph.output
    place = next(i for i, output in enumerate(outputs) if output.name == _LOGITS)
    sides = [side.dim_value for side in outputs[place].type.tensor_type.shape.dim]
    shape = [sides[0], *sides[2:]]
    nodes = [
        helper.make_node("ArgMax", [_LOGITS], ["class_ids"], "mask/argmax", axis=1, keepdims=0),
        helper.make_node("Cast", ["class_ids"], ["class_levels"], "mask/float", to=TensorProto.FLOAT),
        helper.make_node("Cast", ["class_levels"], ["mask"], "mask/uint8", to=TensorProto.UINT8),
        helper.make_node("Softmax", [_LOGITS], ["class_shares"], "confidence/softmax", axis=1),
        helper.make_node(
            "ReduceMax", ["class_shares", "class_axis"], ["best_share"], "confidence/max", keepdims=0
        ),
        helper.make_node("Mul", ["best_share", "white"], ["best_level"], "confidence/levels"),
        helper.make_node("Round", ["best_level"], ["best_rounded"], "confidence/round"),
        helper.make_node("Cast", ["best_rounded"], ["confidence"], "confidence/uint8", to=TensorProto.UINT8),
    ]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "class_axis"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(255.0, np.float32), "white"))
    kept = [output for i, output in enumerate(outputs) if i != place]
    del outputs[:]
    maps = [helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in ("mask", "confidence")]
    outputs.extend([*maps, *kept])
    return bytes(model.SerializeToString())


def mapped_outputs(part: Part) -> dict[str, Tensor]:
    """The outputs of :func:`with_class_map`, of a part that gives logits."""
    _, _, height, width = part.outputs[_LOGITS].shape
    maps = {name: Tensor(dtype="uint8", shape=(1, height, width)) for name in ("mask", "confidence")}
    return {**maps, **{name: tensor for name, tensor in part.outputs.items() if name != _LOGITS}}


def map_classes(description: BundleSpec, files: dict[str, bytes]) -> BundleSpec:
    """Put the head on every graph of ``files`` that is meant for TensorRT, in place, and describe it.

    Only semantic graphs have logits; others are left as they are.
    """
    parts = []
    for part in description.parts:
        chosen = [name for name in FOR_TENSORRT if name in part.variants and _LOGITS in part.outputs]
        for name in chosen:
            files[part.variants[name]] = with_class_map(files[part.variants[name]])
        outputs = {name: mapped_outputs(part) for name in chosen}
        parts.append(part.model_copy(update={"variant_outputs": outputs}))
    return description.model_copy(update={"parts": tuple(parts)})
