"""The rig that a FLIR file describes: how its visible and its thermal picture lie on each other.

The camera shows the visible picture behind the thermal one cut to a part of 1/Real2IR of its width, whose
centre lies OffsetX, OffsetY pixels of the visible picture right of and below its centre. That is one shift
for one distance: what is nearer or farther is off by the parallax of the two lenses, which the file does not
tell.
"""

from __future__ import annotations

import math

import numpy as np

from rigsight.calibration.rig import (
    Camera,
    Float64,
    MatchedHomography,
    OutputGrid,
    Provenance,
    Rig,
    as_matrix3,
    as_matrix4,
)
from rigsight.edge.radiometry.flir_camera import FactoryAlignment
from rigsight.edge.radiometry.photo import RadiometricPhoto

Size = tuple[int, int]
MOST_PX = 20_000  # of a side; no visible camera in a thermal one comes near


def thermal_of_visible(alignment: FactoryAlignment, visible: Size, thermal: Size) -> Float64:
    """The 3x3 matrix from pixels of the visible picture to pixels of the thermal one; sizes are (w, h)."""
    scale = visible[0] / (alignment.real_to_ir * thermal[0])  # visible pixels for one thermal pixel
    centre = (np.array(visible) - 1) / 2 + alignment.offset_px
    shift = (np.array(thermal) - 1) / 2 - centre / scale
    return np.array([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]], [0, 0, 1]])


def factory_rig(photo: RadiometricPhoto) -> tuple[Rig | None, str]:
    """The rig with the cameras ``rgb`` (reference) and ``thermal``, or None, and a sentence that says why.

    Its output is the part of the visible picture that the thermal camera sees, at the visible picture's
    resolution. Where the file does not tell the field of view the focal lengths are the pictures' widths:
    the alignment does not depend on them.
    """
    if photo.visible_size is None:
        return None, "the file holds no visible picture"
    alignment, visible = photo.alignment, photo.visible_size
    thermal = (photo.counts.shape[1], photo.counts.shape[0])
    if alignment is None:
        return None, "the file does not tell where the thermal camera looks in the visible picture"
    if (visible[0] >= visible[1]) != (thermal[0] >= thermal[1]):
        return None, "one of the two pictures stands upright, the other lies"
    H = thermal_of_visible(alignment, visible, thermal)
    scale = 1 / H[0, 0]
    width, height = (max(1, round(side * scale)) for side in thermal)
    if max(width, height) > MOST_PX:
        return None, "what the thermal camera sees would be too large a picture"
    angle = photo.camera.field_of_view_deg
    focal = thermal[0] if angle is None else thermal[0] / 2 / math.tan(math.radians(angle) / 2)
    middle = (np.array(visible) - 1) / 2
    K_rgb = np.array([[focal * scale, 0, middle[0]], [0, focal * scale, middle[1]], [0, 0, 1]])
    K_grid = K_rgb.copy()
    K_grid[:2, 2] = (np.array((width, height)) - 1) / 2 - alignment.offset_px
    model = photo.camera.identity.model or "FLIR camera"
    rig = Rig(
        cameras={
            "rgb": Camera(
                model="pinhole-radtan",
                width=visible[0],
                height=visible[1],
                K=as_matrix3(K_rgb),
                spectrum="rgb",
            ),
            # Both look along one ray, the offset is in the principal point: a distance changes nothing.
            "thermal": Camera(
                model="pinhole-radtan",
                width=thermal[0],
                height=thermal[1],
                K=as_matrix3(H @ K_rgb),
                spectrum="thermal",
            ),
        },
        reference="rgb",
        transforms={"thermal": as_matrix4(np.eye(4))},
        surface=MatchedHomography(H=as_matrix3(H)),
        output=OutputGrid(camera="rgb", width=width, height=height, K=as_matrix3(K_grid)),
        provenance=Provenance(notes=f"factory alignment in the files of a {model}; one distance only"),
    )
    return rig, f"the factory alignment of the {model}"
