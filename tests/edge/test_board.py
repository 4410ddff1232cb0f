"""The board's own files, and what a run makes of heat."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.board import BoardState, read_board
from rigsight.edge.pipeline import heat as heat_module
from rigsight.edge.pipeline.heat import HeatGuard
from rigsight.edge.profile import HeatSettings, Profile


def write(root: Path, path: str, text: object) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{text}\n")


@pytest.fixture
def orin(tmp_path: Path) -> Path:
    """The files of a board that is warm and slows nothing down."""
    for i, (name, value) in enumerate(
        (("cpu-thermal", 55_500), ("gpu-thermal", 61_250), ("cv0-thermal", -256_000))
    ):
        write(tmp_path, f"sys/class/thermal/thermal_zone{i}/type", name)
        write(tmp_path, f"sys/class/thermal/thermal_zone{i}/temp", value)
    for i, (name, state) in enumerate((("pwm-fan", 3), ("cpufreq-cpu0", 0), ("devfreq-17000000.gpu", 0))):
        write(tmp_path, f"sys/class/thermal/cooling_device{i}/type", name)
        write(tmp_path, f"sys/class/thermal/cooling_device{i}/cur_state", state)
    for cpu, frequency in ((0, 1_510_400), (1, 755_200)):
        write(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", frequency)
        write(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq", 1_510_400)
    write(tmp_path, "sys/class/devfreq/17000000.gpu/cur_freq", 306_000_000)
    write(tmp_path, "sys/class/devfreq/17000000.gpu/max_freq", 612_000_000)
    write(tmp_path, "sys/class/hwmon/hwmon4/oc1_event_cnt", 2)
    write(tmp_path, "sys/class/hwmon/hwmon4/oc3_event_cnt", 1)
    write(tmp_path, "var/lib/nvpmodel/status", "pmode:0002")
    sensor = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
    write(tmp_path, f"{sensor}/in1_label", "VDD_IN")
    write(tmp_path, f"{sensor}/in1_input", 5000)
    write(tmp_path, f"{sensor}/curr1_input", 1500)
    return tmp_path


def test_everything_that_an_orin_says(orin: Path) -> None:
    state = read_board(orin)
    assert state.temperatures_c == {"cpu-thermal": 55.5, "gpu-thermal": 61.25}, "a zone that is off says -256"
    assert state.hottest_c == 61.25
    assert state.clocks == {"cpu": 0.75, "gpu": 0.5}
    assert state.throttled == (), "a fan that turns costs nothing"
    assert (state.overcurrents, state.power_mode, state.watts) == (3, 2, 7.5)
    assert json.loads(json.dumps(state.as_json()))["clocks"]["gpu"] == 0.5


def test_what_slows_down_is_named(orin: Path) -> None:
    write(orin, "sys/class/thermal/cooling_device2/cur_state", 4)
    assert read_board(orin).throttled == ("devfreq-17000000.gpu",)


def test_a_board_that_says_nothing_is_no_error(tmp_path: Path) -> None:
    assert read_board(tmp_path) == BoardState()
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "x")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "hot")
    assert read_board(tmp_path) == BoardState()
    assert isinstance(read_board(), BoardState), "this very machine"


def guard(temperatures: Iterator[float], notes: list[str] | None = None, **settings: object) -> HeatGuard:
    values = HeatSettings.model_validate(settings)
    heard = notes if notes is not None else []
    return HeatGuard(values, lambda: BoardState({"cpu": next(temperatures)}), heard.append)


def test_hot_begins_at_the_limit_and_ends_below_the_hysteresis() -> None:
    notes: list[str] = []
    watched = guard(iter([80, 95, 92, 90.1, 89, 94]), notes, gives="rate", above_c=95, hysteresis_c=5)
    seen = []
    for _ in range(6):
        watched.look()
        seen.append(watched.hot)
    assert seen == [False, True, True, True, False, False]
    assert notes[0] == "the board is hot (95 degrees Celsius): at most 2 sets a second from now on"
    assert notes[1] == "the board has cooled down: all as before"
    report = watched.report()
    assert (report["times_hot"], report["highest_c"]) == (1, 95)


def test_a_hot_board_keeps_to_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = guard(iter([99.0]), gives="rate", rate_hz=2.0)
    now = 10**12
    monkeypatch.setattr(heat_module, "monotonic_ns", lambda: now)
    assert not watched.skips()
    watched.look()
    taken = 0
    for _ in range(100):  # ten seconds at 10 Hz
        taken += not watched.skips()
        now += 10**8
    assert taken == 20


def test_what_else_may_give() -> None:
    lighter, stop, nothing = (
        guard(iter([99.0]), gives="model", bundle="small"),
        guard(iter([99.0]), gives="stop"),
        guard(iter([99.0])),
    )
    for watched in (lighter, stop, nothing):
        assert not watched.lighter
        assert not watched.must_stop
        watched.look()
    assert (lighter.lighter, lighter.must_stop, lighter.skips()) == (True, False, False)
    assert (stop.lighter, stop.must_stop) == (False, True)
    assert (nothing.lighter, nothing.must_stop, nothing.skips()) == (False, False, False)


def profile(folder: Path, heat: str) -> Path:
    path = folder / "p.yaml"
    lines = ["version: 1", "name: p", f"bundle: {Path('bundles/crack').resolve()}", f"heat: {heat}"]
    path.write_text("\n".join([*lines, "cameras: {rgb: {uri: 'card:128x96?fps=5'}}"]))
    return path


def test_a_run_stops_when_its_profile_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        heat_module.HeatGuard.__init__, "__defaults__", (lambda: BoardState({"cpu": 99.0}), print)
    )
    out = tmp_path / "lines.jsonl"
    assert main(["run", str(profile(tmp_path, "{gives: stop}")), "--sink", f"jsonl:{out}"]) == 1
    assert "RUN-006: its hottest part is at 99 C" in capfd.readouterr().err
    assert out.exists(), "what was written is whole"


def test_the_lighter_model_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        heat_module.HeatGuard.__init__, "__defaults__", (lambda: BoardState({"cpu": 99.0}), print)
    )
    monkeypatch.setattr(heat_module, "PERIOD_S", 0.05)
    lighter = Path(shutil.copytree("bundles/crack", tmp_path / "lighter"))
    text = (lighter / "bundle.yaml").read_text()
    (lighter / "bundle.yaml").write_text(re.sub(r"^name: .*$", "name: lighter", text, flags=re.MULTILINE))
    out = tmp_path / "lines.jsonl"
    words = ["--limit", "6", "--json", "--sink", f"jsonl:{out}"]
    assert main(["run", str(profile(tmp_path, f"{{gives: model, bundle: {lighter}}}")), *words]) == 0
    assert json.loads(capfd.readouterr().out)["board"]["times_hot"] == 1
    assert json.loads(out.read_text().splitlines()[-1])["bundle"].startswith("lighter-")
    wrong = Path("bundles/sim_pipe").resolve()
    assert main(["run", str(profile(tmp_path, f"{{gives: model, bundle: {wrong}}}")), *words]) == 2
    assert capfd.readouterr().err.startswith("RUN-007: ")


def test_a_model_without_a_bundle_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="PRF-001.*a bundle belongs to 'gives: model'"):
        Profile.load(profile(tmp_path, "{gives: model}"))
