"""Boards that moved between the two exposures of a pair."""

from __future__ import annotations

from collections.abc import Mapping

from rigsight.calibration import codes

# The relative pose adds six parameters to those of the cameras alone, so that the error hardly grows when
# every pair shows one instant.
MOST_GROWTH = 3.0
AT_LEAST_PX = 0.2


def require_one_instant(alone_px: Mapping[str, float], together_px: Mapping[str, float]) -> None:
    """Refuse pairs whose cameras fit their own pictures well, and each other badly.

    Args:
        alone_px: camera -> reprojection error of its own solution, pixels.
        together_px: camera -> the same in the joint solution.

    Raises:
        RigsightError: CAL-076.
    """
    for name, together in together_px.items():
        if together > max(MOST_GROWTH * alone_px[name], AT_LEAST_PX):
            raise codes.MOVED_BETWEEN_EXPOSURES(
                f"alone the pictures of '{name}' fit to {alone_px[name]:.2g} px, together with the other "
                f"camera's to {together:.2g} px: the pairs do not show one instant"
            )
