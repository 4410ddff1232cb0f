"""The board in all pictures of one camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rigsight.calibration import codes
from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.pictures import Picture, as_image

Progress = Callable[[int, int], None]


def detect_views(
    pictures: Sequence[Picture],
    views: Sequence[str],
    board: Board,
    name: str,
    progress: Progress | None = None,
    done: int = 0,
    total: int | None = None,
) -> dict[str, Detection]:
    """View -> detection, for the views in which the board is found.

    Args:
        pictures: arrays or paths of one camera.
        views: their names.
        board: to look for.
        name: of the camera, for messages.
        progress: called with (pictures done, pictures in all).
        done: pictures done before.
        total: pictures in all; these alone when None.

    Raises:
        RigsightError: CAL-011 unreadable picture, CAL-014 mixed sizes, CAL-015 board in no picture.
    """
    found: dict[str, Detection] = {}
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
        detection = detect(image, board)
        if detection is not None:
            found[view] = detection
        if progress:
            progress(done + index + 1, total or len(views))
    if not found:
        raise codes.BOARD_NOT_FOUND(
            f"{board.kind} of {board.columns} x {board.rows} in none of {len(pictures)} pictures of camera "
            f"'{name}'"
        )
    return found
