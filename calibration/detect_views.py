"""The board in all pictures of one camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.calibration import codes
from rigsight.calibration.boards import Board
from rigsight.calibration.checks.other_boards import PATIENCE_S, board_shown, described
from rigsight.calibration.checks.pictures import blurred_views, edge_blur_px, why_unseen
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.pictures import Image, Picture, as_image

NOT_FOUND = "the board is not found"
EARLY = 4  # pictures without a board after which it is asked whether they show another one
# Processor seconds for one picture: at first, with room for slow machines (a real view of thermal discs has
# taken 0.95), and after so many pictures without a board that there is little hope.
SEARCH_S, HOPELESS_S = 2.5, 0.4

Progress = Callable[[int, int], None]


def detect_views(
    pictures: Sequence[Picture],
    views: Sequence[str],
    board: Board,
    name: str,
    progress: Progress | None = None,
    done: int = 0,
    total: int | None = None,
    unseen: dict[str, str] | None = None,
) -> dict[str, Detection]:
    """View -> detection, for the views in which the board is found sharp enough.

    Args:
        pictures: arrays or paths of one camera.
        views: their names.
        board: to look for.
        name: of the camera, for messages.
        progress: called with (pictures done, pictures in all).
        done: pictures done before.
        total: pictures in all; these alone when None.
        unseen: filled with view -> reason for the other views.

    Raises:
        RigsightError: CAL-011 unreadable picture, CAL-014 mixed sizes, CAL-015 board in no picture.
    """
    found: dict[str, Detection] = {}
    blur_px: dict[str, float] = {}
    reasons: dict[str, str] = {}
    boardless: list[Image] = []
    size: tuple[int, int] | None = None
    for index, (view, picture) in enumerate(zip(views, pictures, strict=True)):
        image = as_image(picture)
        its = (image.shape[1], image.shape[0])
        if size is not None and its != size:
            place = picture if isinstance(picture, (str, Path)) else view
            raise codes.PICTURES_OF_MIXED_SIZE(
                f"camera '{name}' has a picture of {its[0]}x{its[1]} after others of {size[0]}x{size[1]}",
                where=place,
            )
        size = its
        hopeless = not found and len(reasons) >= EARLY
        detection = detect(image, board, HOPELESS_S if hopeless else SEARCH_S)
        if detection is not None:
            found[view] = detection
            blur_px[view] = edge_blur_px(image, detection.points)
        else:
            boardless = [*boardless, image][:EARLY]
            conspicuous = why_unseen(image)
            reasons[view] = f"{NOT_FOUND} ({conspicuous})" if conspicuous else NOT_FOUND
        if not found and len(reasons) == EARLY:
            shown = board_shown(boardless, board, needed=3)  # refuses what later pictures might show
            if shown is not None:
                raise _other_board(name, board, shown)
        if progress:
            progress(done + index + 1, total or len(views))
    if not found:
        raise _not_found(name, board, boardless, list(reasons.values()))
    blurred = blurred_views(blur_px)
    if unseen is not None:
        unseen.update(reasons | blurred)
    return {view: detection for view, detection in found.items() if view not in blurred}


def _not_found(name: str, board: Board, images: Sequence[Image], reasons: Sequence[str]) -> RigsightError:
    patience_s = PATIENCE_S if len(reasons) < EARLY else PATIENCE_S / 3  # the second time
    shown = board_shown(images, board, patience_s=patience_s)
    if shown is not None:
        return _other_board(name, board, shown)
    usual, count = Counter(reasons).most_common(1)[0] if reasons else (NOT_FOUND, 0)
    conspicuous = f"; {usual.removeprefix(NOT_FOUND).strip(' ()')}" if usual != NOT_FOUND else ""
    where = f" in {count} of them" if conspicuous and count < len(reasons) else ""
    return codes.BOARD_NOT_FOUND(
        f"{described(board)} is in none of {len(reasons)} pictures of camera '{name}'{conspicuous}{where}"
    )


def _other_board(name: str, board: Board, shown: Board) -> RigsightError:
    return codes.BOARD_NOT_FOUND(
        f"the pictures of camera '{name}' show {described(shown)}, board.yaml says {described(board)}",
        fix="Correct kind, columns and rows in board.yaml.",
    )
