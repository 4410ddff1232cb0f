"""Native pictures that travel with a bundle, as the cameras' frames and on the bundle's grid."""

from __future__ import annotations

import numpy as np

from rigsight.base.schema import parse_model, parse_yaml
from rigsight.calibration.codes import RIG_UNREADABLE
from rigsight.calibration.rig import Rig
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.frames import Aligned, Frame, FrameSet, Image, PixelFormat, UInt8
from rigsight.edge.preprocess import Preprocessor


def frame_set_of(rgb: UInt8 | None, thermal: Image | None) -> FrameSet:
    """The pictures as they came from the cameras: uint8 [h,w,3], and uint16 counts or uint8 [h,w]."""
    frames = {}
    if rgb is not None:
        frames["rgb"] = Frame("rgb", rgb, 0, 0, PixelFormat.RGB8)
    if thermal is not None:
        mono = PixelFormat.MONO16 if thermal.dtype == np.uint16 else PixelFormat.MONO8
        frames["thermal"] = Frame("thermal", thermal, 0, 0, mono)
    return FrameSet(0, 0, frames)


def rig_of(text: str | None, where: str) -> Rig | None:
    """The rig of a rig.yaml's text, None without one. Raises RigsightError CAL-001 where it is none."""
    if text is None:
        return None
    return parse_model(
        parse_yaml(text.encode(), RIG_UNREADABLE, where=where), Rig, RIG_UNREADABLE, where=where
    )


def on_grid_of(bundle: Bundle, frames: FrameSet, rig: Rig | None) -> Aligned:
    """The set on the bundle's grid, through the deployed preprocessing.

    Raises:
        RigsightError: SRC-101 for another thermal depth.
    """
    roles = wanted(bundle.part())
    return Preprocessor(bundle.spec.preprocessing, bundle.size, rig, roles=roles)(frames)
