"""People and cars of the simulated street one by one, as the thermal camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.simulation import classes
from rigsight.edge.simulation.rig import STREAM_NOISE, SimulatedRig
from rigsight.edge.simulation.street_geometry import StreetGeometry
from rigsight.edge.simulation.street_view import StreetView
from rigsight.edge.simulation.things import CAR, PARTS_OF_A_PERSON, PERSON
from rigsight.edge.simulation.view import Int32

NOTHING = -1


@dataclass(frozen=True)
class ThermalInstances:
    """One thermal picture: ``counts`` uint16 [H,W], ``ids`` int32 [H,W] (-1: no thing), and ``classes``:
    the simulator's class id of instance 0, 1, …"""

    counts: NDArray[np.uint16]
    ids: Int32
    classes: tuple[int, ...]


def thermal_instances(rig: SimulatedRig, index: int) -> ThermalInstances:
    """The thermal camera's picture at a time step of the street, with its people and cars.

    The sensor's noise has its own draws, so that the picture differs from ``rig.render(index).thermal`` in
    nothing but noise.
    """
    view = rig.view("thermal", index)
    assert isinstance(view, StreetView), "only the street has things to count"
    noise = rig.pools.stream(STREAM_NOISE, index, 1).rng
    ids, found = instance_ids(view)
    return ThermalInstances(rig.thermal_sensor(view.kelvin(), index, noise), ids, found)


def instance_ids(view: StreetGeometry) -> tuple[Int32, tuple[int, ...]]:
    """``ids`` int32 [H,W] from 0 without gaps, -1 elsewhere, and the class of every instance.

    The renderer's object numbers are used, so that things that touch or hide each other stay apart, and a
    thing in several pieces stays one. What is too small for the labels is no instance either.
    """
    kinds = view.table["kind"].astype(np.int32)
    instance = np.full(len(kinds), NOTHING, np.int32)
    cars, people = np.flatnonzero(kinds == CAR), np.flatnonzero(kinds == PERSON)
    instance[cars] = np.arange(len(cars))
    instance[people] = len(cars) + np.arange(len(people)) // PARTS_OF_A_PERSON
    ids = np.where(np.isin(view.labels, (classes.CAR, classes.PERSON)), instance[view.object], NOTHING)
    seen, places = np.unique(ids, return_inverse=True)
    compact: Int32 = places.reshape(ids.shape).astype(np.int32)
    if len(seen) and seen[0] == NOTHING:
        seen = seen[1:]
        compact -= 1
    found = tuple(classes.CAR if number < len(cars) else classes.PERSON for number in seen)
    return compact, found
