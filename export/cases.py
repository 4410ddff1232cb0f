"""Pictures on which an export is judged, and which become the golden file: simulated, or the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import cv2

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.golden import Golden
from rigsight.edge.bundle.spec import AgcSpec, Preprocessing
from rigsight.edge.frames import Image, as_uint8
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import Scene
from rigsight.edge.sources.pictures import one_or_all, read_picture
from rigsight.export import codes

SEED = 77
INDEX = 12
MAX_PICTURES = 4
# Larger than the usual tile in one direction only: seams and mirrored ends are both proven.
TILED_SIZE = (640, 480)


def simulated_cases(
    preprocessing: Preprocessing, scenes: Sequence[str] = (), roles: Sequence[str] = ("rgb", "thermal")
) -> Golden:
    """One pair of each scene from the simulator's test split, 320x240, with its rig; no outputs yet.

    Scenes that the simulator does not know are left out; without any known one all are taken. With one camera
    among ``roles`` there is no rig, and the scene is the facade; tiles get pictures of 640x480.
    """
    known = tuple(scene for scene in get_args(Scene) if scene in scenes) or get_args(Scene)
    alone = len(roles) == 1
    if alone:
        known = ("facade",)
    size = TILED_SIZE if alone and preprocessing.geometry.kind == "tile" else (320, 240)
    rigs = [SimulatedRig(scene, SEED, "test", *size) for scene in known]
    sets = [rig.render(INDEX) for rig in rigs]
    thermal: tuple[Image, ...] = tuple(pair.thermal for pair in sets)
    if preprocessing.thermal_input == "camera8":
        agc = PercentileAgc(AgcSpec(smoothing=0))
        thermal = tuple(agc.apply(counts, agc.bounds(counts)) for counts in thermal)
    return Golden(
        rgb=tuple(pair.rgb if "rgb" in roles else None for pair in sets),
        thermal=tuple(counts if "thermal" in roles else None for counts in thermal),
        rigs=tuple(None if alone else rig.rig.to_yaml() for rig in rigs),
        scenes=known,
    )


def photo_cases(path: str | Path, roles: Sequence[str]) -> Golden:
    """The first pictures of a folder, or one picture, for a bundle of one camera; no outputs yet.

    Raises:
        RigsightError: EXP-007 for a bundle of two cameras, SRC-… for what cannot be read.
    """
    if len(roles) != 1:
        raise codes.GOLDEN_PICTURES(f"the network takes {' and '.join(roles)}", where=path)
    files = one_or_all(path)[:MAX_PICTURES]
    pictures = [read_picture(file, roles[0]) for file in files]
    nothing = (None,) * len(files)
    stems = tuple(file.stem for file in files)
    if roles[0] == "thermal":
        return Golden(rgb=nothing, thermal=tuple(pictures), rigs=nothing, scenes=stems)
    rgb = tuple(as_uint8(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)) for picture in pictures)
    return Golden(rgb=rgb, thermal=nothing, rigs=nothing, scenes=stems)
