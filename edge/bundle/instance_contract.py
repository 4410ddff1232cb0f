"""The contract of instance bundles: three graphs, joined by named steps of the host."""

from __future__ import annotations

from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.bundle.spec import BundleSpec, InstanceSteps, Part
from rigsight.edge.bundle.tensors import expect

INSTANCE_PARTS = ("main", "boxes", "masks")
HOST_STEPS = ("select_proposals", "select_detections", "paste_masks")

_TENSORS = {
    "main": ((), ("features", "proposals", "objectness")),
    "boxes": (("features", "regions"), ("scores", "boxes")),
    "masks": (("features", "regions", "classes"), ("masks",)),
}


def check_instances(spec: BundleSpec, where: str | Path | None) -> None:
    """Check parts, steps and the tensors that pass from graph to graph. Raises RigsightError BND-004."""
    if spec.task != "instance" or spec.instances is None:
        raise codes.BUNDLE_CONTRACT("'instances' belongs to every instance bundle and no other", where=where)
    names = tuple(part.name for part in spec.parts)
    if names != INSTANCE_PARTS:
        raise codes.BUNDLE_CONTRACT(
            f"an instance bundle has the parts {', '.join(INSTANCE_PARTS)}, not {', '.join(names)}",
            where=where,
        )
    if spec.host_steps != HOST_STEPS:
        raise codes.BUNDLE_CONTRACT(
            f"the host steps of this release are {', '.join(HOST_STEPS)}, "
            f"not {', '.join(spec.host_steps) or 'none'}",
            where=where,
        )
    if spec.preprocessing.geometry.kind == "tile":
        raise codes.BUNDLE_CONTRACT("instances are not found in tiles", where=where)
    parts = {part.name: part for part in spec.parts}
    for name, (inputs, outputs) in _TENSORS.items():
        _names(parts[name], inputs, outputs, where)
    _shapes(parts, spec.instances, len(spec.classes) - 1, where)


def _names(part: Part, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str | Path | None) -> None:
    for kind, have, want in (("inputs", part.inputs, inputs), ("outputs", part.outputs, outputs)):
        if want and set(have) != set(want):
            raise codes.BUNDLE_CONTRACT(
                f"the part '{part.name}' has the {kind} {', '.join(have)}, not {', '.join(want)}", where=where
            )


def _shapes(parts: dict[str, Part], steps: InstanceSteps, kinds: int, where: str | Path | None) -> None:
    main, boxes, masks = (parts[name] for name in INSTANCE_PARTS)
    total = sum(steps.levels)
    features = main.outputs["features"]
    expect("features", features, "float32", (1, None, None, None), where)
    expect("proposals", main.outputs["proposals"], "float32", (1, total, 4), where)
    expect("objectness", main.outputs["objectness"], "float32", (1, total), where)
    for part in (boxes, masks):
        expect(f"features of {part.name}", part.inputs["features"], "float32", features.shape, where)
        expect(f"regions of {part.name}", part.inputs["regions"], "float32", (None, 4), where)
    count, group = boxes.inputs["regions"].shape[0], masks.inputs["regions"].shape[0]
    expect("scores", boxes.outputs["scores"], "float32", (count, kinds), where)
    expect("boxes", boxes.outputs["boxes"], "float32", (count, kinds, 4), where)
    expect("classes", masks.inputs["classes"], "int64", (group,), where)
    expect("masks", masks.outputs["masks"], "float32", (group, None, None), where)
