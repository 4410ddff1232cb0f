"""Live cameras through the whole pipeline: one dies and comes back, one freezes, and every mask says so."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.capture.camera import Patience
from rigsight.edge.frames import Prediction
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.build import build_chain
from rigsight.edge.pipeline.summary import RunSummary
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Pairing
from rigsight.edge.sources import cameras
from rigsight.edge.sources.cameras import CameraSource

TINY = Path(__file__).parent / "data" / "tiny_bundle"
FAST = Patience(opening_s=8.0, hung_s=0.6, silent_s=0.3, restart_s=0.8)
CARD = "card:80x60?fps=20"


class Said:
    """What every mask said of itself, and when it was made."""

    def __init__(self) -> None:
        self.degraded: list[str | None] = []
        self.missing: list[dict[str, str]] = []
        self.unlabelled: list[bool] = []
        self.skews: list[int] = []
        self.ages: list[int] = []

    def write(self, prediction: Prediction) -> None:
        source = prediction.aligned.source
        self.missing.append(dict(source.missing))
        self.unlabelled.append(bool((prediction.mask == 255).all()))
        self.skews += [abs(skew) for skew in source.skew_ns.values()]
        self.ages.append(prediction.stage_ns["age"])
        self.degraded.append(prediction.degraded)  # last: who waits for it sees the others

    def close(self) -> None:
        pass


class Running:
    """Two test cards through the tiny bundle, in the background."""

    def __init__(self) -> None:
        self.source = CameraSource({"rgb": CARD, "thermal": CARD}, FAST)
        self.said = Said()
        chain = build_chain(open_bundle(TINY), threads=1)
        pairer = Pairer(self.source, Pairing(max_skew_ms=25, wait_ms=60))
        self.pipeline = ThreadedPipeline(self.source, pairer, chain, [self.said])
        self.summary: RunSummary | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.summary = self.pipeline.run()

    def until(self, true: Callable[[str | None], bool], seconds: float = 10.0) -> int:
        """Wait for a mask that says so; how many there were by then."""
        seen, end = len(self.said.degraded), time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.said.degraded) > seen:
                seen += 1
                if true(self.said.degraded[seen - 1]):
                    return seen
            time.sleep(0.005)
        raise AssertionError(f"no such mask; the last said {self.said.degraded[-3:]}")

    def stop(self) -> RunSummary:
        self.pipeline.stop()
        self._thread.join()
        assert self.summary is not None
        return self.summary


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    try:
        made.until(lambda degraded: degraded is None)
        yield made
    finally:
        made.stop()


def test_two_cameras_are_paired_by_time_and_masks_are_young(running: Running) -> None:
    for _ in range(20):
        running.until(lambda degraded: degraded is None)
    assert max(running.said.skews[-20:]) <= 25e6, "half the period of 50 ms"
    assert sorted(running.said.ages[-20:])[10] < 5e8, "the age is that of the picture, by one clock"
    summary = running.stop()
    assert summary.pairs > 20
    assert summary.frames["rgb"] > 20


def test_a_camera_dies_and_the_other_goes_on_and_it_returns_by_itself(running: Running) -> None:
    thermal = running.source.live_cameras["thermal"]
    assert thermal._worker is not None
    os.kill(thermal._worker.pid, signal.SIGKILL)
    died = running.until(lambda degraded: degraded is not None)
    assert running.said.degraded[died - 1] == "thermal missing, mIoU 0.60"
    assert not running.said.unlabelled[died - 1], "RGB alone is good enough for this bundle"
    back = running.until(lambda degraded: degraded is None)
    assert all(degraded for degraded in running.said.degraded[died - 1 : back - 1])
    summary = running.stop()
    assert summary.degraded["thermal missing, mIoU 0.60"] >= 1
    assert thermal.restarts == 1


def test_without_rgb_this_bundle_gives_no_mask_and_says_why(running: Running) -> None:
    running.source.live_cameras["rgb"].command({"do": "silence", "seconds": 60})
    gone = running.until(lambda degraded: degraded is not None)
    assert running.said.degraded[gone - 1] == "rgb missing, mIoU 0.30 is below 0.50: no mask"
    assert running.said.unlabelled[gone - 1]
    running.until(lambda degraded: degraded is None)


def test_a_frozen_camera_yields_no_fresh_looking_mask(running: Running) -> None:
    running.source.live_cameras["thermal"].command({"do": "freeze", "seconds": 0.6})
    frozen = running.until(lambda degraded: degraded is not None)
    assert running.said.missing[frozen - 1] == {"thermal": "frozen"}
    assert running.said.degraded[frozen - 1] == "thermal missing, mIoU 0.60"
    running.until(lambda degraded: degraded is None)
    assert running.stop().flags["thermal: frozen"] >= 2


def test_every_buffer_comes_back(running: Running) -> None:
    for _ in range(60):
        running.until(lambda degraded: True)
    assert not any("no free buffer" in reason for reason in running.source.dropped())


def test_no_camera_at_all_is_one_line_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "FIRST_FRAME_S", 0.7)
    plug = tmp_path / "gone"
    plug.touch()
    source = CameraSource({"rgb": f"{CARD}&gone={plug}"}, FAST)
    with pytest.raises(RigsightError, match="CAM-007: none within 0.7 s: rgb is") as caught:
        next(source.frames())
    assert caught.value.exit_code == 1
    source.close()


def test_the_command_runs_a_camera_and_reports_on_it(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--bundle", "bundles/crack", "--rgb", "card:256x192?fps=5", "--limit", "3"]
    assert main([*words, "--json"]) == 0
    report: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert report["pairs"] == 3
    assert report["cameras"]["rgb"]["restarts"] == 0
    assert "test card 256x192" in report["cameras"]["rgb"]["description"]
    assert main(["run", "--bundle", "bundles/crack", "--rgb", "card:nothing"]) == 2
    assert capfd.readouterr().err.startswith("CAM-001: ")


def test_a_lone_camera_that_freezes_gives_no_mask_and_the_run_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets without any picture: every sink can take them."""
    original = CameraSource.__init__

    def frozen(self: CameraSource, *arguments: Any) -> None:
        original(self, *arguments)

        def freeze() -> None:
            while not self.live_cameras["rgb"].command({"do": "freeze", "seconds": 60}):
                time.sleep(0.01)

        threading.Thread(target=freeze).start()

    monkeypatch.setattr(CameraSource, "__init__", frozen)
    out = tmp_path / "lines.jsonl"
    words = ["run", "--bundle", "bundles/crack", "--rgb", "card:256x192?fps=5", "--limit", "8", "--json"]
    for sink in (f"jsonl:{out}", f"masks:{tmp_path}/m", f"overlay:{tmp_path}/o", f"video:{tmp_path}/v.webm"):
        words += ["--sink", sink]
    assert main(words) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["degraded"]["rgb missing: no mask"] >= 1
    assert report["missing"]["rgb: frozen"] >= 1
    last = json.loads(out.read_text().splitlines()[-1])
    assert last["degraded"] == "rgb missing: no mask"
    assert last["class_px"] == {}
