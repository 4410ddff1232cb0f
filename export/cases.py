"""Simulated pictures on which an export is judged, and which become the golden file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.golden import Golden
from rigsight.edge.bundle.spec import AgcSpec, Preprocessing
from rigsight.edge.frames import Image
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import Scene

SEED = 77
INDEX = 12


def simulated_cases(preprocessing: Preprocessing, scenes: Sequence[str] = ()) -> Golden:
    """One pair of each scene from the simulator's test split, 320x240, with its rig; no outputs yet.

    Scenes that the simulator does not know are left out; without any known one all are taken.
    """
    known = tuple(scene for scene in get_args(Scene) if scene in scenes) or get_args(Scene)
    rigs = [SimulatedRig(scene, SEED) for scene in known]
    sets = [rig.render(INDEX) for rig in rigs]
    thermal: tuple[Image, ...] = tuple(pair.thermal for pair in sets)
    if preprocessing.thermal_input == "camera8":
        agc = PercentileAgc(AgcSpec(smoothing=0))
        thermal = tuple(agc.apply(counts, agc.bounds(counts)) for counts in thermal)
    return Golden(
        rgb=tuple(pair.rgb for pair in sets),
        thermal=thermal,
        rigs=tuple(rig.rig.to_yaml() for rig in rigs),
        scenes=known,
    )
