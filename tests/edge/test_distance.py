"""Alignment by the measured distance: the same map as one built for it, and rebuilt only where it shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rigsight.calibration.rig import Plane, Rig
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.devices.instruments import Readings
from rigsight.edge.devices.track import Lookup
from rigsight.edge.distance import DistanceFollower
from rigsight.edge.frames import Frame, FrameSet, PixelFormat
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.protocols.ranges import Distance
from rigsight.edge.simulation.rig import SimulatedRig

SIZE = (160, 120)


@pytest.fixture(scope="module")
def simulated() -> SimulatedRig:
    return SimulatedRig("facade", 2, "test", *SIZE)


def measured(range_m: float | None) -> FrameSet:
    how = "unknown" if range_m is None else "held"
    lookup = Lookup(None if range_m is None else Distance(range_m), how, 0.0)
    return FrameSet(0, 0, {}, readings=Readings(distance=lookup))


def warped(preprocessor: Preprocessor, simulated: SimulatedRig) -> np.ndarray:
    made = simulated.render(3)
    frames = {
        "rgb": Frame("rgb", made.rgb, 0, 0, PixelFormat.RGB8),
        "thermal": Frame("thermal", made.thermal, 0, 0, PixelFormat.MONO16),
    }
    preprocessor.agc.reset()
    return preprocessor(FrameSet(0, 0, frames)).thermal


def with_finder(rig: Rig, pose: np.ndarray) -> Rig:
    return rig.model_copy(update={"T_reference_rangefinder": tuple(map(tuple, pose.tolist()))})


def test_the_alignment_is_that_of_a_plane_at_the_measured_distance(simulated: SimulatedRig) -> None:
    followed = Preprocessor(Preprocessing(), SIZE, simulated.rig)
    follower = DistanceFollower(followed, simulated.rig, tolerance_px=0.0)
    before = warped(followed, simulated)
    follower(measured(3.0))
    plane = Plane(distance_m=follower.plane_distance(3.0), normal=follower._normal.tolist())
    built = Preprocessor(Preprocessing(), SIZE, simulated.rig, plane)
    assert np.array_equal(warped(followed, simulated), warped(built, simulated))
    assert not np.array_equal(before, warped(followed, simulated)), "another distance must show"


def test_what_nobody_could_see_rebuilds_nothing(simulated: SimulatedRig) -> None:
    preprocessor = Preprocessor(Preprocessing(), SIZE, simulated.rig)
    follower = DistanceFollower(preprocessor, simulated.rig)
    for range_m in (5.0, 5.001, 4.999, 5.002):
        follower(measured(range_m))
    assert follower.rebuilt == 1
    shift = 1 / follower._least_change  # focal length times baseline over the tolerance
    near = 1 / (1 / 5.0 + 1.01 / shift)
    follower(measured(near))
    assert follower.rebuilt == 2
    assert follower.distance_m == pytest.approx(follower.plane_distance(near))


def test_an_unknown_distance_leaves_the_last_one(simulated: SimulatedRig) -> None:
    follower = DistanceFollower(Preprocessor(Preprocessing(), SIZE, simulated.rig), simulated.rig)
    follower(measured(4.0))
    follower(measured(None))
    follower(FrameSet(0, 0, {}))
    assert follower.rebuilt == 1
    assert follower.distance_m == pytest.approx(follower.plane_distance(4.0))


def test_a_tilted_range_finder_beside_the_camera_hits_the_same_plane(simulated: SimulatedRig) -> None:
    """30 degrees to the right, 0.2 m behind: of a wall at 6 m it measures (6 + 0.2) / cos 30."""
    angle = math.radians(30)
    pose = np.eye(4)
    pose[:3, :3] = [
        [math.cos(angle), 0, math.sin(angle)],
        [0, 1, 0],
        [-math.sin(angle), 0, math.cos(angle)],
    ]
    pose[:3, 3] = (0.1, 0.0, -0.2)
    rig = with_finder(simulated.rig, pose).model_copy(update={"surface": Plane(distance_m=9.0)})
    follower = DistanceFollower(Preprocessor(Preprocessing(), SIZE, rig), rig)
    assert follower.plane_distance(6.2 / math.cos(angle)) == pytest.approx(6.0)


def test_a_beam_that_misses_the_surface_means_far_away(simulated: SimulatedRig) -> None:
    pose = np.diag([1.0, -1.0, -1.0, 1.0])  # it looks back
    rig = with_finder(simulated.rig, pose).model_copy(update={"surface": Plane(distance_m=9.0)})
    preprocessor = Preprocessor(Preprocessing(), SIZE, rig)
    follower = DistanceFollower(preprocessor, rig)
    assert follower.plane_distance(3.0) == math.inf
    follower(measured(3.0))
    assert follower.distance_m == math.inf
