"""Pictures with people and cars on which an instance bundle is judged, from the simulated street."""

from __future__ import annotations

from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.golden import Golden
from rigsight.edge.bundle.spec import AgcSpec, Preprocessing
from rigsight.edge.frames import Image
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.export.cases import SEED

SIZE = (640, 480)
STEPS = (12, 40, 75)


def street_cases(preprocessing: Preprocessing, role: str) -> Golden:
    """Three pictures 640x480 of one camera of the simulator's test split; no outputs yet."""
    rig = SimulatedRig("street", SEED, "test", *SIZE)
    sets = [rig.render(step) for step in STEPS]
    thermal: list[Image | None] = [None] * len(sets)
    if role == "thermal":
        thermal = [pair.thermal for pair in sets]
        if preprocessing.thermal_input == "camera8":
            agc = PercentileAgc(AgcSpec(smoothing=0))
            thermal = [agc.apply(pair.thermal, agc.bounds(pair.thermal)) for pair in sets]
    return Golden(
        rgb=tuple(pair.rgb if role == "rgb" else None for pair in sets),
        thermal=tuple(thermal),
        rigs=(None,) * len(sets),
        scenes=tuple(f"street {step}" for step in STEPS),
    )
