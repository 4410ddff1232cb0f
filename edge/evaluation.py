"""A bundle's score on the simulated rig: the deployed preprocessing, engine and mask against the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import Modalities
from rigsight.edge.demo.judge import Counter, TruthOnGrid, without
from rigsight.edge.demo.results import Scores
from rigsight.edge.engines.base import Engine
from rigsight.edge.frames import Aligned, Frame, FrameSet, PixelFormat
from rigsight.edge.predictor import Predictor
from rigsight.edge.preprocess import RGB, THERMAL, Preprocessor
from rigsight.edge.simulation.rig import SimulatedRig, SimulatedSet
from rigsight.edge.simulation.splits import Scene, Split

MODALITIES: tuple[Modalities, ...] = get_args(Modalities)
_LEFT_OUT: dict[Modalities, str | None] = {"both": None, "rgb_only": THERMAL, "thermal_only": RGB}


def evaluate_bundle(
    bundle: Bundle,
    engine: Engine,
    scene: Scene,
    seeds: Sequence[int],
    indices: Sequence[int],
    split: Split = "test",
    modalities: Sequence[Modalities] = MODALITIES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Modalities, Scores]:
    """mIoU over the scene's classes with both pictures and with one of them left out.

    Every seed is another rig, whose true geometry aligns; ``indices`` are its time steps of 0.1 s. Masks
    count whatever the bundle's ``min_accuracy`` says. ``progress`` is told (done, total) sets.

    Raises:
        RigsightError: DEM-002 when the bundle lacks a class of the scene.
    """
    lenient = replace(bundle, spec=bundle.spec.model_copy(update={"min_accuracy": 0.0}))
    predictor = Predictor(lenient, engine)
    counters: dict[Modalities, Counter] = {}
    total, done = len(seeds) * len(indices), 0
    for seed in seeds:
        simulated = SimulatedRig(scene, seed, split, *bundle.size)
        preprocessor = Preprocessor(bundle.spec.preprocessing, bundle.size, simulated.rig)
        on_grid: TruthOnGrid | None = None
        for index in indices:
            made = simulated.render(index)
            # Time steps may lie far apart: what the AGC saw before says nothing about this one.
            preprocessor.agc.reset()
            aligned = preprocessor(_frame_set(made, index))
            on_grid = on_grid or TruthOnGrid(simulated.rig, aligned, bundle.spec.classes, scene)
            truth = on_grid(made.truth.labels, aligned.valid)
            for choice in modalities:
                counter = counters.setdefault(choice, Counter(bundle.spec.classes, on_grid.ids))
                counter.add(truth, predictor(_seen(aligned, choice)).mask)
            done += 1
            progress(done, total)
    return {choice: counter.scores() for choice, counter in counters.items()}


def _seen(aligned: Aligned, choice: Modalities) -> Aligned:
    left_out = _LEFT_OUT[choice]
    return aligned if left_out is None else without(aligned, left_out)


def _frame_set(made: SimulatedSet, index: int) -> FrameSet:
    stamp = made.truth.captured_ns
    frames = {
        RGB: Frame(RGB, made.rgb, stamp, index, PixelFormat.RGB8),
        THERMAL: Frame(THERMAL, made.thermal, stamp, index, PixelFormat.MONO16),
    }
    return FrameSet(index, stamp, frames)
