"""Which pipelines time their maps: live ones, never those that promise the same output again."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigsight.calibration.alignment import kernels
from rigsight.cli.main import main

TINY = Path(__file__).parent / "data" / "tiny_bundle"


@pytest.mark.parametrize(("pace", "measures"), [("step", False), ("live", True)])
def test_only_live_pipelines_measure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pace: str, measures: bool
) -> None:
    timed: dict[tuple[object, ...], bool] = {}
    monkeypatch.setattr(kernels, "_measured", timed)
    source = f"sim:street?pairs=4&width=80&height=60&pace={pace}"
    assert main(["run", "--bundle", str(TINY), "--source", source, "--json"]) == 0
    assert '"pairs"' in capsys.readouterr().out
    kinds = {(len(key[0]), str(key[1])) for key in timed}  # type: ignore[arg-type]
    assert kinds == ({(3, "uint8"), (2, "uint8")} if measures else set())
