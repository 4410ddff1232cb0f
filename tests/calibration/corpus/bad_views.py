"""Cases: boards held, moved, bent or described wrongly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from case import CASES, Build, Case, Honest, Refused, Unusable, Words, Works, case
from good_set import CHESSBOARD, CIRCLES, HEIGHT, VIEWS, WIDTH, GoodSet, Pair, words_for, write_pairs
from studios import BentStudio, looking_straight, placed, quarter_turned, with_lens

from rigsight.calibration.boards import Board, Float64


def write(root: Path, pairs: list[Pair], board: Board = CIRCLES) -> Words:
    write_pairs(root, pairs)
    return words_for(root, board)


def other_board(board: Board) -> Build:
    """The good pictures with a board.yaml of another board."""
    return lambda good, root: good.copy(root, board)


for _name, _board in (
    ("columns_and_rows_swapped", {"columns": 9, "rows": 4}),
    ("one_row_too_many", {"rows": 10}),
    ("one_column_too_few", {"columns": 3}),
    ("symmetric_instead_of_asymmetric", {"kind": "circles", "diameter_m": None}),
):
    _shown = Refused("CAL-015", r"show an asymmetric_circles of 4 x 9 points, board\.yaml says")
    CASES[_name] = Case(_name, _shown, other_board(CIRCLES.model_copy(update=_board)))


@case(Refused("CAL-015", "show a chessboard of 8 x 5"))
def squares_counted_instead_of_corners(good: GoodSet, root: Path) -> Words:
    return write(root, good.chess_pairs, CHESSBOARD.model_copy(update={"columns": 9, "rows": 6}))


@case(Refused("CAL-015", "chessboard"))
def chessboard_instead_of_circles(good: GoodSet, root: Path) -> Words:
    return write(root, good.chess_pairs)


@case(Refused("CAL-015", "'thermal'"))
def one_camera_never_sees_the_board(good: GoodSet, root: Path) -> Words:
    """Printed on paper of one temperature."""
    paper = np.random.default_rng(1).normal(3000, 4, (HEIGHT, WIDTH)).astype(np.uint16)
    return good.changed(root, thermal=lambda index, picture: paper)


@case(Refused("CAL-016", "5"))
def five_views(good: GoodSet, root: Path) -> Words:
    return good.changed(root, views=range(5))


@case(Refused("CAL-016", "2 of 10"))
def common_views_too_few(good: GoodSet, root: Path) -> Words:
    wall = np.random.default_rng(2).normal(90, 2, (HEIGHT, WIDTH))

    def empty(lost: range):  # type: ignore[no-untyped-def]
        return lambda index, picture: wall.astype(picture.dtype) if index in lost else picture

    return good.changed(root, rgb=empty(range(1, 5)), thermal=empty(range(6, 10)))


@case(Refused("CAL-016", "9 more only repeat"))
def three_views_copied_four_times(good: GoodSet, root: Path) -> Words:
    return good.changed(root, views=[0, 4, 8] * 4)


@case(Works({f"{index}": "same as .*0[0-3]" for index in (10, 11, 12, 13)}))
def four_copies_among_good_views(good: GoodSet, root: Path) -> Words:
    return good.changed(root, views=[*range(VIEWS), 0, 1, 2, 3])


@case(Works({f"{index}": "same" for index in (10, 11, 12, 13)}))
def board_held_still(good: GoodSet, root: Path) -> Words:
    """Other noise, the same board: counted once, as a burst proves no more than one picture."""
    return write(root, [*good.pairs, *good.shoot([good.poses[3]] * 4, seed=2)])


@case(Works({"10": "frozen", "11": "frozen"}))
def thermal_frozen_by_its_shutter(good: GoodSet, root: Path) -> Words:
    """During a flat-field correction the thermal camera repeats its last picture while the board moves on."""
    moved = good.shoot(good.studio(seed=3).poses(2), seed=3)
    frozen = [(moved[0][0], good.pairs[9][1]), (moved[1][0], good.pairs[9][1])]
    return write(root, [*good.pairs, *frozen])


@case(Refused("CAL-018", "agree|pair"))
def pairs_mixed_up(good: GoodSet, root: Path) -> Words:
    order = [3, 7, 0, 9, 1, 8, 2, 4, 6, 5]
    return write(root, [(good.pairs[i][0], good.pairs[j][1]) for i, j in enumerate(order)])


@case(Refused("CAL-075", "one view earlier"))
def pairs_shifted_by_one(good: GoodSet, root: Path) -> Words:
    return write(root, [(good.pairs[i][0], good.pairs[i + 1][1]) for i in range(VIEWS - 1)])


@case(Works(dict.fromkeys(("01", "04", "08"), "relative pose|pair|moved")))
def three_outliers_of_ten(good: GoodSet, root: Path) -> Words:
    others = good.shoot(good.studio(seed=4).poses(3), seed=4)
    pairs = list(good.pairs)
    for index, other in zip((1, 4, 8), others, strict=True):
        pairs[index] = (pairs[index][0], other[1])
    return write(root, pairs)


@case(Works(dict.fromkeys(("02", "05"), "relative pose|pair|moved")))
def board_nudged_between_two_exposures(good: GoodSet, root: Path) -> Words:
    """By 12 mm and 2 degrees: too little for another relative pose, too much for a calibration."""
    pairs = list(good.pairs)
    for index in (2, 5):
        pairs[index] = (pairs[index][0], good.shoot([nudged(good.poses[index], 0.012, 2.0, index)])[0][1])
    return write(root, pairs)


@case(Unusable("move|still|one instant|pair", codes=("CAL-007", "CAL-018", "CAL-076")))
def board_waved_before_unsynchronised_cameras(good: GoodSet, root: Path) -> Words:
    late = good.shoot([nudged(pose, 0.012, 1.5, index) for index, pose in enumerate(good.poses)])
    return write(root, [(pair[0], other[1]) for pair, other in zip(good.pairs, late, strict=True)])


def nudged(pose: Float64, metres: float, degrees: float, seed: int) -> Float64:
    """The pose after a small motion in a direction of its own."""
    rng = np.random.default_rng(seed)
    axis, shift = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 3)))
    moved = pose.copy()
    moved[:3, :3] = cv2.Rodrigues(np.radians(degrees) * axis)[0] @ pose[:3, :3]
    moved[:3, 3] += metres * shift
    return moved


@case(Unusable("tilt|focal", codes=("CAL-017",)))
def never_tilted(good: GoodSet, root: Path) -> Words:
    return write(root, good.shoot([looking_straight(pose) for pose in good.poses[:7]]))


@case(Honest())
def one_corner_of_the_picture(good: GoodSet, root: Path) -> Words:
    poses = placed(good.studio(), VIEWS, depth_m=(2.0, 2.6), at=(-0.25, -0.22), spread=0.03, tilt_deg=20)
    return write(root, good.shoot(poses))


@case(Honest())
def all_far_away(good: GoodSet, root: Path) -> Words:
    poses = placed(good.studio(), VIEWS, depth_m=(2.6, 3.2), at=(0.0, 0.0), spread=0.3, tilt_deg=15)
    return write(root, good.shoot(poses))


@case(Works(reordered=("00", "01", "02", "04")))
def corner_order_flips_in_four_of_ten(good: GoodSet, root: Path) -> Words:
    """Near a quarter turn the two cameras begin at opposite corners of a chessboard."""
    studio = good.studio(CHESSBOARD, seed=9)
    poses = studio.poses(VIEWS)
    turned = {index: quarter_turned(studio, poses[index]) for index in (0, 1, 2, 4)}
    shown = [turned.get(index, pose) for index, pose in enumerate(poses)]
    pictures = good.shoot([pose for pose in shown if pose is not None], good.studio(CHESSBOARD, seed=9))
    return write(root, pictures, CHESSBOARD)


@case(Works())
def square_chessboard(good: GoodSet, root: Path) -> Words:
    """Looks the same after each quarter turn; the views agree on one relative pose all the same."""
    board = Board(kind="chessboard", columns=6, rows=6, square_m=0.06)
    studio = good.studio(board, seed=5)
    return write(root, good.shoot(studio.poses(VIEWS), studio), board)


@case(Honest())
def fisheye_as_pinhole(good: GoodSet, root: Path) -> Words:
    rig = good.sim.rig
    for name in ("rgb", "thermal"):
        rig = with_lens(rig, name, "fisheye", focal=0.45, D=(0.02, -0.015, 0.004, -0.001))
    rig.save(root / "truth.yaml")
    studio = good.studio(CIRCLES, seed=6, rig=rig)
    return write(root, good.shoot(studio.poses(VIEWS), studio))


@case(Unusable("bent|flat|bend", codes=("CAL-007", "CAL-077")))
def board_bent_by_two_millimetres(good: GoodSet, root: Path) -> Words:
    board = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.04, diameter_m=0.032)
    studio = BentStudio(good.sim.rig, board, good.draw(7), bend_m=0.002)
    return write(root, good.shoot(studio.poses(VIEWS), studio), board)
