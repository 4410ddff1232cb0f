"""Threads, queues and clocks round the chain: capture, preprocess, infer, mask and sinks overlap."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import TypeAlias

from rigsight.edge import codes
from rigsight.edge.devices.instruments import Instruments
from rigsight.edge.engines.base import Array
from rigsight.edge.frames import Flag, Frame, FrameSet, Prediction
from rigsight.edge.freeze import FreezeDetector
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.chain import Chain, Prepared
from rigsight.edge.pipeline.heat import HeatGuard
from rigsight.edge.pipeline.queues import STOPPED, StageQueue
from rigsight.edge.pipeline.signals import StopSignals
from rigsight.edge.pipeline.summary import RunSummary
from rigsight.edge.preprocess import THERMAL
from rigsight.edge.profile import Queues
from rigsight.edge.sinks.base import Sink
from rigsight.edge.sources.base import Source
from rigsight.edge.sources.maker import SourceClosed
from rigsight.edge.tiling import Interrupted

OUTPUT_SLOTS = 2  # an engine's outputs hold until its next call but one
POLL_S = 0.1
NS_PER_S = 1e9
_MAX_ARRIVALS = 128

Progress: TypeAlias = Callable[[int], None]


@dataclass(slots=True)
class _Job:
    """One frame set on its way, and when it was born (``perf_counter_ns``)."""

    frames: FrameSet
    born_ns: int
    chain: Chain
    prepared: Prepared | None = None
    outputs: Mapping[str, Array] | None = None
    engine_ns: int = 0
    prediction: Prediction | None = None


class ThreadedPipeline:
    """Runs a source through pairing, chain and sinks, each stage in a thread of its own.

    In step pace every queue blocks and nothing is lost. In live pace the queue after capture and the one
    before the sinks follow ``queues.policy``, and sets older than ``queues.stale_after_ms`` are dropped
    before the network; every drop is counted with its stage and reason. Use a pipeline for one run.
    """

    def __init__(
        self,
        source: Source,
        pairer: Pairer,
        chain: Chain,
        sinks: Sequence[Sink] = (),
        queues: Queues | None = None,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
        instruments: Instruments | None = None,
        heat: HeatGuard | None = None,
        lighter: Chain | None = None,
    ) -> None:
        """``limit`` ends the run after so many frame sets; ``progress`` hears how many were delivered;
        ``instruments`` say what else was measured at the instant of every set. ``heat`` may ask for fewer
        sets, for the ``lighter`` chain, or for the end.
        """
        settings = queues or Queues()
        self._heat, self._lighter = heat, lighter or chain
        self._source, self._pairer, self._chain, self._sinks = source, pairer, chain, tuple(sinks)
        self._limit, self._progress, self._instruments = limit, progress, instruments
        self._live = source.live or settings.pace == "live"
        self._stale_ns = int(settings.stale_after_ms * 1e6)
        policy = settings.policy if self._live else "block"
        self._captured = StageQueue[_Job](settings.depth, policy, self._dropper("capture queue"))
        self._aligned = StageQueue[_Job](1, "block", self._dropper("engine queue"))
        self._inferred = StageQueue[_Job](1, "block", self._dropper("mask queue"))
        self._predicted = StageQueue[_Job](settings.depth, policy, self._dropper("sinks queue"))
        self._slots = threading.Semaphore(OUTPUT_SLOTS)
        # One set is prepared while another is in the engine; more would only grow old there.
        self._ahead = threading.Semaphore(1)
        self._freeze = FreezeDetector()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._first_ns = self._last_ns = 0
        self.summary = RunSummary()

    def run(self) -> RunSummary:
        """Run to the end of the source, to the limit, or to SIGINT or SIGTERM; then close the sinks.

        A signal stops the run cleanly: sets past the network are still delivered, the others are counted as
        dropped, and the summary says ``interrupted``.

        Raises:
            RigsightError: whatever a source, stage or sink raised first; the sinks are closed even then.
        """
        stages = (self._capture, self._prepare, self._infer, self._finish, self._deliver)
        threads = [
            threading.Thread(target=self._guard, args=(stage,), name=stage.__name__) for stage in stages
        ]
        start = perf_counter_ns()
        with StopSignals(self._interrupt):
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(POLL_S)
                    if self._progress is not None:
                        self._progress(self.summary.pairs)
            self._freeze.close()
            self._close_sinks()
        if self._error is not None:
            raise self._error
        self._complete(perf_counter_ns() - start)
        return self.summary

    def stop(self) -> None:
        """End the run early, from any thread."""
        self._stop.set()
        self._source.close()
        self._chain.stop()
        self._lighter.stop()
        self._captured.abort()
        self._aligned.abort()
        self._ahead.release(2)  # nobody may wait for an engine that takes no more

    # Stages, each the body of one thread.

    def _capture(self) -> None:
        try:
            arrivals: dict[tuple[str, int], int] = {}
            for frame in self._read(arrivals):
                for frames in self._pairer.push(frame):
                    self._enter(frames, arrivals)
                if self._at_limit() or self._stop.is_set():
                    break
            else:
                for frames in self._pairer.flush():
                    self._enter(frames, arrivals)
        finally:
            self._pairer.abandon("after the limit" if self._at_limit() else STOPPED)
            self._captured.close()

    def _prepare(self) -> None:
        try:
            jobs = iter(self._captured)
            while self._ahead.acquire() and (job := next(jobs, None)) is not None:
                if self._live and perf_counter_ns() - job.born_ns > self._stale_ns:
                    self._drop(job, f"capture queue: older than {self._stale_ns / 1e6:g} ms")
                    self._ahead.release()
                    continue
                if self._instruments is not None:
                    job.frames = replace(job.frames, readings=self._instruments.at(job.frames.captured_ns))
                job.prepared = job.chain.prepare(job.frames)
                self._aligned.put(job)
        finally:
            self._aligned.close()

    def _infer(self) -> None:
        try:
            for job in self._aligned:
                assert job.prepared is not None
                self._ahead.release()
                self._slots.acquire()
                start = perf_counter_ns()
                try:
                    job.outputs = job.chain.infer(job.prepared)
                except Interrupted:
                    self._slots.release()
                    self._drop(job, f"engine: {STOPPED}")
                    continue
                job.engine_ns = perf_counter_ns() - start
                self._inferred.put(job)
        finally:
            self._inferred.close()

    def _finish(self) -> None:
        try:
            for job in self._inferred:
                assert job.prepared is not None
                assert job.outputs is not None
                prediction = job.chain.finish(job.prepared, job.outputs, {"engine": job.engine_ns})
                job.outputs = None
                self._slots.release()
                age = perf_counter_ns() - job.born_ns
                stages = {**prediction.stage_ns, "age": age}
                job.prediction = replace(prediction, stage_ns=stages)
                self._predicted.put(job)
        finally:
            self._predicted.close()

    def _deliver(self) -> None:
        for job in self._predicted:
            assert job.prediction is not None
            start = perf_counter_ns()
            for sink in self._sinks:
                sink.write(job.prediction)
            self._account(job.prediction, perf_counter_ns() - start)
            job.frames.release()

    # What the stages share.

    def _read(self, arrivals: dict[tuple[str, int], int]) -> Iterator[Frame]:
        """Frames of the source on their clock, each with the time at which it came."""
        frames, first_stamp, first_ns = iter(self._source.frames()), 0, 0
        while True:
            start = perf_counter_ns()
            try:
                frame = next(frames, None)
            except SourceClosed:
                return
            if frame is None:
                return
            self.summary.latencies.add({"read": perf_counter_ns() - start})
            born = frame.captured_ns if self._source.realtime else start
            if self._live and not self._source.realtime:
                if not first_ns:
                    first_stamp, first_ns = frame.captured_ns, perf_counter_ns()
                # A replay that cannot keep up is a slower camera, not one with old pictures.
                born = max(start, first_ns + frame.captured_ns - first_stamp)
                self._stop.wait(max(0.0, (born - perf_counter_ns()) / NS_PER_S))
            frame = self._shuttered(self._freeze(frame))
            self.summary.frames[frame.camera] += 1
            for flag in frame.flags:
                self.summary.flags[f"{frame.camera}: {flag.value}"] += 1
            arrivals[(frame.camera, frame.sequence)] = born
            if len(arrivals) > _MAX_ARRIVALS:
                del arrivals[next(iter(arrivals))]
            yield frame

    def _shuttered(self, frame: Frame) -> Frame:
        """With its flag where the thermal camera says that its shutter is closed."""
        closed = self._instruments is not None and self._instruments.shutter_closed(frame.captured_ns)
        if not closed or frame.camera != THERMAL:
            return frame
        return replace(frame, flags=frame.flags | {Flag.SHUTTER})

    def _enter(self, frames: FrameSet, arrivals: Mapping[tuple[str, int], int]) -> None:
        if self._at_limit():
            self._pairer.dropped.update(f"{role}: after the limit" for role in frames.frames)
            frames.release()
            return
        chain = self._chain
        if self._heat is not None:
            if self._heat.must_stop:
                raise codes.TOO_HOT(f"its hottest part is at {self._heat.state.hottest_c or 0:.0f} C")
            if self._heat.skips():
                self._pairer.dropped.update(f"{role}: the board is hot" for role in frames.frames)
                frames.release()
                return
            chain = self._lighter if self._heat.lighter else chain
        self.summary.sets += 1
        now = frames.captured_ns if self._source.realtime else perf_counter_ns()
        born = min((arrivals.get((f.camera, f.sequence), now) for f in frames.frames.values()), default=now)
        self._captured.put(_Job(frames, born, chain))

    def _at_limit(self) -> bool:
        return self._limit is not None and self.summary.sets >= self._limit

    def _account(self, prediction: Prediction, sinks_ns: int) -> None:
        summary, stages = self.summary, prediction.stage_ns
        now = perf_counter_ns()
        self._first_ns = self._first_ns or now
        self._last_ns = now
        summary.pairs += 1
        work = sum(ns for stage, ns in stages.items() if stage != "age")
        summary.latencies.add({**stages, "waiting": max(0, stages["age"] - work), "sinks": sinks_ns})
        for role, reason in prediction.aligned.source.missing.items():
            if role in self._chain.wants:
                summary.missing[f"{role}: {reason}"] += 1
        if prediction.degraded is not None:
            summary.degraded[prediction.degraded] += 1

    def _dropper(self, stage: str) -> Callable[[_Job, str], None]:
        return lambda job, reason: self._drop(job, f"{stage}: {reason}")

    def _drop(self, job: _Job, reason: str) -> None:
        with self._lock:
            self.summary.dropped[reason] += 1
        job.frames.release()

    def _guard(self, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            self.stop()
            self._inferred.abort()
            self._predicted.abort()
            self._slots.release(8)  # nobody may wait for outputs that will not be taken

    def _interrupt(self) -> None:
        self.summary.interrupted = True
        self.stop()

    def _close_sinks(self) -> None:
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:
                self._error = self._error or error

    def _complete(self, elapsed_ns: int) -> None:
        summary = self.summary
        summary.seconds = elapsed_ns / NS_PER_S
        span = self._last_ns - self._first_ns
        if summary.pairs > 1 and span > 0:
            summary.rate_hz = (summary.pairs - 1) * NS_PER_S / span
        elif summary.pairs:
            summary.rate_hz = summary.pairs / summary.seconds
        drops = Counter({f"source: {k}": n for k, n in self._source.dropped().items()})
        drops.update({f"pairing: {k}": n for k, n in self._pairer.dropped.items()})
        summary.dropped = +(drops + summary.dropped)
