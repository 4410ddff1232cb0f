"""Live cameras in the loop: rate, latency and start beside the bare engine and a naive loop."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, perf_counter_ns

import numpy as np

from rigsight.edge.benchmarks.naive import NaiveChain
from rigsight.edge.benchmarks.scene import bench_rig, bench_sets
from rigsight.edge.benchmarks.throughput import resident_mib
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.cameras.card import number_of
from rigsight.edge.capture.camera import Camera
from rigsight.edge.frames import Prediction
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.build import build_chain, share_cores
from rigsight.edge.pipeline.chain import Chain
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Pairing, Queues
from rigsight.edge.sources.cameras import FIRST_FRAME_S, CameraSource

LOAD = 0.7
SOAK_SIZE = "160x120"
WARM_UP_S = 3.0


@dataclass(frozen=True)
class Latency:
    """Percentiles in ms, and the rate of what was measured."""

    p50: float
    p99: float
    rate_hz: float

    @property
    def spread(self) -> float:
        """p99 over p50."""
        return self.p99 / self.p50


@dataclass(frozen=True)
class LiveReport:
    """``engine`` runs alone on resident inputs; ``full`` is the pipeline with cameras faster than it,
    ``eased`` at 70 % of the engine's rate, ``naive`` the single-threaded loop at the same load;
    ``first_mask_s`` from the start of ``rigsight run`` to the end of the run after one mask."""

    engine: Latency
    full: Latency
    eased: Latency
    naive: Latency
    first_mask_s: float

    @property
    def rate_ratio(self) -> float:
        """Pipeline rate over the bare engine's."""
        return self.full.rate_hz / self.engine.rate_hz

    @property
    def spread_ratio(self) -> float:
        """p99 / p50 of capture to mask over that of the bare engine, at 70 % load."""
        return self.eased.spread / self.engine.spread


def measure_live(
    bundle: Bundle, seconds: float, threads: int | None = None, step: Callable[[str], None] = lambda _: None
) -> LiveReport:
    """Measure everything for ``seconds`` each. Cameras are test cards of the size of the bench's rig."""
    share_cores(threads)
    chain = build_chain(bundle, bench_rig(), threads=threads)
    step("the engine alone")
    engine = _engine(chain, seconds)
    step("the pipeline with fast cameras")
    full = _pipeline(bundle, 2.0 * engine.rate_hz, seconds, threads)
    step(f"the pipeline at {LOAD:.0%} load")
    eased = _pipeline(bundle, LOAD * engine.rate_hz, seconds, threads)
    step(f"a naive loop at {LOAD:.0%} load")
    naive = _naive(chain, LOAD * engine.rate_hz, seconds)
    chain.close()
    step("the first mask")
    return LiveReport(engine, full, eased, naive, _first_mask_s(bundle.path))


@dataclass(frozen=True)
class Soak:
    """``frames`` through a capture process: resident MiB of this process early, at the end, and the most in
    between; ``torn`` frames, those dropped, and how many came a second."""

    frames: int
    start_mib: float
    end_mib: float
    peak_mib: float
    torn: int
    dropped: int
    rate_hz: float


def soak(frames: int, step: Callable[[int], None] = lambda done: None) -> Soak:
    """Pass so many frames through shared memory and leases, as fast as they go; each is checked."""
    torn = 0
    start = peak = 0.0
    begun = time.monotonic()
    with Camera(f"card:{SOAK_SIZE}?fps=1000", "thermal") as camera:
        for number in range(frames):
            frame = camera.next_frame(FIRST_FRAME_S)
            torn += number_of(frame.data) is None
            frame.release()
            if number == min(2000, frames // 10):
                start = peak = resident_mib()
            if number % 1000 == 0:
                peak = max(peak, resident_mib()) if start else peak
                step(number)
        seconds = time.monotonic() - begun
        dropped = sum(camera.dropped.values())
    return Soak(frames, start, resident_mib(), max(peak, resident_mib()), torn, dropped, frames / seconds)


def _engine(chain: Chain, seconds: float) -> Latency:
    prepared = chain.prepare(bench_sets(1)[0])
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 20:
        start = perf_counter_ns()
        chain.infer(prepared)
        times.append((perf_counter_ns() - start) / 1e6)
    return Latency(*_percentiles(times), 1e3 * len(times) / sum(times))


class _Ages:
    """Ages of masks after the warm-up, and when they were made."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.first_ns = self.last_ns = 0
        self._from_ns = monotonic_ns() + round(WARM_UP_S * 1e9)

    def write(self, prediction: Prediction) -> None:
        now = monotonic_ns()
        if now < self._from_ns:
            return
        self.first_ns = self.first_ns or now
        self.last_ns = now
        self.ages.append(prediction.stage_ns["age"] / 1e6)

    def close(self) -> None:
        pass


def _uris(fps: float) -> Mapping[str, str]:
    rig = bench_rig()
    return {
        role: f"card:{camera.width}x{camera.height}?fps={fps:.3f}" for role, camera in rig.cameras.items()
    }


def _pipeline(bundle: Bundle, fps: float, seconds: float, threads: int | None) -> Latency:
    source, ages = CameraSource(_uris(fps)), _Ages()
    pairing = Pairing(max_skew_ms=600 / fps, wait_ms=1500 / fps)
    chain = build_chain(bundle, bench_rig(), threads=threads)
    pipeline = ThreadedPipeline(source, Pairer(source, pairing), chain, [ages], Queues(depth=1))
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    time.sleep(WARM_UP_S + seconds)
    pipeline.stop()
    thread.join()
    chain.close()
    span_s = (ages.last_ns - ages.first_ns) / 1e9
    return Latency(*_percentiles(ages.ages), (len(ages.ages) - 1) / span_s)


def _naive(chain: Chain, fps: float, seconds: float) -> Latency:
    """What people write first: read one camera, then the other, align, normalise, infer, argmax, in a row.

    Like OpenCV's capture it gets the oldest of the few frames that the driver keeps.
    """
    rig = bench_rig()
    naive, feeds = NaiveChain(rig), chain.prepare(bench_sets(1)[0]).feeds
    ages: list[float] = []
    stamps: list[int] = []
    uris = _uris(fps)
    with Camera(uris["rgb"], "rgb") as rgb_camera, Camera(uris["thermal"], "thermal") as thermal_camera:
        begun = time.monotonic()
        while time.monotonic() - begun < WARM_UP_S + seconds:
            rgb, thermal = rgb_camera.next_frame(FIRST_FRAME_S), thermal_camera.next_frame(FIRST_FRAME_S)
            naive.rgb_input(rgb.data)
            naive.thermal_input(thermal.data)
            outputs = chain.predictor.engine.infer(feeds)  # its own inputs are of another kind
            if "logits" in outputs:
                naive.mask(outputs["logits"])
            now = monotonic_ns()
            if time.monotonic() - begun > WARM_UP_S:
                ages.append((now - rgb.captured_ns) / 1e6)
                stamps.append(now)
            rgb.release()
            thermal.release()
    return Latency(*_percentiles(ages), (len(stamps) - 1) * 1e9 / (stamps[-1] - stamps[0]))


def _first_mask_s(bundle: Path) -> float:
    """Wall time of a whole ``rigsight run`` of one set: imports, engine, cameras, the mask, and the end."""
    with tempfile.TemporaryDirectory() as folder:
        rig = Path(folder) / "rig.yaml"
        bench_rig().save(rig)
        cameras = [word for role, uri in _uris(30.0).items() for word in (f"--{role}", uri)]
        command = [sys.executable, "-m", "rigsight", "run", "--bundle", str(bundle), "--rig", str(rig)]
        start = time.monotonic()
        subprocess.run([*command, *cameras, "--limit", "1"], check=True, capture_output=True)
        return time.monotonic() - start


def _percentiles(times: list[float]) -> tuple[float, float]:
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))
