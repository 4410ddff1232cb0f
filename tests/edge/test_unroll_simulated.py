"""The simulated pipe, rendered by its own ray tracer, against the cylinder's map and the unrolled wall."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.calibration.align import Aligner
from rigsight.calibration.rig import Cylinder, Plane, Rig
from rigsight.calibration.unroll import Unrolled
from rigsight.edge.simulation import classes
from rigsight.edge.simulation.pipe import Pipe
from rigsight.edge.simulation.rig import SimulatedRig

INDEX = 31


@pytest.fixture(scope="module")
def simulated() -> SimulatedRig:
    return SimulatedRig("pipe", 3, "test", 480, 360)


def in_the_pipe(simulated: SimulatedRig) -> tuple[Rig, tuple[float, ...], float]:
    """The rig with the true pipe as surface, the direction up, and the camera's chainage."""
    assert isinstance(simulated.world, Pipe)
    pose = simulated.pose("rgb", INDEX)
    turn, centre = pose[:3, :3].T, pose[:3, 3]
    pipe = Cylinder(
        radius_m=simulated.world.radius,
        point_m=tuple(turn @ (np.array([centre[0], 0, 0]) - centre)),
        direction=tuple(turn @ (1.0, 0.0, 0.0)),
    )
    return simulated.rig.model_copy(update={"surface": pipe}), tuple(turn @ (0.0, 0.0, 1.0)), float(centre[0])


def agreement(first: np.ndarray, second: np.ndarray, valid: np.ndarray) -> float:
    """Intersection over union of what is labelled."""
    one, other = (first > 0) & valid, (second > 0) & valid
    return float((one & other).sum() / (one | other).sum())


def test_labels_of_both_cameras_meet_on_the_cylinder_and_not_on_a_plane(simulated: SimulatedRig) -> None:
    rig, _, _ = in_the_pipe(simulated)
    labels = {name: simulated.view(name, INDEX).labels for name in rig.cameras}
    rgb = Aligner(rig, "rgb")
    reference = rgb.nearest(labels["rgb"])
    best = {}
    for surface in (rig.surface, *(Plane(distance_m=d) for d in (0.3, 0.5, 0.8))):
        aligner = Aligner(rig, "thermal", surface=surface)
        valid = (aligner.valid > 0) & (rgb.valid > 0)
        best[surface] = agreement(reference, aligner.nearest(labels["thermal"]), valid)
    assert best.pop(rig.surface) > 0.85  # nearest pixels of both pictures: edges scatter
    assert max(best.values()) < 0.75


def test_joints_are_straight_and_at_their_chainage(simulated: SimulatedRig) -> None:
    rig, up, chainage = in_the_pipe(simulated)
    assert isinstance(simulated.world, Pipe)
    pipe = simulated.world
    section = {"start_m": chainage + 0.15, "end_m": chainage + 1.05, "metres_per_px": 0.003}
    flat = {
        name: Unrolled(rig, name, up=up, camera_chainage_m=chainage, **section) for name in ("rgb", "thermal")
    }
    labels = {name: view.nearest(simulated.view(name, INDEX).labels) for name, view in flat.items()}
    view = flat["rgb"]
    places = [(k + pipe.joint_shift) * pipe.joint_pitch for k in range(-2, 200)]
    ahead = [x for x in places if section["start_m"] + 0.3 < x < section["end_m"] - 0.03]
    assert ahead
    for place in ahead:
        column = view.to_pixels(np.array(place), np.array(0.0))[0]
        for picture in labels.values():
            rows, columns = np.nonzero(picture == classes.JOINT)
            near = np.abs(columns - column) < 20
            assert len(np.unique(rows[near])) > 0.8 * picture.shape[0]  # all round
            assert abs(columns[near].mean() - column) < 1.0
            assert columns[near].std() * view.metres_per_px < pipe.joint_width / 2
    both = (cv2.erode(view.valid, np.ones((5, 5))) > 0) & (flat["thermal"].valid > 0)
    assert agreement(labels["rgb"], labels["thermal"], both) > 0.8


def test_the_water_is_at_six_o_clock(simulated: SimulatedRig) -> None:
    """The simulator's own angle from the crown is the clock's, right of the crown positive."""
    rig, up, chainage = in_the_pipe(simulated)
    view = simulated.view("rgb", INDEX)
    flat = Unrolled(rig, "rgb", up=up, camera_chainage_m=chainage, start_m=chainage, end_m=chainage + 1)
    assert isinstance(simulated.world, Pipe)
    rows, columns = np.mgrid[20:340:40, 20:460:40].reshape(2, -1)
    eye = simulated._rays["rgb"].directions[:, rows, columns].T.astype(float)
    depth = view.depth[rows, columns].astype(float)
    known = np.isfinite(depth)
    assert known.mean() > 0.8
    at, clock = flat.of_points(eye[known] * depth[known, None])
    assert np.allclose(at, view.u[rows, columns][known], atol=1e-3)
    # World y is to the left of someone who looks along x with z up.
    turned = np.mod(-np.degrees(view.v[rows, columns][known] / simulated.world.radius), 360)
    difference = np.mod(clock - turned + 180, 360) - 180
    assert np.abs(difference).max() < 0.1
