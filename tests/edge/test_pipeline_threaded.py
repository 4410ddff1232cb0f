"""The threads round the chain: the same answers as the chain, and every frame accounted for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rigsight
from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Camera, OutputGrid, Rig
from rigsight.edge import codes
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.frames import Frame, Prediction
from rigsight.edge.pairing import Pairer, frame_sets
from rigsight.edge.pipeline.build import build_chain
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.pipeline.summary import RunSummary
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Pairing, Queues
from rigsight.edge.sources.files import FileSource

TINY = Path(__file__).parent / "data" / "tiny_bundle"
MS = 1_000_000
WIDTH, HEIGHT = 80, 60


class Generated(FileSource):
    """Frames made on the spot: a bright square that moves, thermal counts; some lost, some repeated."""

    aligned = True

    def __init__(
        self,
        count: int,
        live: bool = False,
        period_ms: float = 10.0,
        lost: Callable[[str, int], bool] = lambda camera, i: False,
        frozen: Callable[[str, int], bool] = lambda camera, i: False,
    ) -> None:
        super().__init__(("rgb", "thermal"), live)
        self.count, self.period_ms, self.lost, self.frozen = count, period_ms, lost, frozen
        self.made = dict.fromkeys(self.cameras, 0)

    def frames(self) -> Iterator[Frame]:
        for i in range(self.count or 0):
            for camera in self.cameras:
                if self.lost(camera, i):
                    continue
                shown = i - 1 if self.frozen(camera, i) else i
                frame = self.maker.make(camera, picture(camera, shown), round(i * self.period_ms * MS), i)
                if frame is not None:
                    self.made[camera] += 1
                    yield frame

    def name(self, sequence: int) -> str | None:
        return f"n{sequence}"


def picture(camera: str, i: int) -> np.ndarray:
    chance = np.random.default_rng((i, len(camera)))
    if camera == "rgb":
        return chance.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return chance.integers(0, 2**14, (HEIGHT, WIDTH), np.uint16)


class Kept:
    """A sink that copies what it is given; ``fail_at`` and ``slow_s`` make it a bad one."""

    def __init__(self, fail_at: int | None = None, slow_s: float = 0.0) -> None:
        self.fail_at, self.slow_s = fail_at, slow_s
        self.names: list[str | None] = []
        self.masks: list[np.ndarray] = []
        self.ages: list[int] = []
        self.flags: list[Any] = []
        self.closed = 0

    def write(self, prediction: Prediction) -> None:
        if len(self.names) == self.fail_at:
            raise OSError(28, "No space left on device")
        time.sleep(self.slow_s)
        self.names.append(prediction.aligned.source.name)
        self.masks.append(prediction.mask.copy())
        self.ages.append(prediction.stage_ns["age"])
        self.flags.append({role: frame.flags for role, frame in prediction.aligned.source.frames.items()})

    def close(self) -> None:
        self.closed += 1


class SlowEngine:
    """The tiny bundle's tensors, a set time a run and, when asked, a failure."""

    def __init__(self, seconds: float = 0.0, fail_at: int | None = None) -> None:
        part = open_bundle(TINY).part()
        self.inputs, self.outputs = part.inputs, part.outputs
        self.seconds, self.fail_at, self.runs = seconds, fail_at, 0
        self.busy = threading.Lock()
        self._arrays = {name: np.zeros(t.shape, t.dtype) for name, t in part.outputs.items()}

    def infer(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self.busy.acquire(blocking=False), "an engine belongs to one thread"
        time.sleep(self.seconds)
        self.busy.release()
        if self.runs == self.fail_at:
            raise codes.FEED_MISMATCH("the test asked for it")
        self.runs += 1
        return self._arrays

    def close(self) -> None:
        pass


def chain(engine: SlowEngine | None = None) -> Chain:
    made = build_chain(open_bundle(TINY), threads=1)
    if engine is not None:
        made.predictor.engine = engine
    return made


def pipeline(
    source: Generated, *sinks: Any, engine: SlowEngine | None = None, **options: Any
) -> ThreadedPipeline:
    pairing = Pairing(max_skew_ms=2, wait_ms=25)
    return ThreadedPipeline(source, Pairer(source, pairing), chain(engine), sinks, **options)


def assert_accounts(summary: RunSummary, source: Generated) -> None:
    """Frames: made = read = in sets + dropped in pairing. Sets: made = delivered + dropped."""
    assert dict(summary.frames) == {camera: n for camera, n in source.made.items() if n}
    by_stage: dict[str, int] = {}
    for reason, count in summary.dropped.items():
        stage = reason.split(":")[0]
        by_stage[stage] = by_stage.get(stage, 0) + count
    lost_sets = sum(n for stage, n in by_stage.items() if stage.endswith("queue"))
    assert summary.sets == summary.pairs + lost_sets
    assert_all_buffers_came_back(source)


def assert_all_buffers_came_back(source: Generated) -> None:
    for pool in source.maker.pools.values():
        assert pool.free == pool.capacity


def test_threads_give_what_the_chain_gives() -> None:
    source, sink = Generated(30), Kept()
    summary = pipeline(source, sink).run()
    plain, again = Generated(30), chain()
    expected = []
    for frames in frame_sets(plain, Pairer(plain)):
        expected.append(again(frames).mask)
        frames.release()
    assert sink.names == [f"n{i}" for i in range(30)]
    assert all((a == b).all() for a, b in zip(sink.masks, expected, strict=True))
    assert summary.pairs == summary.sets == 30
    assert not summary.dropped
    assert not summary.interrupted
    assert sink.closed == 1
    assert_accounts(summary, source)
    assert set(summary.latency_ms) == {
        "read", "preprocess", "host", "engine", "mask", "age", "waiting", "sinks",
    }  # fmt: skip
    for row in summary.latency_ms.values():
        assert 0 <= row["p50"] <= row["p95"] <= row["p99"]


def test_losses_are_told_apart_and_frozen_frames_flagged() -> None:
    source = Generated(
        60,
        lost=lambda camera, i: (camera, i) in {("thermal", 20), ("rgb", 30)},
        frozen=lambda camera, i: camera == "thermal" and i in (40, 50),
    )
    sink = Kept()
    summary = pipeline(source, sink).run()
    assert summary.frames == {"rgb": 59, "thermal": 59}
    assert summary.missing == {"thermal: no partner in time": 1}
    assert summary.dropped == {"pairing: thermal: no partner in time": 1}
    assert summary.flags == {"thermal: frozen": 2}
    assert summary.degraded == {"thermal missing, mIoU 0.60": 1}
    assert sink.names == [f"n{i}" for i in range(60) if i != 30]
    flagged = [name for name, flags in zip(sink.names, sink.flags, strict=True) if flags.get("thermal")]
    assert flagged == ["n40", "n50"]
    assert_accounts(summary, source)


def test_a_camera_that_dies_does_not_stop_the_run_and_comes_back() -> None:
    source, sink = Generated(60, lost=lambda camera, i: camera == "thermal" and 20 <= i < 40), Kept()
    summary = pipeline(source, sink).run()
    assert summary.pairs == 60
    assert sum(summary.missing.values()) in (20, 21)
    assert summary.degraded == {"thermal missing, mIoU 0.60": sum(summary.missing.values())}
    assert all((mask != 255).any() for mask in sink.masks[20:40]), "RGB alone is good enough for this bundle"


def test_rgb_dies_and_the_bundle_is_too_weak_without_it() -> None:
    source, sink = Generated(40, lost=lambda camera, i: camera == "rgb" and 10 <= i < 30), Kept()
    summary = pipeline(source, sink).run()
    (said,) = summary.degraded
    assert "no mask" in said
    assert summary.degraded[said] >= 15
    assert sum((mask == 255).all() for mask in sink.masks) == summary.degraded[said]


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_live_pace_drops_by_policy_and_keeps_what_it_shows_fresh(policy: str) -> None:
    engine = SlowEngine(0.03)
    source, sink = Generated(80, live=True, period_ms=5), Kept()
    queues = Queues(depth=2, policy=policy)  # type: ignore[arg-type]
    summary = pipeline(source, sink, engine=engine, queues=queues).run()
    assert summary.pairs < 40
    assert list(summary.dropped) == [f"capture queue: full, {policy[5:]} dropped"]
    assert sink.names == sorted(sink.names, key=lambda name: int(str(name)[1:]))
    assert_accounts(summary, source)


def test_live_pace_with_blocking_queues_drops_what_is_stale() -> None:
    source, sink = Generated(60, live=True, period_ms=2), Kept()
    queues = Queues(depth=8, policy="block", stale_after_ms=40)
    summary = pipeline(source, sink, engine=SlowEngine(0.02), queues=queues).run()
    assert list(summary.dropped) == ["capture queue: older than 40 ms"]
    assert_accounts(summary, source)


def test_a_replay_slower_than_its_clock_is_a_slow_camera_not_a_stale_one() -> None:
    def slow(camera: str, i: int) -> bool:
        time.sleep(0.02 if camera == "rgb" else 0.0)
        return False

    source, sink = Generated(20, live=True, period_ms=1, lost=slow), Kept()
    summary = pipeline(source, sink, queues=Queues(stale_after_ms=100)).run()
    assert summary.pairs == 20
    assert not summary.dropped


def test_a_slow_sink_in_live_pace_costs_its_own_frames_only() -> None:
    engine = SlowEngine()
    source, sink = Generated(60, live=True, period_ms=5), Kept(slow_s=0.04)
    summary = pipeline(source, sink, engine=engine, queues=Queues(depth=2)).run()
    assert engine.runs > 2 * summary.pairs
    assert "sinks queue: full, oldest dropped" in summary.dropped
    assert_accounts(summary, source)


def test_a_slow_engine_in_step_pace_loses_nothing() -> None:
    source, sink = Generated(25), Kept()
    summary = pipeline(source, sink, engine=SlowEngine(0.01)).run()
    assert summary.pairs == 25
    assert not summary.dropped


def test_stages_overlap() -> None:
    """From the third run on, engine and sink wait for each other: in turn they would never meet."""
    meeting = threading.Barrier(2, timeout=20)

    class MeetingEngine(SlowEngine):
        def infer(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            if 2 <= self.runs < 10:
                meeting.wait()
            return super().infer(feeds)

    class MeetingSink(Kept):
        def write(self, prediction: Prediction) -> None:
            if len(self.names) < 8:
                meeting.wait()
            super().write(prediction)

    sink = MeetingSink()
    assert pipeline(Generated(10), sink, engine=MeetingEngine()).run().pairs == 10


def test_the_limit_is_exact() -> None:
    source, sink = Generated(50), Kept()
    summary = pipeline(source, sink, limit=7).run()
    assert sink.names == [f"n{i}" for i in range(7)]
    assert (summary.pairs, summary.sets) == (7, 7)
    assert_all_buffers_came_back(source)


@pytest.mark.parametrize("where", ["engine", "sink", "source"])
def test_an_error_anywhere_stops_everything_and_closes_the_sinks(where: str) -> None:
    def breaks(camera: str, i: int) -> bool:
        if where == "source" and i == 5:
            raise codes.PICTURE_UNREADABLE("the test asked for it")
        return False

    before = threading.active_count()
    good, bad = Kept(), Kept(fail_at=5 if where == "sink" else None)
    engine = SlowEngine(fail_at=5 if where == "engine" else None)
    expected: type[Exception] = OSError if where == "sink" else RigsightError
    with pytest.raises(expected, match="asked for it|No space"):
        pipeline(Generated(10**6, lost=breaks), good, bad, engine=engine).run()
    assert (good.closed, bad.closed) == (1, 1)
    assert good.names[:5] == [f"n{i}" for i in range(5)][: len(good.names)]
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before, "no thread is left"


def test_stop_from_another_thread_accounts_for_everything() -> None:
    source, sink = Generated(10**6), Kept()
    running = pipeline(source, sink, engine=SlowEngine(0.002))
    threading.Timer(0.3, running.stop).start()
    summary = running.run()
    assert 0 < summary.pairs < 10**5
    assert sink.closed == 1
    assert sink.names == [f"n{i}" for i in range(summary.pairs)]
    assert_accounts(summary, source)


def test_progress_is_told() -> None:
    heard: list[int] = []
    pipeline(Generated(20), engine=SlowEngine(0.02), progress=heard.append).run()
    assert heard == sorted(heard)
    assert heard[-1] == 20


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to read memory from")
@pytest.mark.slow
def test_memory_is_flat_over_20000_sets() -> None:
    """Pictures of three sizes in turn, real engine: after warming up the process does not grow."""
    readings: dict[int, float] = {}

    class Watch:
        def __init__(self) -> None:
            self.count = 0

        def write(self, prediction: Prediction) -> None:
            self.count += 1
            if self.count in (2_000, 20_000):
                readings[self.count] = resident_mib()

        def close(self) -> None:
            pass

    class Cached(Generated):
        """The same few pictures again and again, copied into pooled buffers."""

        def frames(self) -> Iterator[Frame]:
            pictures = [{camera: picture(camera, i) for camera in self.cameras} for i in range(4)]
            for i in range(self.count or 0):
                for camera in self.cameras:
                    frame = self.maker.make(camera, pictures[i % 4][camera], i * 100 * MS, i)
                    assert frame is not None
                    yield frame

    summary = pipeline(Cached(20_000), Watch()).run()
    assert summary.pairs == 20_000
    assert readings[20_000] - readings[2_000] < 4.0


def test_open_pipeline_in_five_lines(tmp_path: Path) -> None:
    rgb, thermal = picture("rgb", 0), picture("thermal", 0)
    K = ((70.0, 0.0, 39.5), (0.0, 70.0, 29.5), (0.0, 0.0, 1.0))
    identity = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    cameras = {
        role: Camera(model="pinhole-radtan", width=WIDTH, height=HEIGHT, K=K, spectrum=role)  # type: ignore[arg-type]
        for role in ("rgb", "thermal")
    }
    output = OutputGrid(camera="rgb", width=WIDTH, height=HEIGHT, K=K)
    path = tmp_path / "rig.yaml"
    Rig(cameras=cameras, reference="rgb", transforms={"thermal": identity}, output=output).save(path)
    with rigsight.open_pipeline(TINY, path) as pipe, rigsight.open_pipeline(TINY) as plain:
        prediction = pipe(rgb, thermal)
        assert prediction.mask.shape == (HEIGHT, WIDTH)
        assert (prediction.mask == plain(rgb, thermal).mask).all(), "this rig's geometry is the identity"
        assert pipe(rgb, None).degraded == "thermal missing, mIoU 0.60"
        with pytest.raises(ValueError, match="rgb must be"):
            pipe(thermal, rgb)
        with pytest.raises(RigsightError, match="CAL-005"):
            pipe(rgb[:30], thermal)
        with pytest.raises(RigsightError, match="SRC-101"):
            pipe(rgb, (thermal >> 6).astype(np.uint8))
