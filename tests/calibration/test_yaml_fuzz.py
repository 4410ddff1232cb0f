"""Whatever stands in board.yaml or rig.yaml: a model, or a RigsightError of one line."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.base.schema import parse_model, parse_yaml
from rigsight.calibration import codes
from rigsight.calibration.align import Aligner
from rigsight.calibration.boards import Board
from rigsight.calibration.rig import Rig

BOUNDED = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
ODD_NUMBERS = [0, -1, 3, 1e-300, 1e300, float("inf"), -float("inf"), float("nan"), 2**70, True, 1e-9]
SCALARS = st.one_of(
    st.sampled_from(ODD_NUMBERS), st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans()
)
LISTS = st.lists(SCALARS, max_size=4)
VALUES = SCALARS | LISTS | st.dictionaries(st.text(max_size=5), SCALARS | LISTS, max_size=3)
BOARDS: list[dict[str, Any]] = [
    {"kind": "chessboard", "columns": 9, "rows": 6, "square_m": 0.025},
    {"kind": "asymmetric_circles", "columns": 4, "rows": 9, "pitch_m": 0.05, "diameter_m": 0.04},
    {"kind": "charuco", "columns": 5, "rows": 7, "square_m": 0.03, "marker_m": 0.02},
    {"kind": "aprilgrid", "columns": 4, "rows": 3, "tag_m": 0.05, "spacing": 0.3},
]


def outcome(read: Callable[[], Any], known: str) -> Any:
    """What ``read`` answers; any error must be for people."""
    try:
        return read()
    except RigsightError as error:
        problem = error
    assert re.fullmatch(known, problem.code), problem
    assert "\n" not in problem.line()
    return None


@BOUNDED
@given(data=st.binary(max_size=200))
def test_any_bytes_as_a_board(data: bytes) -> None:
    outcome(lambda: parse_model(parse_yaml(data, codes.BOARD_INVALID), Board, codes.BOARD_INVALID), "CAL-010")


@BOUNDED
@given(
    board=st.sampled_from(BOARDS),
    key=st.text(max_size=10),
    value=VALUES,
    drop=st.booleans(),
    pick=st.integers(0, 9),
)
def test_boards_with_one_thing_wrong(
    board: dict[str, Any], key: str, value: Any, drop: bool, pick: int
) -> None:
    spoilt = dict(board)
    if pick < len(board):
        key = list(board)[pick]
    spoilt[key] = value
    if drop:
        del spoilt[key]
    text = yaml.dump(spoilt).encode()
    read = outcome(
        lambda: parse_model(parse_yaml(text, codes.BOARD_INVALID), Board, codes.BOARD_INVALID), "CAL-010"
    )
    if read is not None:  # what is accepted must be a board
        points = read.object_points()
        assert abs(points).max() < 100
        assert len(points) == read.count
        assert read.orders()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all keys and items of nested values."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*path, key), *places(inner, (*path, key))]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def spoil(rig: dict[str, Any], place: tuple[Any, ...], value: Any, path: Path) -> None:
    """Write the rig with one entry replaced; what can be read must align, or say why not."""
    spoilt = copy.deepcopy(rig)
    holder = spoilt
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    path.write_text(yaml.dump(spoilt, Dumper=yaml.CSafeDumper))
    read = outcome(lambda: Rig.load(path), "CAL-00[1-4]")
    if read is not None and max(*read.output.size, *read.cameras["rgb"].size) < 2000:
        outcome(lambda: [Aligner(read, name).valid.any() for name in read.cameras], r"CAL-0\d\d")


@BOUNDED
@given(data=st.data())
def test_rigs_with_one_thing_wrong(make_rig: Callable[..., Rig], folder: Path, data: st.DataObject) -> None:
    rig = yaml.safe_load(make_rig().to_yaml())
    spoil(rig, data.draw(st.sampled_from(places(rig))), data.draw(VALUES), folder / "rig.yaml")


def test_rigs_with_one_odd_number(make_rig: Callable[..., Rig], folder: Path) -> None:
    """Every number of the file in turn, each with every odd value."""
    rig = yaml.safe_load(make_rig().to_yaml())
    small = {"width": 64, "height": 48}
    rig["output"].update(small)
    for camera in rig["cameras"].values():
        camera.update(small)
    for place in places(rig):
        value = rig
        for key in place:
            value = value[key]
        if isinstance(value, (int, float)):
            for odd in (0, -1, 1e300, float("inf"), float("nan")):
                spoil(rig, place, odd, folder / "odd.yaml")


@BOUNDED
@given(data=st.binary(max_size=300))
def test_any_bytes_as_a_rig(folder: Path, data: bytes) -> None:
    path = folder / "bytes.yaml"
    path.write_bytes(data)
    outcome(lambda: Rig.load(path), "CAL-00[1-4]")
