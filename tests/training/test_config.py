"""Training configurations: the shipped ones load, and mistakes are one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.training.config import load_config
from rigsight.training.systems.parts import parts

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
DEMO = CONFIGS / "demo.yaml"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_configurations_load(path: Path) -> None:
    assert load_config(path).recipe.kind in ("interactive", "masks", "instances")


def test_overrides_reach_their_keys() -> None:
    config = load_config(
        DEMO, ["recipe.rounds=2", "recipe.fusion.lr=1e-4", "data.scenes=[pipe]", "out=elsewhere"]
    )
    assert (config.recipe.rounds, config.recipe.fusion.lr, config.out) == (2, 1e-4, "elsewhere")
    assert config.data.kind == "simulated"
    assert config.data.scenes == ("pipe",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("recipe.rouns=2", "TRN-002.*rouns.*did you mean 'rounds'"),
        ("recipe.rounds=0", r"TRN-002.*recipe\.(interactive\.)?rounds"),
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
    bad.write_text(
        "out: x\ndata: {kind: pairs, folders: [{rgb: a, thermal: b}]}\nrecipe: {kind: interactive}\n"
    )
    with pytest.raises(RigsightError, match=r"TRN-001.*segmentation\.steps"):
        load_config(bad)


def test_parts_cover_the_schedule_in_order() -> None:
    config = load_config(
        DEMO,
        [
            "recipe.rounds=2",
            "recipe.fusion.steps=3",
            "recipe.segmentation.steps=5",
            "recipe.checkpoint_steps=4",
        ],
    )
    found = [(p.round, p.phase[0], p.first, p.steps) for p in parts(config.recipe)]
    assert found == [
        (1, "f", 0, 3), (1, "s", 0, 4), (1, "s", 4, 1),
        (2, "f", 3, 3), (2, "s", 5, 4), (2, "s", 9, 1),
    ]  # fmt: skip
