"""eval/: labelled pictures that travel with a bundle, for the device's own verdict on its variants.

    eval/00.rgb.png       uint8, as the camera gave it
    eval/00.thermal.png   uint16 counts before the AGC, or uint8
    eval/00.rig.yaml      where the pictures are not aligned already
    eval/00.truth.png     uint8 class ids on the grid of the masks, 255 unlabelled

The truth lies on the grid, so that no resampling of labels differs between the workstation and the robot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from rigsight.edge import codes
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.native import frame_set_of, on_grid_of, rig_of
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import MAX_EVALUATION_IMAGES
from rigsight.edge.frames import Aligned, Image, UInt8, as_uint8

FOLDER = "eval/"
_TRUTH = re.compile(r"eval/(\d\d)\.truth\.png")
_MAX_PIXELS = 200_000_000


@dataclass(frozen=True)
class LabelledCase:
    """One labelled picture set: ``rgb`` uint8 [h,w,3], ``thermal`` uint16 or uint8 [h,w], at least one of
    them; ``truth`` uint8 [H,W] on the grid; ``rig`` the text of a rig.yaml, None for aligned pictures.
    """

    name: str
    rgb: UInt8 | None
    thermal: Image | None
    truth: UInt8
    rig: str | None = None

    def aligned(self, bundle: Bundle) -> Aligned:
        """The pictures through the bundle's preprocessing.

        Raises:
            RigsightError: CAL-001 where the rig's text is no rig.yaml, SRC-101 for another thermal depth.
        """
        rig = rig_of(self.rig, f"{bundle.path}/{FOLDER}")
        return on_grid_of(bundle, frame_set_of(self.rgb, self.thermal), rig)


def to_files(cases: Iterable[LabelledCase]) -> dict[str, bytes]:
    """Path in the bundle -> content.

    Raises:
        ValueError: more than fifty cases.
    """
    files: dict[str, bytes] = {}
    for number, case in enumerate(cases):
        if number >= MAX_EVALUATION_IMAGES:
            raise ValueError(f"a bundle has at most {MAX_EVALUATION_IMAGES} labelled pictures")
        stem = f"{FOLDER}{number:02d}"
        if case.rgb is not None:
            files[f"{stem}.rgb.png"] = _png(cv2.cvtColor(case.rgb, cv2.COLOR_RGB2BGR))
        if case.thermal is not None:
            files[f"{stem}.thermal.png"] = _png(case.thermal)
        if case.rig is not None:
            files[f"{stem}.rig.yaml"] = case.rig.encode()
        files[f"{stem}.truth.png"] = _png(case.truth)
    return files


def labelled_names(files: Mapping[str, object]) -> list[str]:
    """The cases among a bundle's files, such as "00", in order."""
    found = (_TRUTH.fullmatch(path) for path in files)
    return sorted(match[1] for match in found if match is not None)[:MAX_EVALUATION_IMAGES]


def read_case(bundle: Bundle, name: str) -> LabelledCase:
    """One of :func:`labelled_names`.

    Raises:
        RigsightError: BND-001 for a picture that cannot be read, BND-004 for a camera that is missing or a
            class that the bundle does not have, BND-003 for changed bytes.
    """
    stem, listed = f"{FOLDER}{name}", bundle.spec.files
    truth = _picture(bundle, f"{stem}.truth.png", np.uint8, 2)
    rgb = thermal = None
    if f"{stem}.rgb.png" in listed:
        rgb = as_uint8(cv2.cvtColor(_picture(bundle, f"{stem}.rgb.png", np.uint8, 3), cv2.COLOR_BGR2RGB))
    if f"{stem}.thermal.png" in listed:
        depth = np.uint16 if bundle.spec.preprocessing.thermal_input == "counts16" else np.uint8
        thermal = _picture(bundle, f"{stem}.thermal.png", depth, 2)
    seen = {"rgb": rgb, "thermal": thermal}
    for role in wanted(bundle.part()):
        if seen[role] is None:
            raise codes.BUNDLE_CONTRACT(
                f"the labelled picture '{name}' has no {role}", where=f"{bundle.path}/{FOLDER}"
            )
    highest = int(truth[truth != 255].max(initial=0))
    if highest >= len(bundle.spec.classes):
        raise codes.BUNDLE_CONTRACT(
            f"the labels have a class {highest}, bundle.yaml has {len(bundle.spec.classes)}",
            where=f"{bundle.path}/{stem}.truth.png",
        )
    rig_file = f"{stem}.rig.yaml"
    rig = bundle.read(rig_file).decode(errors="replace") if rig_file in listed else None
    return LabelledCase(name, rgb, thermal, as_uint8(truth), rig)


def _png(picture: Image) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _picture(bundle: Bundle, path: str, depth: type, axes: int) -> Image:
    """Raises RigsightError BND-001 for anything but a PNG of that depth and so many axes."""
    where = f"{bundle.path}/{path}"
    data = np.frombuffer(bundle.read(path), np.uint8)
    header = data[16:24].tobytes()
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if data[:8].tobytes() != b"\x89PNG\r\n\x1a\n" or not 0 < width * height <= _MAX_PIXELS:
        raise codes.BUNDLE_UNREADABLE("it is no PNG picture of a reasonable size", where=where)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        picture = None
    if picture is None or picture.dtype != depth or picture.ndim != axes:
        raise codes.BUNDLE_UNREADABLE(f"it is no PNG of {np.dtype(depth)} with {axes} axes", where=where)
    return picture
