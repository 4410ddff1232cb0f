from __future__ import annotations

import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.sources.base import open_source
from rigsight.edge.sources.uri import Uri, parse_uri, relocated


def test_options_are_typed() -> None:
    uri = parse_uri("sim:street?seed=3&jitter=5ms&drop=0.02&pace=live", ["sim"])
    assert (uri.scheme, uri.path) == ("sim", "street")
    assert uri.integer("seed", 0) == 3
    assert uri.seconds("jitter", 0) == pytest.approx(0.005)
    assert uri.number("drop", 0, high=1) == 0.02
    assert uri.choice("pace", ("step", "live"), "step") == "live"
    assert uri.integer("pairs", 200) == 200


@pytest.mark.parametrize(("text", "seconds"), [("2", 2.0), ("0.2s", 0.2), ("5ms", 0.005), ("300us", 0.0003)])
def test_durations(text: str, seconds: float) -> None:
    assert Uri("sim", "x", {"t": text}).seconds("t", 0) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("street", "no scheme"),
        ("pair:a,b", "Did you mean 'pairs:'"),
        ("pairs:", "nothing stands after"),
        ("pairs:a", "two folders"),
        ("pairs:a,b?fsp=3", "Did you mean 'fps'"),
        ("pairs:a,b?fps=fast", "not a number"),
        ("pairs:a,b?fps=nan", "not a number"),
        ("pairs:a,b?fps=0", "not a number"),
        ("images:a?pace=fast", "'step' or 'live'"),
        ("images:a?pace", "not key=value"),
        ("images:a?fps=1&fps=2", "given twice"),
    ],
)
def test_mistakes_are_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(RigsightError, match="SRC-001") as caught:
        open_source(text)
    assert message in caught.value.line()
    assert caught.value.exit_code == 2


def test_numbers_have_limits() -> None:
    for options in ({"n": "-1"}, {"n": "1e3"}, {"n": "1" * 30}):
        with pytest.raises(RigsightError, match="whole number"):
            Uri("sim", "x", options).integer("n", 0)
    with pytest.raises(RigsightError, match="between 0 and 1"):
        Uri("sim", "x", {"p": "1.5"}).number("p", 0, high=1)
    for text in ("-5ms", "5 ms", "5m", "nan"):
        with pytest.raises(RigsightError, match="duration"):
            Uri("sim", "x", {"t": text}).seconds("t", 0)


def test_paths_of_a_profile_are_relative_to_its_folder() -> None:
    assert relocated("video:day.mkv?pace=live", "/p") == "video:/p/day.mkv?pace=live"
    assert relocated("pairs:a,/b", "p") == "pairs:p/a,/b"
    assert relocated("sim:street", "p") == "sim:street"
