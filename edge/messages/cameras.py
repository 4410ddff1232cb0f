"""A rig's lenses as camera_info, and its poses as the transforms of ``/tf_static``."""

from __future__ import annotations

import numpy as np

from rigsight.calibration.exchange.rotations import quaternion_of
from rigsight.calibration.rig import Camera, Float64, Rig
from rigsight.edge.frames import Aligned
from rigsight.edge.messages import codes
from rigsight.edge.messages.fields import Floats
from rigsight.edge.messages.headers import optical_frame
from rigsight.edge.messages.types.builtin_interfaces import Time
from rigsight.edge.messages.types.geometry_msgs import Quaternion, Transform, TransformStamped, Vector3
from rigsight.edge.messages.types.sensor_msgs import CameraInfo
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.tf2_msgs import TFMessage

# A range finder's beam is z of its frame in rig.yaml and x of its frame in ROS, whose axes are the columns.
_T_BEAM_Z_BEAM_X = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)


def camera_info(camera: Camera, header: Header) -> CameraInfo:
    """The lens of a camera's own pictures, as one camera for itself: r is the identity, p = [k | 0].

    pinhole-radtan becomes ``plumb_bob`` (5 coefficients) or ``rational_polynomial`` (8), fisheye
    ``equidistant`` (4).

    Raises:
        RigsightError: MSG-004 for a skew.
    """
    D = camera.D
    if camera.model == "fisheye":
        model = "equidistant"
    elif len(D) <= 5:
        model, D = "plumb_bob", D + (0.0,) * (5 - len(D))
    else:
        model = "rational_polynomial"
    return _info(camera.matrix, camera.size, model, D, header)


def grid_info(aligned: Aligned, header: Header) -> CameraInfo:
    """The lens of everything on the aligned grid (mask, confidence, fused): its K, and no distortion.

    Raises:
        RigsightError: MSG-004 for a skew.
    """
    height, width = aligned.valid.shape
    return _info(aligned.K, (width, height), "plumb_bob", (0.0,) * 5, header)


def static_transforms(
    rig: Rig, stamp: Time, base: str = "base_link", rangefinder: str = "rangefinder", prefix: str = ""
) -> TFMessage:
    """Where everything on the rig sits: each child's pose in its parent.

    The reference camera's optical frame is the parent of the other cameras' and the range finder's, and a
    child of ``base`` where the rig says its pose. The range finder's frame has x along the beam, as
    sensor_msgs/Range wants it.
    """
    parent = optical_frame(rig.reference, prefix)
    found = []
    if rig.T_base_reference is not None:
        found.append(_transform(f"{prefix}{base}", parent, np.array(rig.T_base_reference), stamp))
    for name in rig.cameras:
        if name != rig.reference:
            T_reference_camera: Float64 = np.linalg.inv(rig.pose(name)).astype(np.float64)
            found.append(_transform(parent, optical_frame(name, prefix), T_reference_camera, stamp))
    if rig.T_reference_rangefinder is not None:
        T = np.array(rig.T_reference_rangefinder) @ _T_BEAM_Z_BEAM_X
        found.append(_transform(parent, f"{prefix}{rangefinder}", T, stamp))
    return TFMessage(tuple(found))


def _info(K: Float64, size: tuple[int, int], model: str, D: Floats, header: Header) -> CameraInfo:
    if K[0, 1] != 0:
        raise codes.LENS(f"K has a skew of {K[0, 1]:.6g} px", where=header.frame_id)
    k: Floats = tuple(K.ravel().tolist())
    p: Floats = tuple(np.hstack([K, np.zeros((3, 1))]).ravel().tolist())
    return CameraInfo(header=header, height=size[1], width=size[0], distortion_model=model, d=D, k=k, p=p)


def _transform(parent: str, child: str, T: Float64, stamp: Time) -> TransformStamped:
    w, x, y, z = quaternion_of(T[:3, :3]).tolist()
    tx, ty, tz = T[:3, 3].tolist()
    pose = Transform(Vector3(tx, ty, tz), Quaternion(x, y, z, w))
    return TransformStamped(Header(stamp, parent), child, pose)
