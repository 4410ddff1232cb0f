"""The chain of plain callables: FrameSet -> Aligned -> Prediction, without threads, queues or cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter_ns

from rigsight.edge.distance import DistanceFollower
from rigsight.edge.engines.base import Array
from rigsight.edge.frames import Aligned, FrameSet, Prediction
from rigsight.edge.predictor import Predictor
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.tiling import TiledEngine


@dataclass(frozen=True, slots=True)
class Prepared:
    """A set on the network's grid with the arrays its graph is fed, and what that took."""

    aligned: Aligned
    feeds: Mapping[str, Array]
    stage_ns: Mapping[str, int]


class Chain:
    """Preprocessing, network and mask of one bundle.

    Calling it does everything. The three steps :meth:`prepare`, :meth:`infer` and :meth:`finish` are the same
    in pieces, for a pipeline that runs them in threads of their own; what ``infer`` returns belongs to the
    engine and holds until the next call but one.
    """

    def __init__(
        self, preprocessor: Preprocessor, predictor: Predictor, follower: DistanceFollower | None = None
    ) -> None:
        """``follower`` keeps the alignment at the distance that sets come with."""
        self.preprocessor, self.predictor, self.follower = preprocessor, predictor, follower

    @property
    def wants(self) -> tuple[str, ...]:
        """The cameras that the bundle takes; no other can be missing."""
        return self.predictor.wants

    def __call__(self, frames: FrameSet) -> Prediction:
        """Predict one set. Raises RigsightError SRC-101, CAL-005, BND-008 as its parts do."""
        prepared = self.prepare(frames)
        start = perf_counter_ns()
        outputs = self.infer(prepared)
        return self.finish(prepared, outputs, {"engine": perf_counter_ns() - start})

    def prepare(self, frames: FrameSet) -> Prepared:
        """Align one set and make what the graph is fed."""
        start = perf_counter_ns()
        if self.follower is not None:
            self.follower(frames)
        aligned = self.preprocessor(frames)
        ready = perf_counter_ns()
        feeds = self.predictor.feeds(aligned)
        return Prepared(aligned, feeds, {"preprocess": ready - start, "host": perf_counter_ns() - ready})

    def infer(self, prepared: Prepared) -> Mapping[str, Array]:
        """Run the network."""
        return self.predictor.engine.infer(prepared.feeds)

    def finish(
        self, prepared: Prepared, outputs: Mapping[str, Array], stage_ns: Mapping[str, int]
    ) -> Prediction:
        """Make the prediction of the network's outputs; ``stage_ns`` joins its stage times."""
        return self.predictor.finish(prepared.aligned, outputs, {**prepared.stage_ns, **stage_ns})

    def stop(self) -> None:
        """End a picture that takes many tiles before its time; it raises ``Interrupted`` in :meth:`infer`."""
        if isinstance(self.predictor.engine, TiledEngine):
            self.predictor.engine.stop()

    def close(self) -> None:
        """Give the engine's memory back."""
        self.predictor.engine.close()
