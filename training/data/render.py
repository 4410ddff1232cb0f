"""Renders sets of the simulated rig through the device's own preprocessing. No torch: workers import this."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.rig import Rig, as_matrix4
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.frames import UNLABELLED, Frame, FrameSet, Image, PixelFormat, UInt8
from rigsight.edge.preprocess import Preprocessor, fitted_grid


@dataclass(frozen=True)
class RenderJob:
    """One seed of one scene: which time steps, and how to bring them onto the network's grid."""

    scene: Literal["street", "facade", "pipe"]
    split: Literal["train", "val", "test"]
    seed: int
    indices: tuple[int, ...]
    width: int
    height: int
    preprocessing: Preprocessing
    rotation_noise_deg: float


@dataclass(frozen=True)
class RenderedSets:
    """Aligned pictures of one job.

    ``rgb`` uint8 [N,H,W,3]; ``counts`` uint16 [N,H,W], thermal before the AGC; ``bounds`` float32 [N,2], the
    counts that the AGC maps to 0 and 255; ``labels`` uint8 [N,H,W], 255 outside the validity mask.
    """

    rgb: UInt8
    counts: Image
    bounds: Image
    labels: UInt8


def render(job: RenderJob) -> RenderedSets:
    """Render, align and label every set of a job."""
    from rigsight.edge.simulation.rig import SimulatedRig

    simulated = SimulatedRig(job.scene, job.seed, job.split, job.width, job.height)
    noise = np.random.default_rng([job.seed, len(job.split)])
    rig = perturbed(simulated.rig, noise, job.rotation_noise_deg)
    size = (job.width, job.height)
    preprocessor = Preprocessor(job.preprocessing, size, rig)
    label_map = Aligner(
        rig, "rgb", grid=fitted_grid(rig.output, size, job.preprocessing.geometry.kind == "letterbox")
    )
    rgb, counts, bounds, labels = [], [], [], []
    for index in job.indices:
        rendered = simulated.render(index)
        preprocessor.agc.reset()
        aligned = preprocessor(frame_set(rendered.rgb, rendered.thermal, index))
        assert aligned.warp_counts is not None
        label = label_map.nearest(rendered.truth.labels)
        label[aligned.valid == 0] = UNLABELLED
        rgb.append(aligned.rgb)
        counts.append(aligned.warp_counts())
        bounds.append(aligned.agc_bounds or (0.0, 255.0))
        labels.append(label)
    return RenderedSets(np.stack(rgb), np.stack(counts), np.array(bounds, np.float32), np.stack(labels))


def frame_set(rgb: UInt8, thermal: Image, index: int) -> FrameSet:
    """Two pictures of one instant as a FrameSet."""
    thermal_format = PixelFormat.MONO16 if thermal.dtype == np.uint16 else PixelFormat.MONO8
    frames = {
        "rgb": Frame("rgb", rgb, 0, index, PixelFormat.RGB8),
        "thermal": Frame("thermal", thermal, 0, index, thermal_format),
    }
    return FrameSet(index, 0, frames)


def perturbed(rig: Rig, noise: np.random.Generator, rotation_deg: float) -> Rig:
    """The rig as a calibration would find it: every camera's pose off by a small random rotation."""
    transforms = {}
    for camera in sorted(rig.transforms):
        pose = rig.pose(camera)
        turn, _ = cv2.Rodrigues(noise.normal(0, np.deg2rad(rotation_deg), 3))
        pose[:3, :3] = np.asarray(turn, dtype=np.float64) @ pose[:3, :3]
        transforms[camera] = as_matrix4(pose)
    return rig.model_copy(update={"transforms": transforms})


def start_worker() -> None:
    """A rendering process is one thread, and polite."""
    os.nice(5)
    cv2.setNumThreads(1)
