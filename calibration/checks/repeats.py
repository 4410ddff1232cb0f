"""Views that show nothing new: copies, bursts of a board at rest, frozen thermal pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.boards import Float64
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.solve.views import View

SAME_PX = 0.25  # root mean square; a hand does not hold a board that still, and noise is below
MOVED_PX = 1.0
IDENTICAL_PX = 1e-3


def repeated_views(views: Sequence[View]) -> dict[str, str]:
    """View -> reason, for views to drop. The first of equal views stays.

    A view in which nothing has moved adds no knowledge, but would count as if it did. Where one camera shows
    what it showed before while the other sees the board elsewhere, its picture is not of that instant:
    thermal cameras repeat the last frame during a flat-field correction.
    """
    reasons: dict[str, str] = {}
    kept: list[View] = []
    for view in views:
        reason = next((found for before in kept if (found := _repeats(view, before))), None)
        if reason is None:
            kept.append(view)
        else:
            reasons[view.name] = reason
    return reasons


def require_two_cameras(views: Sequence[View], names: tuple[str, str]) -> None:
    """Two cameras never see a board at exactly the same pixels. Raises CAL-013."""
    pairs = [view.seen for view in views if all(name in view.seen for name in names)]
    if pairs and all(movement_px(seen[names[0]], seen[names[1]]) < IDENTICAL_PX for seen in pairs):
        raise codes.PICTURES_UNPAIRED(
            f"'{names[0]}' and '{names[1]}' have the same pictures",
            fix="Give each camera the folder of its own pictures.",
        )


def _repeats(view: View, before: View) -> str | None:
    moves = {
        name: movement_px(before.seen[name], seen) for name, seen in view.seen.items() if name in before.seen
    }
    still = [name for name, move in moves.items() if move < SAME_PX]
    moved = [name for name, move in moves.items() if move > MOVED_PX]
    if still and moved:
        return (
            f"{still[0]}: frozen, the same picture as in view {before.name} while the board moved by "
            f"{moves[moved[0]]:.0f} px in {moved[0]}"
        )
    if still and len(still) == len(view.seen):
        return f"the same as view {before.name}: the board has not moved"
    return None


def movement_px(first: Detection, second: Detection) -> float:
    """Root mean square distance of the points that both detections have; infinity without common ones."""
    _, a, b = np.intersect1d(first.ids, second.ids, return_indices=True)
    if first.size != second.size or not len(a):
        return float("inf")
    off: Float64 = first.points[a] - second.points[b]
    return float(np.sqrt((off**2).sum(axis=1).mean()))
