"""bundle.yaml: what a model ready to run consists of.

The graph contract: N = 1, static shapes, inputs and outputs by name; ``rgb`` uint8 [1,H,W,3], ``thermal``
uint8 [1,H,W,1], and what a named host function makes. A missing modality is an all-zero picture. A binary
graph gives ``probability`` uint8 [1,H,W] of class 1. A semantic one gives ``logits`` for CPUs, where the host
finds the classes faster than the graph could, or ``mask`` and ``confidence`` for GPUs, which then send two
bytes a pixel instead of four a class. An instance bundle has three graphs, joined by what the host does
between them.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from rigsight.base.schema import StrictModel

MAX_EVALUATION_IMAGES = 50

Task = Literal["semantic", "binary", "instance"]
Variant = Literal["fp32", "fp16", "int8", "int8-cpu"]
Modalities = Literal["both", "rgb_only", "thermal_only"]
Metric = Literal["mIoU", "ODS-F1", "mask AP"]


class ClassEntry(StrictModel):
    """One class: its id is its place in the list."""

    name: str
    color: tuple[int, int, int] = Field(description="RGB, 0..255")


class AgcSpec(StrictModel):
    """Thermal counts -> 8 bit: percentiles of the source frame before the warp, smoothed in time.

    ``smoothing`` is the weight of the previous bounds in the exponential mean (0 = none, per frame).
    ``min_span_counts`` keeps a flat scene from being stretched into noise.
    """

    kind: Literal["percentile", "none"] = "percentile"
    low_percent: float = Field(default=1.0, ge=0, lt=50)
    high_percent: float = Field(default=99.0, gt=50, le=100)
    smoothing: float = Field(default=0.8, ge=0, lt=1)
    min_span_counts: float = Field(default=64.0, gt=0)
    sample_stride: int = Field(default=2, ge=1, description="every n-th pixel and row feeds the percentiles")


class Geometry(StrictModel):
    """How the grid reaches the graph's size.

    ``tile``: the picture keeps its pixels and the graph runs on tiles of its own size. Two neighbours share
    at least ``overlap_px``; in the middle of what they share one fades into the other over ``blend_px`` (0: a
    cut), so that nothing nearer than (overlap_px - blend_px) / 2 to an inner border counts. Offsets are
    multiples of ``align_px``, the coarsest grid of the network: another phase of its pooling would give
    another mask.
    """

    kind: Literal["resize", "letterbox", "tile"] = "resize"
    overlap_px: int = Field(default=0, ge=0)
    blend_px: int = Field(default=0, ge=0)
    align_px: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _tiles_fade_inside_their_overlap(self) -> Geometry:
        if self.kind != "tile" and (self.overlap_px, self.blend_px, self.align_px) != (0, 0, 1):
            raise ValueError("overlap_px, blend_px and align_px belong to the kind 'tile'")
        if self.blend_px > self.overlap_px:
            raise ValueError("blend_px must not be larger than overlap_px")
        return self


class Preprocessing(StrictModel):
    """What happens between the cameras and the graph; training uses the same code."""

    thermal_input: Literal["counts16", "camera8"] = "counts16"
    agc: AgcSpec = AgcSpec()
    grid: Literal["rig_output", "rgb_native", "thermal"] = "rig_output"
    geometry: Geometry = Geometry()


class Tensor(StrictModel):
    """A named graph input or output with static shape."""

    dtype: Literal["uint8", "float32", "float16", "int64"]
    shape: tuple[int, ...]
    host: str | None = Field(default=None, description="the host function that makes this input")


class Part(StrictModel):
    """One graph of the bundle. ``variants`` maps variant to the path of its ONNX file."""

    name: str = "main"
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    variants: dict[Variant, str]
    variant_outputs: dict[Variant, dict[str, Tensor]] = Field(
        default={}, description="all outputs of variants that do not have ``outputs``"
    )

    def outputs_of(self, variant: Variant) -> dict[str, Tensor]:
        """The outputs of one variant's graph."""
        return self.variant_outputs.get(variant, self.outputs)

    @field_validator("variants")
    @classmethod
    def _has_reference(cls, value: dict[Variant, str]) -> dict[Variant, str]:
        if "fp32" not in value:
            raise ValueError("the fp32 variant is the reference and must be there")
        return value


class InstanceSteps(StrictModel):
    """What the host does between the graphs of an instance bundle, and with their detections."""

    levels: tuple[int, ...] = Field(min_length=1, description="proposals of ``main`` that each level gives")
    proposal_nms: float = Field(gt=0, le=1, description="IoU above which the weaker proposal of a level goes")
    score: float = Field(ge=0, le=1, description="detections must be above it")
    nms: float = Field(gt=0, le=1, description="IoU above which the weaker detection of a class goes")
    detections: int = Field(ge=1, description="of a picture, at most")
    sure: float = Field(default=0.5, ge=0, le=1, description="score from which the class mask shows them")
    scale: float = Field(default=1.0, gt=0, description="pixels of the graphs' boxes a pixel of the picture")


class Verdict(StrictModel):
    """What export decided about one variant."""

    accepted: bool
    reason: str
    metrics: dict[str, float] = {}


class Licences(StrictModel):
    """Under which terms weights and training data may be used."""

    weights: str
    data: str


class BundleProvenance(StrictModel):
    """The commands that made the weights and the bundle, in order."""

    commands: tuple[str, ...] = ()
    tool_version: str | None = None
    checkpoint_sha256: str | None = None
    training: dict[str, str | int | float] = {}


class BundleSpec(StrictModel):
    """The whole of bundle.yaml."""

    version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    release: int = Field(ge=1)
    task: Task
    model: str = Field(description="architecture, for people")
    classes: tuple[ClassEntry, ...] = Field(min_length=2, max_length=255)
    parts: tuple[Part, ...] = Field(min_length=1)
    host_steps: tuple[str, ...] = ()
    instances: InstanceSteps | None = Field(default=None, description="of the task ``instance``, no other")
    preprocessing: Preprocessing = Preprocessing()
    accuracy: dict[str, dict[Modalities, float]] = Field(
        default={}, description="scene or data set -> ``metric`` with both, RGB only, thermal only"
    )
    metric: Metric = Field(
        default="mIoU", description="what ``accuracy`` and ``min_accuracy`` are measured in"
    )
    threshold: int | None = Field(
        default=None, ge=1, le=255, description="binary: class 1 where the probability (of 255) reaches it"
    )
    min_accuracy: float = Field(default=0.0, ge=0, le=1, description="below it the pipeline gives no mask")
    verdicts: dict[Variant, Verdict] = {}
    files: dict[str, str] = Field(description="path inside the bundle -> sha256, every file but bundle.yaml")
    licences: Licences
    provenance: BundleProvenance = BundleProvenance()

    @model_validator(mode="after")
    def _binary_has_a_threshold(self) -> BundleSpec:
        if (self.task == "binary") != (self.threshold is not None):
            raise ValueError("a threshold belongs to every binary bundle and to no other")
        return self

    @field_validator("files")
    @classmethod
    def _safe_paths(cls, value: dict[str, str]) -> dict[str, str]:
        for path, digest in value.items():
            if path.startswith("/") or ".." in path.split("/") or "\\" in path:
                raise ValueError(f"the path '{path}' leaves the bundle")
            if not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError(f"'{path}' has no sha256")
        return value

    @model_validator(mode="after")
    def _graphs_are_listed(self) -> BundleSpec:
        for part in self.parts:
            for path in part.variants.values():
                if path not in self.files:
                    raise ValueError(f"the graph '{path}' is not among the files")
        return self
