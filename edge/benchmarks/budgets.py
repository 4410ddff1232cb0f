"""The stage rows of the budget table, each beside the naive chain, on one core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.edge.benchmarks.interleave import medians_ms
from rigsight.edge.benchmarks.naive import NaiveChain
from rigsight.edge.benchmarks.scene import OUTPUT_SIZE, bench_rig, bench_sets
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.frames import Float32, FrameSet, UInt8
from rigsight.edge.freeze import FreezeDetector
from rigsight.edge.pool import read_only
from rigsight.edge.postprocess import class_mask
from rigsight.edge.preprocess import Preprocessor

CLASSES = 9
Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One line of the table; ``ratio`` is naive over ours, None stands where there is no such limit."""

    name: str
    ms: float
    naive_ms: float
    budget_ms: float | None
    budget_ratio: float | None

    @property
    def ratio(self) -> float:
        """How many times faster than the naive way."""
        return self.naive_ms / self.ms

    @property
    def met(self) -> bool:
        """Within both budgets."""
        in_time = self.budget_ms is None or self.ms <= self.budget_ms
        return in_time and (self.budget_ratio is None or self.ratio >= self.budget_ratio)


class _Landing:
    """Two frame sets' worth of buffers into which the prepared sets are written in turn.

    A driver writes a frame just before it is used, so its pixels are about as near the processor as these.
    """

    def __init__(self, sets: list[FrameSet]) -> None:
        self._sets, self._turn = sets, 0
        self._buffers = [{role: f.data.copy() for role, f in sets[0].frames.items()} for _ in range(2)]
        self.grey: UInt8 = np.zeros(sets[0].frames["thermal"].data.shape, np.uint8)
        self.now = sets[0]

    def arrive(self) -> None:
        """Write the next set; ``now`` is that set, ``grey`` its thermal picture in 8 bits."""
        self._turn += 1
        source, buffers = self._sets[self._turn % len(self._sets)], self._buffers[self._turn % 2]
        frames = {}
        for role, frame in source.frames.items():
            np.copyto(buffers[role], frame.data)
            frames[role] = replace(frame, data=read_only(buffers[role]))
        np.right_shift(buffers["thermal"], 6, out=self.grey, casting="unsafe")
        self.now = FrameSet(source.index, source.captured_ns, frames)


def stage_rows(rounds: int) -> list[Row]:
    """Measure every stage row, on one thread."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return _stage_rows(rounds)
    finally:
        cv2.setNumThreads(threads)


def _stage_rows(rounds: int) -> list[Row]:
    rig, sets = bench_rig(), bench_sets(4)
    preprocess = Preprocessor(Preprocessing(), OUTPUT_SIZE, rig)
    naive = NaiveChain(rig)
    aligner = Aligner(rig, "thermal")
    landing = _Landing(sets)
    freeze = FreezeDetector()
    logits = {count: _logits(count) for count in (2, CLASSES)}
    engine_mask = class_mask(logits[CLASSES])

    def thermal_alone() -> FrameSet:
        return replace(landing.now, frames={"thermal": landing.now.frames["thermal"]})

    def ours(finish: Callable[[UInt8], object]) -> Call:
        def chain() -> object:
            frames = landing.now
            for frame in frames.frames.values():
                freeze(frame)
            aligned = preprocess(frames)
            return finish(cv2.bitwise_not(aligned.valid))  # type: ignore[arg-type]

        return chain

    def theirs(finish: Call) -> Call:
        def chain() -> object:
            frames = landing.now.frames
            return naive.rgb_input(frames["rgb"].data), naive.thermal_input(frames["thermal"].data), finish()

        return chain

    def logits_mask(count: int) -> Callable[[UInt8], object]:
        return lambda outside: cv2.bitwise_or(class_mask(logits[count]), outside)

    thermal_only = Preprocessor(Preprocessing(), OUTPUT_SIZE, rig)
    rivals: Mapping[str, tuple[Call, Call, float | None, float | None]] = {
        "undistort + align thermal, one fused map": (
            lambda: aligner(landing.grey),
            lambda: naive.align("thermal", landing.grey),
            1.0 if _opencv_5() else None,
            3.0 if _opencv_5() else 2.5,
        ),
        "Y16 -> AGC -> aligned network input": (
            lambda: thermal_only(thermal_alone()),
            lambda: naive.thermal_input(landing.now.frames["thermal"].data),
            1.4,
            5.0,
        ),
        f"class mask from logits, {CLASSES} classes": (
            lambda: class_mask(logits[CLASSES]),
            lambda: naive.mask(logits[CLASSES]),
            2.0,
            5.0,
        ),
        "all but the network, engine gives the mask": (
            ours(lambda outside: cv2.bitwise_or(engine_mask, outside)),
            theirs(lambda: naive.mask(logits[CLASSES])),
            3.0,
            8.0,
        ),
        "all but the network, 2-class logits": (
            ours(logits_mask(2)),
            theirs(lambda: naive.mask(logits[2])),
            3.0,
            8.0,
        ),
        f"all but the network, {CLASSES}-class logits": (
            ours(logits_mask(CLASSES)),
            theirs(lambda: naive.mask(logits[CLASSES])),
            5.0,
            8.0,
        ),
    }
    calls = {f"ours: {name}": row[0] for name, row in rivals.items()}
    calls |= {f"naive: {name}": row[1] for name, row in rivals.items()}
    ms = medians_ms(calls, rounds, landing.arrive)
    return [
        Row(name, ms[f"ours: {name}"], ms[f"naive: {name}"], row[2], row[3]) for name, row in rivals.items()
    ]


def _opencv_5() -> bool:
    return int(cv2.__version__.split(".")[0]) >= 5


def _logits(classes: int) -> Float32:
    chance = np.random.default_rng(classes)
    coarse = chance.standard_normal((30, 40, classes)).astype(np.float32)
    planes = [cv2.resize(coarse[..., c], OUTPUT_SIZE, interpolation=cv2.INTER_LINEAR) for c in range(classes)]
    return np.stack(planes)[None].astype(np.float32)
