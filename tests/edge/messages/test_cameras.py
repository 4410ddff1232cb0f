"""camera_info projects as the rig does, and /tf_static puts every point where the rig puts it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.exchange.rotations import from_quaternion
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, as_matrix4
from rigsight.edge.messages import camera_info, deserialise, grid_info, serialise, static_transforms
from rigsight.edge.messages.types.builtin_interfaces import Time
from rigsight.edge.messages.types.geometry_msgs import TransformStamped
from rigsight.edge.messages.types.sensor_msgs import CameraInfo
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.simulation.rig import SimulatedRig
from tests.edge.messages.made import HEIGHT, WIDTH, K, prediction

MATRIX = ((500.0, 0.0, 320.0), (0.0, 505.0, 240.0), (0.0, 0.0, 1.0))
POINTS = np.array([[0.1, -0.2, 1.5], [0.4, 0.3, 2.0], [-0.5, 0.1, 1.0]])
LENSES = {
    (): ("plumb_bob", 5),
    (0.1, -0.05, 0.001, 0.002): ("plumb_bob", 5),
    (0.1, -0.05, 0.001, 0.002, 0.01): ("plumb_bob", 5),
    (0.1, -0.05, 0.001, 0.002, 0.01, 0.02, 0.03, 0.04): ("rational_polynomial", 8),
}


def camera(D: tuple[float, ...], model: str = "pinhole-radtan", K: object = MATRIX) -> Camera:
    return Camera(model=model, width=640, height=480, K=K, D=D, spectrum="rgb")  # type: ignore[arg-type]


@pytest.mark.parametrize("D", list(LENSES))
def test_a_pinhole_camera_projects_the_same_from_its_message(D: tuple[float, ...]) -> None:
    lens = camera(D)
    info = deserialise(serialise(camera_info(lens, Header())), CameraInfo)
    assert (info.distortion_model, len(info.d)) == LENSES[D]
    assert (info.width, info.height) == (640, 480)
    theirs, _ = cv2.projectPoints(
        POINTS, np.zeros(3), np.zeros(3), np.array(info.k).reshape(3, 3), np.array(info.d)
    )
    assert np.abs(theirs.reshape(-1, 2) - project(lens, POINTS)).max() < 1e-9


def test_a_fisheye_is_equidistant_and_projects_the_same() -> None:
    lens = camera((0.1, -0.02, 0.003, -0.001), "fisheye")
    info = camera_info(lens, Header())
    assert (info.distortion_model, len(info.d)) == ("equidistant", 4)
    theirs, _ = cv2.fisheye.projectPoints(
        POINTS.reshape(1, -1, 3), np.zeros(3), np.zeros(3), np.array(info.k).reshape(3, 3), np.array(info.d)
    )
    assert np.abs(theirs.reshape(-1, 2) - project(lens, POINTS)).max() < 1e-9


def test_r_and_p_are_those_of_a_camera_alone() -> None:
    info = camera_info(camera(()), Header())
    assert np.array_equal(np.array(info.r).reshape(3, 3), np.eye(3))
    assert np.array_equal(np.array(info.p).reshape(3, 4), np.hstack([MATRIX, np.zeros((3, 1))]))
    assert info.roi.width == info.binning_x == 0


def test_a_skew_is_refused() -> None:
    with pytest.raises(RigsightError, match="MSG-004: K has a skew of 0.5 px"):
        camera_info(camera((), K=((500, 0.5, 320), (0, 500, 240), (0, 0, 1))), Header(frame_id="rgb"))


def test_the_grid_has_its_own_k_and_no_distortion() -> None:
    info = grid_info(prediction().aligned, Header())
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert np.array_equal(np.array(info.k).reshape(3, 3), K)
    assert info.d == (0.0,) * 5


def matrix(message: TransformStamped) -> np.ndarray:
    q, t = message.transform.rotation, message.transform.translation
    T = np.eye(4)
    T[:3, :3] = from_quaternion(np.array([q.w, q.x, q.y, q.z]))
    T[:3, 3] = t.x, t.y, t.z
    return T


def test_static_transforms_are_the_rigs_poses() -> None:
    rig = SimulatedRig("street", seed=3).rig
    base = np.eye(4)
    base[:3, :3], base[:3, 3] = cv2.Rodrigues(np.array([0.3, -1.2, 0.7]))[0], (0.5, 0.1, 1.4)
    beam = np.eye(4)
    beam[:3, :3], beam[:3, 3] = cv2.Rodrigues(np.array([0.1, 0.05, 0]))[0], (0.03, -0.02, 0.01)
    rig = rig.model_copy(
        update={"T_base_reference": as_matrix4(base), "T_reference_rangefinder": as_matrix4(beam)}
    )
    found = {each.child_frame_id: each for each in static_transforms(rig, Time(5, 6)).transforms}
    assert set(found) == {"rgb_optical_frame", "thermal_optical_frame", "rangefinder"}
    assert {each.header.stamp for each in found.values()} == {Time(5, 6)}
    assert found["rgb_optical_frame"].header.frame_id == "base_link"
    assert np.allclose(matrix(found["rgb_optical_frame"]), base)
    thermal = found["thermal_optical_frame"]
    assert thermal.header.frame_id == "rgb_optical_frame"
    assert np.allclose(matrix(thermal) @ rig.pose("thermal"), np.eye(4))
    # What is 7 m along the beam: x of the ROS frame, z of the rig's.
    ahead = matrix(found["rangefinder"]) @ (7, 0, 0, 1)
    assert np.allclose(ahead, beam @ (0, 0, 7, 1))
    assert np.linalg.det(matrix(found["rangefinder"])[:3, :3]) == pytest.approx(1)


def test_a_rig_without_base_and_with_a_prefix() -> None:
    rig = SimulatedRig("street", seed=3).rig
    found = static_transforms(
        rig.model_copy(update={"T_base_reference": None}), Time(), prefix="a_"
    ).transforms
    assert [(t.header.frame_id, t.child_frame_id) for t in found if "thermal" in t.child_frame_id] == [
        ("a_rgb_optical_frame", "a_thermal_optical_frame")
    ]
    assert all(t.header.frame_id != "a_base_link" for t in found)
