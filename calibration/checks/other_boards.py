"""Which board the pictures show, when it is not the one that board.yaml describes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from pydantic import ValidationError

from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.grey import stretched, to_grey
from rigsight.calibration.pictures import Image

PATIENCE_S = 5.0  # of the processor: the answer is a help in an error message, worth a few seconds only
EACH_S = 0.4  # a board that is there is found in less
PICTURES = 3


def board_shown(
    images: Sequence[Image], board: Board, *, needed: int = 2, patience_s: float = PATIENCE_S
) -> Board | None:
    """The first board like ``board`` that ``needed`` of a few pictures show, or None.

    Columns and rows may be swapped or off by one, circles may stand in rows or between each other, and any
    chessboard is recognised; one picture proves nothing, since rows of small circles look like squares. The
    search ends when time is over.
    """
    if board.marker_count or not images:
        return None
    end = time.thread_time() + patience_s
    indices = np.unique(np.linspace(0, len(images) - 1, PICTURES).astype(int))
    chosen = [images[index] for index in indices]
    needed = min(needed, len(chosen))
    shapes = Counter(shape for image in chosen if (shape := chessboard_shape(image)))
    for shape, count in shapes.most_common(1):
        variant = _variant(board, "chessboard", *shape)
        if variant and count >= needed and sum(_shows(image, variant) for image in chosen) >= needed:
            return variant
    for index, image in enumerate(chosen):
        for variant in _variants(board):
            if time.thread_time() > end:
                return None
            if _shows(image, variant):
                others = [*chosen[:index], *chosen[index + 1 :]]
                if 1 + sum(_shows(other, variant) for other in others) >= needed:
                    return variant
    return None


def _shows(image: Image, board: Board) -> bool:
    try:
        return detect(image, board, EACH_S) is not None
    except cv2.error:  # a guess of a board may run out of the picture
        return False


def described(board: Board) -> str:
    """Kind and counts, in words.

    >>> described(Board(kind="chessboard", columns=9, rows=6, square_m=0.02))
    'a chessboard of 9 x 6 inner corners'
    """
    points = "inner corners" if board.kind == "chessboard" else "points"
    article = "an" if board.kind.startswith("a") else "a"
    return f"{article} {board.kind} of {board.columns} x {board.rows} {points}"


def chessboard_shape(image: Image) -> tuple[int, int] | None:
    """(columns, rows) of inner corners of any chessboard of at least 4 x 3 in the picture, or None."""
    eight: Image = stretched(to_grey(image))
    scale = 640 / max(eight.shape)
    if scale > 1:
        eight = cv2.resize(eight, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    finder: Any = cv2.findChessboardCornersSBWithMeta
    for polarity in (eight, 255 - eight):
        found, _, meta = finder(polarity, (4, 3), cv2.CALIB_CB_LARGER)
        if found:
            rows, columns = np.asarray(meta).shape
            return max(columns, rows), min(columns, rows)
    return None


def _variants(board: Board) -> Iterator[Board]:
    c, r = board.columns, board.rows
    kind = board.kind if board.has_circles else "asymmetric_circles"
    other = "circles" if kind == "asymmetric_circles" else "asymmetric_circles"
    near = [(r, c), (c, r + 1), (c, r - 1), (c + 1, r), (c - 1, r)]
    both = [(other, c, r), (other, r, c)]
    if board.kind == "chessboard":
        both.insert(0, (kind, c, r))
    for which, columns, rows in [*((kind, *shape) for shape in near), *both]:
        variant = _variant(board, which, columns, rows)
        if variant is not None:
            yield variant


def _variant(board: Board, kind: str, columns: int, rows: int) -> Board | None:
    """A board of another kind or size with the same step; None where there can be none."""
    step = "square_m" if kind == "chessboard" else "pitch_m"
    try:
        return Board.model_validate({"kind": kind, "columns": columns, "rows": rows, step: board.step_m})
    except ValidationError:
        return None
