"""The six files: committed schemas are current, examples load, unknown keys name the nearest one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rigsight.base.errors import RigsightError
from rigsight.base.schema import StrictModel, load_model
from rigsight.edge.codes import PROFILE_UNREADABLE
from rigsight.edge.profile import Profile

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("write_schemas", ROOT / "schemas" / "write.py")
assert _spec
assert _spec.loader
write = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(write)


@pytest.mark.parametrize("name", list(write.MODELS))
def test_the_committed_schema_is_what_the_models_say(name: str) -> None:
    committed = (ROOT / "schemas" / f"{name}.schema.json").read_text()
    assert committed == write.schema_text(name), "run: python schemas/write.py"


@pytest.mark.parametrize("name", list(write.MODELS))
def test_examples_load_and_survive_a_round_trip(name: str, tmp_path: Path) -> None:
    model: type[StrictModel] = write.MODELS[name]
    example = load_model(ROOT / "schemas" / "examples" / f"{name}.yaml", model, PROFILE_UNREADABLE)
    example.save(tmp_path / "again.yaml")
    assert load_model(tmp_path / "again.yaml", model, PROFILE_UNREADABLE) == example


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_profiles_load(path: Path) -> None:
    assert Profile.load(path).name == path.stem


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    bad = tmp_path / "p.yaml"
    bad.write_text((ROOT / "profiles" / "car_roof.yaml").read_text().replace("max_skew_ms", "max_skw_ms"))
    with pytest.raises(RigsightError, match="PRF-001.*pairing.max_skw_ms.*max_skew_ms"):
        Profile.load(bad)
