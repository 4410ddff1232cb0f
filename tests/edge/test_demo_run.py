"""The whole demo, small: every file, the numbers against closed forms, and failures that leave nothing."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Rig
from rigsight.cli.main import main
from rigsight.edge.demo import outputs, run
from rigsight.edge.profile import Profile
from rigsight.edge.simulation.rig import SimulatedRig

ROOT = Path(__file__).parent.parent.parent
PAIRS = 6


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle of the tests, its three classes named as the facade's."""
    folder = tmp_path_factory.mktemp("bundles") / "facade"
    shutil.copytree(Path(__file__).parent / "data" / "tiny_bundle", folder)
    spec = (folder / "bundle.yaml").read_text()
    spec = spec.replace("name: hot", "name: crack").replace("name: bright", "name: damp")
    (folder / "bundle.yaml").write_text(spec)
    return folder


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "BOARD_VIEWS", 10)
        patch.setattr(run, "BASELINE_SETS", 2)
        yield


def demo(out: Path, bundle: Path, *more: str) -> int:
    words = ["demo", "--profile", "facade_drone", "--bundle", str(bundle), "--out", str(out)]
    return main([*words, "--pairs", str(PAIRS), *more])


@pytest.fixture(scope="module")
def made(small: None, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a demo leaves where another one had been before."""
    out = tmp_path_factory.mktemp("deep") / "out" / "demo"
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "old.png").write_bytes(b"")
    (out / "summary.json").write_text("{}")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert demo(out, bundle, "--json") == 0
    assert json.loads((out / "summary.json").read_text()) == json.loads(said.getvalue())
    return out


def test_the_demo_writes_everything(made: Path) -> None:
    out = made
    assert {path.name for path in out.iterdir()} == outputs.OURS
    assert [path.name for path in out.parent.iterdir()] == ["demo"]
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary) == {
        "profile", "pairs", "dropped", "alignment_px", "parallax_px", "miou", "latency_ms", "rate_hz",
        "engine_rate_hz",
    }  # fmt: skip
    assert (summary["profile"], summary["pairs"], summary["dropped"]) == ("facade_drone", PAIRS, 0)
    assert set(summary["miou"]["classes"]) == {"background", "crack", "damp"}
    assert summary["rate_hz"] > 0
    assert summary["engine_rate_hz"] > 0

    masks = sorted((out / "masks").iterdir())
    assert [mask.name for mask in masks] == [f"{n:04d}.png" for n in range(PAIRS)]
    mask = cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (60, 80)
    assert set(np.unique(mask)) <= {0, 1, 2, 255}
    video = cv2.VideoCapture(str(out / outputs.VIDEO))
    frames = 0
    while video.read()[0]:
        frames += 1
    assert frames == PAIRS
    report = (out / "report.html").read_text()
    assert "facade_drone: 6 frame sets" in report
    assert outputs.VIDEO in report
    assert (out / "preview.png").stat().st_size < 500_000


def test_the_numbers_are_those_of_the_geometry(made: Path) -> None:
    summary = json.loads((made / "summary.json").read_text())
    profile = Profile.load(ROOT / "profiles" / "facade_drone.yaml")
    assert profile.simulation is not None
    true = SimulatedRig("facade", profile.simulation.seed, "test").rig
    assert {float(d) for d in summary["alignment_px"]} == set(profile.simulation.distances_m)
    for error in summary["alignment_px"].values():
        assert error < 0.3
    rig = Rig.load(made / "rig.yaml")
    focal = rig.output.matrix[0, 0]
    baseline = float(np.linalg.norm(true.pose("thermal")[:3, 3]))
    for distance, error in summary["parallax_px"].items():
        expected = focal * baseline * abs(1 / float(distance) - 1 / 5.0)
        assert error == pytest.approx(expected, rel=0.1, abs=0.1)


@pytest.mark.parametrize("step", ["calibrate", "write masks and video"])
def test_a_failure_at_any_step_leaves_what_was_there(
    step: str, tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rigsight.cli import demo as verb

    out = tmp_path / "demo"
    out.mkdir()
    (out / "summary.json").write_text("from before")
    bars = verb.progress_bars

    class Breaking:
        def __enter__(self) -> object:
            self.inner = bars()
            show = self.inner.__enter__()

            def progress(name: str, done: int, total: int) -> None:
                if name == step and done > 0:
                    raise KeyboardInterrupt
                show(name, done, total)

            return progress

        def __exit__(self, *what: object) -> None:
            self.inner.__exit__(*what)

    monkeypatch.setattr(verb, "progress_bars", Breaking)
    assert demo(out, bundle) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert (out / "summary.json").read_text() == "from before"
    assert [path.name for path in out.iterdir()] == ["summary.json"]
