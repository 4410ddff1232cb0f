"""Cases: pictures of another kind, or spoilt by optics and electronics."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from case import Refused, Words, Works, case
from good_set import HEIGHT, WIDTH, GoodSet, Image


def eight_bit(picture: Image) -> Image:
    """What a camera's automatic gain makes of counts."""
    low, high = np.percentile(picture, (0.5, 99.5))
    grey: Image = np.clip((picture - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return grey


@case(Refused("CAL-070", r"colour.*thermal/00\.png"))
def palette_colours(good: GoodSet, root: Path) -> Words:
    def ironbow(index: int, picture: Image) -> Image:
        return np.ascontiguousarray(cv2.applyColorMap(eight_bit(picture), cv2.COLORMAP_INFERNO)[..., ::-1])

    return good.changed(root, thermal=ironbow)


@case(Works())
def white_hot_in_three_channels(good: GoodSet, root: Path) -> Words:
    return good.changed(root, thermal=lambda index, picture: np.dstack([eight_bit(picture)] * 3))


@case(Works())
def eight_bit_thermal(good: GoodSet, root: Path) -> Words:
    """The gain follows every picture anew."""
    return good.changed(root, thermal=lambda index, picture: eight_bit(picture))


@case(Works())
def polarity_changes(good: GoodSet, root: Path) -> Words:
    """A warm board cools below its surroundings."""
    return good.changed(root, thermal=lambda index, picture: 9000 - picture if index > 4 else picture)


@case(Works())
def grey_first_camera(good: GoodSet, root: Path) -> Words:
    return good.changed(root, rgb=lambda index, picture: cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


@case(Refused("CAL-073", "swapped"))
def swapped_folders(good: GoodSet, root: Path) -> Words:
    words = good.copy(root)
    words[1], words[2] = words[2], words[1]
    return words


@case(Refused("CAL-074", r"'thermal' .*mirrored"))
def mirrored_camera(good: GoodSet, root: Path) -> Words:
    return good.changed(root, thermal=lambda index, picture: np.ascontiguousarray(picture[:, ::-1]))


@case(Works({"03": "turned|relative pose", "06": "turned|relative pose"}))
def two_views_upside_down(good: GoodSet, root: Path) -> Words:
    """Rotated in a viewer that wrote them back."""

    def turned(index: int, picture: Image) -> Image:
        return np.ascontiguousarray(picture[::-1, ::-1]) if index in (3, 6) else picture

    return good.changed(root, thermal=turned)


@case(Works({"02": "saturated", "05": "saturated"}))
def two_views_overexposed(good: GoodSet, root: Path) -> Words:
    def exposed(index: int, picture: Image) -> Image:
        return (
            np.clip(picture.astype(np.float32) * 12, 0, 255).astype(np.uint8) if index in (2, 5) else picture
        )

    return good.changed(root, rgb=exposed)


@case(Refused("CAL-015", "saturated"))
def all_views_overexposed(good: GoodSet, root: Path) -> Words:
    return good.changed(root, rgb=lambda index, picture: np.maximum(picture, 252))


@case(Refused("CAL-015", "nearly uniform"))
def lens_cap(good: GoodSet, root: Path) -> Words:
    return good.changed(root, thermal=lambda index, picture: np.full_like(picture, 3000))


@case(Works(dict.fromkeys(("01", "04", "08"), "rgb: (blurred|the board is not found)"), error_px=1.0))
def three_views_blurred(good: GoodSet, root: Path) -> Words:
    """Out of focus; the circles can still be seen, but not where they are."""

    def blurred(index: int, picture: Image) -> Image:
        return cv2.GaussianBlur(picture, (0, 0), 3.5) if index in (1, 4, 8) else picture

    return good.changed(root, rgb=blurred)


@case(Refused("CAL-015", "blur|not found|sharp|in none"))
def all_views_blurred(good: GoodSet, root: Path) -> Words:
    return good.changed(root, rgb=lambda index, picture: cv2.GaussianBlur(picture, (0, 0), 16))


@case(Refused("CAL-015", "noise|in none"))
def nothing_but_noise(good: GoodSet, root: Path) -> Words:
    noise = np.random.default_rng(0).integers(0, 60000, (HEIGHT, WIDTH), dtype=np.uint16)
    return good.changed(root, thermal=lambda index, picture: noise)


@case(Works({"07": "thermal: .*not found"}))
def hand_before_the_board(good: GoodSet, root: Path) -> Words:
    def covered(index: int, picture: Image) -> Image:
        if index != 7:
            return picture
        spoilt = picture.copy()
        x, y = good.studio().project("thermal", good.poses[7]).mean(axis=0).astype(int)
        cv2.circle(spoilt, (int(x), int(y)), 14, int(picture.max()), -1)
        return spoilt

    return good.changed(root, thermal=covered)
