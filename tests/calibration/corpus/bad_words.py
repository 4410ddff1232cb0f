"""Cases: board.yaml and command lines that cannot be meant."""

from __future__ import annotations

import itertools
from pathlib import Path

from case import CASES, Build, Case, Refused, Words, Works, case
from good_set import CIRCLES, GoodSet, words_for, write_picture

GOOD_YAML = CIRCLES.to_yaml()

# Twenty-five doublings of one list: 33 million entries if it were written out.
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MULTIPLYING = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in itertools.pairwise(LETTERS)
)

BOARDS: dict[str, tuple[str, str]] = {
    "board_with_a_typo": (GOOD_YAML.replace("pitch_m", "pich_m"), "'pich_m', did you mean 'pitch_m'"),
    "board_of_unknown_kind": (GOOD_YAML.replace("asymmetric_circles", "dots"), "'kind'"),
    "board_with_negative_pitch": (GOOD_YAML.replace("0.05", "-0.05"), "'pitch_m'"),
    "board_with_zero_pitch": (GOOD_YAML.replace("0.05", "0"), "'pitch_m'"),
    "board_with_nan_pitch": (GOOD_YAML.replace("0.05", ".nan"), "'pitch_m'"),
    "board_with_infinite_pitch": (GOOD_YAML.replace("0.05", ".inf"), "pitch_m|long"),
    "board_in_millimetres": ("kind: asymmetric_circles\ncolumns: 4\nrows: 9\npitch_m: 50\n", "metres"),
    "board_in_kilometres": ("kind: asymmetric_circles\ncolumns: 4\nrows: 9\npitch_m: 0.00005\n", "metres"),
    "board_with_words_for_numbers": (GOOD_YAML.replace("columns: 4", "columns: four"), "'columns'"),
    "board_with_a_unit": (GOOD_YAML.replace("0.05", "5 cm"), "'pitch_m'"),
    "board_of_a_billion_columns": (GOOD_YAML.replace("columns: 4", "columns: 1000000000"), "'columns'"),
    "board_of_half_a_column": (GOOD_YAML.replace("columns: 4", "columns: 4.5"), "'columns'"),
    "board_without_rows": (GOOD_YAML.replace("rows: 9\n", ""), "'rows'"),
    "board_that_is_a_list": ("- chessboard\n- 9\n- 6\n", "keys and values"),
    "board_that_is_empty": ("", "keys and values"),
    "board_that_is_no_yaml": ("kind: [chessboard\ncolumns: 9: 6\n", "not valid YAML"),
    "board_that_multiplies": (MULTIPLYING, "unknown key"),
    "board_that_refers_to_itself": ("kind: &a [*a]\ncolumns: 9\nrows: 6\n", "'kind'|not valid YAML"),
    "board_with_a_python_object": ("!!python/object/apply:os.system ['true']\n", "not valid YAML"),
}


def _board(text: str) -> Build:
    def build(good: GoodSet, root: Path) -> Words:
        good.copy(root)
        return words_for(root, text)

    return build


for _name, (_text, _says) in BOARDS.items():
    CASES[_name] = Case(_name, Refused("CAL-010", _says), _board(_text))


@case(Refused("CAL-010", "not valid YAML"))
def board_that_is_binary(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "board.yaml").write_bytes(bytes(range(256)) * 8)
    return words


@case(Refused("CAL-010", "board.yaml"))
def board_that_is_missing(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    (root / "board.yaml").unlink()
    return words


@case(Refused("CAL-010"))
def board_that_is_a_folder(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[4] = str(root / "rgb")
    return words


@case(Refused("CAL-010", "not valid YAML"))
def board_that_is_a_picture(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[4] = str(root / "rgb" / "00.png")
    return words


WORDS: dict[str, tuple[list[str], str, str]] = {
    "one_name_twice": (["--names", "left,left"], "CLI-001", "--names"),
    "name_with_a_slash": (["--names", "../rgb,thermal"], "CLI-001", "--names takes letters"),
    "three_names": (["--names", "a,b,c"], "CLI-001", "--names"),
    "unknown_spectrum": (["--spectra", "rgb,infrared"], "CLI-001", "--spectra does not know 'infrared'"),
    "unknown_lens_model": (["--models", "pinhole"], "CLI-001", "--models does not know 'pinhole'"),
    "distance_nan": (["--distance", "nan"], "CLI-001", "--distance"),
    "distance_zero": (["--distance", "0"], "CLI-001", "--distance"),
    "distance_infinite": (["--distance", "inf"], "CLI-001", "--distance"),
    "unknown_option": (["--boards", "x"], "CLI-001", "--boards"),
    "third_folder": (["more"], "CLI-001", "more"),
}


def _with(more: list[str]) -> Build:
    def build(good: GoodSet, root: Path) -> Words:
        return [*good.copy(root), *more]

    return build


for _name, (_more, _code, _says) in WORDS.items():
    CASES[_name] = Case(_name, Refused(_code, _says), _with(_more))


@case(Refused("IO-001", "nowhere"))
def out_in_a_missing_folder(good: GoodSet, root: Path) -> Words:
    return [*good.copy(root), "--out", str(root / "nowhere" / "rig.yaml")]


@case(Refused("IO-001", "rgb"))
def out_is_a_folder(good: GoodSet, root: Path) -> Words:
    return [*good.copy(root), "--out", str(root / "rgb")]


@case(Refused("CLI-001", r"--out would overwrite the input .*board\.yaml"))
def out_over_the_board(good: GoodSet, root: Path) -> Words:
    return [*good.copy(root), "--out", str(root / "board.yaml")]


@case(Refused("CLI-001", r"--out would overwrite the input .*00\.png"))
def out_over_a_picture(good: GoodSet, root: Path) -> Words:
    return [*good.copy(root), "--out", str(root / "rgb" / ".." / "rgb" / "00.png")]


@case(Works())
def one_camera_with_two_formats(good: GoodSet, root: Path) -> Words:
    """Names that differ by their suffix alone stand for two views of a single camera."""
    words = good.copy(root)
    (root / "rgb" / "03.png").unlink()
    write_picture(root / "rgb" / "00.jpg", good.pairs[3][0])
    return ["calibrate", "--single", words[1], *words[3:]]
