from __future__ import annotations

import numpy as np

from rigsight.edge.frames import Flag, Frame, PixelFormat
from rigsight.edge.freeze import FreezeDetector


class CountingLease:
    holders = 1

    def hold(self) -> None:
        self.holders += 1

    def release(self) -> None:
        self.holders -= 1


def frame(data: np.ndarray, camera: str = "thermal") -> Frame:
    return Frame(camera, data, 0, 0, PixelFormat.MONO16, lease=CountingLease())


def test_only_exact_repeats_of_the_same_camera_are_frozen() -> None:
    first = np.random.default_rng(1).integers(0, 2**16, (120, 160), np.uint16)
    one_pixel_off = first.copy()
    one_pixel_off[77, 33] ^= 1
    detect = FreezeDetector()
    frames = [
        frame(first),
        frame(first, "rgb"),
        frame(first.copy()),
        frame(one_pixel_off),
        frame(one_pixel_off),
    ]
    assert [Flag.FROZEN in detect(f).flags for f in frames] == [False, False, True, False, True]
    frames.append(frame(first[:60]))
    assert Flag.FROZEN not in detect(frames[-1]).flags
    detect.close()
    for f in frames:
        f.release()
    assert [f.lease.holders for f in frames] == [0] * 6  # type: ignore[union-attr]
