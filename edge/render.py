"""Pictures for people: thermal in colour, masks over pictures, panels side by side. RGB in, RGB out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, Prediction, UInt8, as_uint8
from rigsight.edge.instances import Instance
from rigsight.edge.pairing import NO_CAMERA

LABEL_HEIGHT = 24
LEGEND_HEIGHT = 22
MAX_PANEL_WIDTH = 480
_BAND = (24, 26, 30)
_TEXT = (235, 235, 235)
_WARNING = (255, 120, 90)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def thermal_to_colour(thermal: UInt8) -> UInt8:
    """Thermal after AGC uint8 [H,W] in the inferno palette, uint8 [H,W,3]; hot is bright."""
    return as_uint8(cv2.cvtColor(cv2.applyColorMap(thermal, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))


def colour_mask(mask: UInt8, classes: Sequence[ClassEntry]) -> UInt8:
    """Class ids uint8 [H,W] in the bundle's palette, uint8 [H,W,3]; unlabelled is black."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(classes)] = [entry.color for entry in classes]
    table[UNLABELLED] = 0
    return table[mask]


def overlay(rgb: UInt8, mask: UInt8, classes: Sequence[ClassEntry], opacity: float = 0.55) -> UInt8:
    """The picture uint8 [H,W,3] tinted by class; class 0 (background) and unlabelled pixels stay untinted."""
    tinted = cv2.addWeighted(rgb, 1 - opacity, colour_mask(mask, classes), opacity, 0)
    shown = (mask != 0) & (mask != UNLABELLED)
    return np.where(shown[..., None], tinted, rgb)


def draw_instances(rgb: UInt8, instances: Sequence[Instance], classes: Sequence[ClassEntry]) -> UInt8:
    """A copy of the picture uint8 [H,W,3] with outline, box, class and score of the sure instances."""
    drawn = rgb.copy()
    height, width = drawn.shape[:2]
    for each in reversed([each for each in instances if each.sure]):
        entry = classes[each.label]
        outlines, _ = cv2.findContours(each.mask(height, width), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, entry.color, 1)
        x0, y0, x1, y1 = (round(float(side)) for side in each.box)
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), entry.color, 1)
        text, y = f"{entry.name} {each.score:.2f}", y0 - 3 if y0 > 12 else y0 + 11
        length = cv2.getTextSize(text, _FONT, 0.35, 1)[0][0]
        cv2.rectangle(drawn, (x0, y - 9), (x0 + length, y + 2), _BAND, -1)
        cv2.putText(drawn, text, (x0, y), _FONT, 0.35, _TEXT, 1, cv2.LINE_AA)
    return drawn


def average_fusion(rgb: UInt8, thermal: UInt8) -> UInt8:
    """Plain averaging of RGB uint8 [H,W,3] and thermal uint8 [H,W]: the baseline of every fusion."""
    return as_uint8(cv2.addWeighted(rgb, 0.5, cv2.cvtColor(thermal, cv2.COLOR_GRAY2RGB), 0.5, 0))


def luma(rgb: UInt8) -> UInt8:
    """Y of BT.601 of an RGB picture uint8 [H,W,3], uint8 [H,W]."""
    return as_uint8(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def panel_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of one panel for a grid: at most 480 wide, both even, as encoders want."""
    scale = min(1.0, MAX_PANEL_WIDTH / width)
    return max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)


def side_by_side(prediction: Prediction, classes: Sequence[ClassEntry]) -> UInt8:
    """RGB, thermal, fused and mask beside each other, labelled, with the legend of classes below.

    uint8 [H', 4 W', 3], where W' and H' follow from :func:`panel_size` and the bands; the same for every
    prediction on one grid. A bundle of one camera has two panels: the picture and the mask.
    """
    aligned = prediction.aligned
    has = aligned.source.frames
    size = panel_size(aligned.rgb.shape[1], aligned.rgb.shape[0])
    note = f"mask, {prediction.degraded}" if prediction.degraded else "mask"
    tinted = overlay(background(prediction), prediction.mask, classes)
    if prediction.instances:
        tinted = draw_instances(tinted, prediction.instances, classes)
    panels = {
        "rgb": _panel(aligned.rgb if "rgb" in has else None, "RGB", size),
        "thermal": _panel(thermal_to_colour(aligned.thermal) if "thermal" in has else None, "thermal", size),
        "fused": _panel(prediction.fused, "fused", size),
        "mask": _panel(tinted, note, size, bool(prediction.degraded)),
    }
    never = [role for role, why in aligned.source.missing.items() if why == NO_CAMERA]
    if never and prediction.degraded is None:  # the bundle does not want it, and so has nothing to fuse
        del panels[never[0]], panels["fused"]
    row = np.hstack(list(panels.values()))
    return np.vstack([row, legend(classes, row.shape[1])])


def legend(classes: Sequence[ClassEntry], width: int) -> UInt8:
    """A band of colour swatches with class names, uint8 [22,width,3]."""
    band = np.full((LEGEND_HEIGHT, width, 3), _BAND, np.uint8)
    x = 8
    for entry in classes:
        length = cv2.getTextSize(entry.name, _FONT, 0.42, 1)[0][0]
        if x + length + 20 > width:
            break
        cv2.rectangle(band, (x, 6), (x + 10, 16), entry.color, -1)
        cv2.putText(band, entry.name, (x + 15, 15), _FONT, 0.42, _TEXT, 1, cv2.LINE_AA)
        x += length + 32
    return band


def background(prediction: Prediction) -> UInt8:
    """What a mask is laid over: RGB, else the thermal picture in grey; uint8 [H,W,3].

    A bundle of one camera leaves the other one's picture black, even where the source gives it.
    """
    aligned = prediction.aligned
    if "rgb" in aligned.source.frames and ("thermal" not in aligned.source.frames or aligned.rgb.any()):
        return aligned.rgb
    return as_uint8(cv2.cvtColor(aligned.thermal, cv2.COLOR_GRAY2RGB))


def _panel(picture: UInt8 | None, label: str, size: tuple[int, int], warning: bool = False) -> UInt8:
    width, height = size
    panel = np.full((height + LABEL_HEIGHT, width, 3), _BAND, np.uint8)
    if picture is None:
        label, warning = f"{label}: missing", True
    elif picture.shape[1::-1] == size:
        panel[LABEL_HEIGHT:] = picture
    else:
        panel[LABEL_HEIGHT:] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    colour = _WARNING if warning else _TEXT
    cv2.putText(panel, label, (8, 17), _FONT, 0.5, colour, 1, cv2.LINE_AA)
    return panel
