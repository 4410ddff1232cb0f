"""k3, the third radial coefficient: only where the views show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rigsight.calibration.boards import Board
from rigsight.calibration.solve.lens import lens_vector
from rigsight.calibration.solve.noise import covariance_of
from rigsight.calibration.solve.refine import Refined, refine
from rigsight.calibration.solve.state import State
from rigsight.calibration.solve.views import View

# A k3 that the views do not show bends the picture's corners by pixels, and Kalibr's lens has none.
SIGNIFICANT_SIGMAS = 3.0
K3 = 8  # its place in lens_vector


def with_significant_k3(refined: Refined, views: Sequence[View], board: Board) -> Refined:
    """The minimum with a k3 for the pinhole lenses whose views show one, and none for the others."""
    state = refined.state
    lenses = zip(state.cameras, state.free, strict=True)
    wanted = [bool(c.model == "pinhole-radtan" and len(c.D) == 4 and free.any()) for c, free in lenses]
    if not any(wanted):
        return refined
    tried = refine(_with_k3(state, wanted), views, board)
    try:
        sigmas = np.sqrt(np.diag(covariance_of(tried.found.arrow)))
    except np.linalg.LinAlgError:
        return refined
    shown = []
    for index, (camera, want) in enumerate(zip(tried.state.cameras, wanted, strict=True)):
        k3 = sigmas[tried.state.lens_columns(index)][-1] if want else np.inf
        shown.append(bool(want and abs(lens_vector(camera)[K3]) > SIGNIFICANT_SIGMAS * k3))
    if shown == wanted:
        return tried
    return refine(_with_k3(state, shown), views, board) if any(shown) else refined


def _with_k3(state: State, chosen: Sequence[bool]) -> State:
    cameras = [
        camera.model_copy(update={"D": (*camera.D, 0.0)}) if choose else camera
        for camera, choose in zip(state.cameras, chosen, strict=True)
    ]
    free = [np.append(f, True) if choose else f for f, choose in zip(state.free, chosen, strict=True)]
    return replace(state, cameras=tuple(cameras), free=tuple(free))
