"""Training configurations: the shipped ones load, and mistakes are one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.training.config import load_config
from rigsight.training.schedule import parts, rate

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
DEMO = CONFIGS / "demo.yaml"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_configurations_load(path: Path) -> None:
    assert parts(load_config(path))


def test_overrides_reach_their_keys() -> None:
    config = load_config(DEMO, ["schedule.rounds=2", "fusion.lr=1e-4", "data.scenes=[pipe]", "out=elsewhere"])
    assert (config.schedule.rounds, config.fusion.lr, config.out) == (2, 1e-4, "elsewhere")
    assert config.data.kind == "simulated"
    assert config.data.scenes == ("pipe",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule.rouns=2", "TRN-002.*rouns.*did you mean 'rounds'"),
        ("schedule.rounds=0", "TRN-002.*schedule.rounds"),
        ("rounds", "TRN-002.*not key=value"),
        ("seed.a=1", "TRN-002.*holds no keys"),
        ("data.scenes=[street", "TRN-002.*not YAML"),
        ("width=100", "TRN-002.*multiples of 16"),
    ],
)
def test_wrong_overrides_are_one_line(override: str, message: str) -> None:
    with pytest.raises(RigsightError, match=message):
        load_config(DEMO, [override])


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RigsightError, match="TRN-001"):
        load_config(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("out: x\ndata: {kind: pairs, folders: [{rgb: a, thermal: b}]}\n")
    with pytest.raises(RigsightError, match=r"TRN-001.*segmentation\.steps"):
        load_config(bad)


def test_parts_cover_the_schedule_in_order() -> None:
    config = load_config(
        DEMO,
        ["schedule.rounds=2", "fusion.steps=3", "segmentation.steps=5", "schedule.checkpoint_steps=4"],
    )
    found = [(p.round, p.phase[0], p.first, p.steps) for p in parts(config)]
    assert found == [
        (1, "f", 0, 3), (1, "s", 0, 4), (1, "s", 4, 1),
        (2, "f", 3, 3), (2, "s", 5, 4), (2, "s", 9, 1),
    ]  # fmt: skip


def test_the_learning_rate_falls_to_nothing() -> None:
    values = [rate(step, 100, 10, 0.9) for step in range(101)]
    assert values[9] == values[10] == 1
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[-1] == 0
