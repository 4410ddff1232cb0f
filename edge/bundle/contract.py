"""The graph contract of bundle.yaml, checked before anything is run."""

from __future__ import annotations

from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.bundle.instance_contract import check_instances
from rigsight.edge.bundle.spec import BundleSpec, Geometry, Part, Tensor
from rigsight.edge.bundle.tensors import expect

PICTURES = {"rgb": 3, "thermal": 1}


def check_contract(spec: BundleSpec, where: str | Path | None = None) -> None:
    """Check inputs, outputs and classes of every part.

    Raises:
        RigsightError: BND-004 with the tensor at fault.
    """
    for part in spec.parts:
        if part.name == "main":
            _check_inputs(part, where)
            for variant in part.variants:
                _check_outputs(part.outputs_of(variant), part, spec, where)
            _check_tiles(part, spec.preprocessing.geometry, where)
    if spec.task == "instance" or spec.instances is not None:
        check_instances(spec, where)


def graph_size(part: Part) -> tuple[int, int]:
    """(width, height) of a part's pictures."""
    shape = next(part.inputs[name].shape for name in PICTURES if name in part.inputs)
    return shape[2], shape[1]


def wanted(part: Part) -> tuple[str, ...]:
    """The cameras that a part takes, of ``rgb`` and ``thermal``."""
    return tuple(name for name in PICTURES if name in part.inputs)


def _check_tiles(part: Part, geometry: Geometry, where: str | Path | None) -> None:
    if geometry.kind != "tile":
        return
    size, align = graph_size(part), geometry.align_px
    if any(side % align for side in size):
        raise codes.BUNDLE_CONTRACT(
            f"tiles of {size[0]}x{size[1]} are no multiple of align_px {align}", where=where
        )
    if geometry.overlap_px > min(size) - align:
        raise codes.BUNDLE_CONTRACT(
            f"tiles of {size[0]}x{size[1]} cannot share {geometry.overlap_px} px and advance by {align}",
            where=where,
        )


def _check_inputs(part: Part, where: str | Path | None) -> None:
    sizes = set()
    for name, tensor in part.inputs.items():
        if tensor.host is not None:
            continue
        if name not in PICTURES:
            raise codes.BUNDLE_CONTRACT(
                f"the input '{name}' is no camera and names no host function", where=where
            )
        expect(name, tensor, "uint8", (1, None, None, PICTURES[name]), where)
        sizes.add(tensor.shape[1:3])
    if len(sizes) != 1:
        raise codes.BUNDLE_CONTRACT("the graph must take 'rgb', 'thermal' or both, of one size", where=where)


def _check_outputs(
    outputs: dict[str, Tensor], part: Part, spec: BundleSpec, where: str | Path | None
) -> None:
    width, height = graph_size(part)
    channels = len(spec.classes)
    if spec.task == "semantic" and not {"logits", "mask"} & set(outputs):
        raise codes.BUNDLE_CONTRACT("a semantic graph must give 'logits' or 'mask'", where=where)
    if spec.task == "binary" and "probability" not in outputs:
        raise codes.BUNDLE_CONTRACT("a binary graph must give 'probability'", where=where)
    if spec.task == "binary" and channels != 2:
        raise codes.BUNDLE_CONTRACT(
            f"a binary bundle has two classes, background and foreground, not {channels}", where=where
        )
    for name, tensor in outputs.items():
        if name == "logits":
            if len(tensor.shape) == 4 and tensor.shape[1] != channels:
                raise codes.BUNDLE_CONTRACT(
                    f"wrong class count: bundle.yaml names {channels} classes, the logits have "
                    f"{tensor.shape[1]} channels",
                    where=where,
                )
            expect(name, tensor, "float32", (1, channels, height, width), where)
        elif name in ("mask", "confidence", "probability"):
            expect(name, tensor, "uint8", (1, height, width), where)
        elif name == "fused":
            expect(name, tensor, "uint8", (1, height, width, 3), where)
