"""ROS camera_info YAML as image_pipeline writes it, one file a camera, and a file of static transforms.

A camera_info has no pose. Two cameras still have one between them when both are rectified as a stereo
pair (sensor_msgs/CameraInfo): R turns a camera's frame into the rectified one and P holds
Tx = -fx' b (or Ty = -fy' b for cameras above each other), so

    x_rect = R1 x1,  x_rect + (Tx / fx', Ty / fy', 0) = R2 x2.

That is how pairs are written. The poses of any number of cameras also stand in ``static_transforms.yaml``
as tf2 wants them: the child's pose in its parent, T_parent_child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange.reading import Entry, Source, digits, parse_yaml
from rigsight.calibration.exchange.record import (
    CameraRecord,
    image_size,
    nearest_rotation,
    padded,
    plain_name,
    pose_of,
    radtan,
    refuse_skew,
    rigid_motion,
    unique_names,
)
from rigsight.calibration.exchange.rotations import from_quaternion, quaternion_of
from rigsight.calibration.rig import Float64

NAME = "ROS camera_info"
REFITS = (("pinhole-radtan", 8), ("fisheye", 4))
FISHEYE_NAMES = ("equidistant", "fisheye", "kannala_brandt")
TRANSFORMS = "static_transforms"
FRAME = "_optical_frame"
SHORTEST_BASELINE_M = 1e-6


def encode(cameras: Sequence[CameraRecord]) -> dict[str, str]:
    """File name -> text: a camera_info for each camera, and the transforms where there are several.

    Raises:
        RigsightError: CAL-063 for a skew.
    """
    rectified = [(np.eye(3), np.hstack([camera.K, np.zeros((3, 1))])) for camera in cameras]
    if len(cameras) == 2 and np.linalg.norm(pose_of(cameras[1])[:3, 3]) > SHORTEST_BASELINE_M:
        rectified = _rectify(cameras[0], cameras[1])
    files = {
        f"{camera.name}.yaml": _camera_info(camera, R, P)
        for camera, (R, P) in zip(cameras, rectified, strict=True)
    }
    if len(cameras) > 1:
        files[f"{TRANSFORMS}.yaml"] = _transforms(cameras)
    return files


def _camera_info(camera: CameraRecord, R: Float64, P: Float64) -> str:
    refuse_skew(camera, NAME)
    if camera.model == "fisheye":
        model, D = "equidistant", camera.D
    else:
        D = padded(camera, (5, 8), NAME)
        model = "rational_polynomial" if len(D) == 8 else "plumb_bob"
    width, height = image_size(camera)
    lines = [
        f"image_width: {width}",
        f"image_height: {height}",
        f"camera_name: {camera.name}",
        *_matrix("camera_matrix", camera.K),
        f"distortion_model: {model}",
        *_matrix("distortion_coefficients", np.array([D])),
        *_matrix("rectification_matrix", R),
        *_matrix("projection_matrix", P),
    ]
    return "\n".join(lines) + "\n"


def _matrix(key: str, values: Float64) -> list[str]:
    rows, columns = values.shape
    return [f"{key}:", f"  rows: {rows}", f"  cols: {columns}", f"  data: [{digits(values.ravel())}]"]


def _transforms(cameras: Sequence[CameraRecord]) -> str:
    lines = ["# Pose of each child frame in its parent, for tf2_ros static_transform_publisher; metres.", ""]
    lines[1] = f"{TRANSFORMS}:"
    for camera in cameras[1:]:
        T: Float64 = np.linalg.inv(pose_of(camera)).astype(np.float64)  # T_parent_child
        w, x, y, z = (float(v) for v in quaternion_of(T[:3, :3]))
        tx, ty, tz = (float(v) for v in T[:3, 3])
        lines += [
            f"- parent: {cameras[0].name}{FRAME}",
            f"  child: {camera.name}{FRAME}",
            f"  translation: {{x: {tx!r}, y: {ty!r}, z: {tz!r}}}",
            f"  rotation: {{x: {x!r}, y: {y!r}, z: {z!r}, w: {w!r}}}",
        ]
    return "\n".join(lines) + "\n"


def _rectify(first: CameraRecord, second: CameraRecord) -> list[tuple[Float64, Float64]]:
    """R [3,3] and P [3,4] of two cameras: one image plane along the baseline, one focal length.

    The pictures may differ in size; each one's middle stays near its middle along the baseline, and
    across it both share a coordinate, as stereo matching needs.
    """
    T = pose_of(second)
    centre = -T[:3, :3].T @ T[:3, 3]  # of the second camera, in the first one's frame
    axis = int(abs(centre[1]) > abs(centre[0]))  # 0: side by side, 1: above each other
    along = centre / np.linalg.norm(centre) * (1.0 if centre[axis] >= 0 else -1.0)
    forward = nearest_rotation(np.eye(3) + T[:3, :3].T)[:, 2]  # halfway between both optical axes
    across = np.cross(forward, along) if axis == 0 else np.cross(along, forward)
    across /= np.linalg.norm(across)
    forward = np.cross(along, across) if axis == 0 else np.cross(across, along)
    R1 = np.stack([along, across, forward] if axis == 0 else [across, along, forward])
    rotations = [nearest_rotation(R1), nearest_rotation(R1 @ T[:3, :3].T)]
    focal = float(min(first.K[1, 1], second.K[1, 1]))
    middles = [_middle(camera, R, focal) for camera, R in zip((first, second), rotations, strict=True)]
    shared = (middles[0][1 - axis] + middles[1][1 - axis]) / 2
    result = []
    for index, (R, middle) in enumerate(zip(rotations, middles, strict=True)):
        P = np.array([[focal, 0, middle[0], 0], [0, focal, middle[1], 0], [0, 0, 1, 0]])
        P[1 - axis, 2] = shared
        if index:
            P[axis, 3] = -focal * (rotations[0] @ centre)[axis]
        result.append((R, P))
    return result


def _middle(camera: CameraRecord, R: Float64, focal: float) -> Float64:
    """The principal point that keeps the principal ray of the raw picture in the middle of the new one."""
    ray = R[:, 2]
    if ray[2] < 0.1:
        ray = np.array([0.0, 0.0, 1.0])
    middle: Float64 = (np.array(image_size(camera)) - 1) / 2 - focal * ray[:2] / ray[2]
    return middle


def decode(sources: Sequence[Source]) -> list[CameraRecord]:
    """The cameras of camera_info files, with poses from the transforms, else from R and P.

    Raises:
        RigsightError: CAL-060, CAL-061, CAL-062, CAL-066.
    """
    roots = [parse_yaml(source) for source in sources]
    infos = [root for root in roots if root.get(TRANSFORMS) is None]
    transforms = [root.need(TRANSFORMS) for root in roots if root.get(TRANSFORMS) is not None]
    if not infos:
        raise codes.EXCHANGE_GARBLED("no camera_info is given", where=roots[0].path)
    parsed = [_read_camera(info) for info in infos]
    cameras = [camera for camera, _, _ in parsed]
    names = unique_names([camera.name for camera in cameras])
    cameras = [replace(camera, name=name) for camera, name in zip(cameras, names, strict=True)]
    cameras[0] = replace(cameras[0], pose=np.eye(4))
    if transforms:
        return _with_transforms(cameras, transforms[0])
    if len(parsed) == 2:
        (_, R1, P1), (second, R2, P2) = parsed
        shift = _shift(P2, second) - _shift(P1, cameras[0])
        if shift.any():
            pose = np.eye(4)
            pose[:3, :3] = R2.T @ R1
            pose[:3, 3] = R2.T @ shift
            cameras[1] = replace(cameras[1], pose=rigid_motion(pose, "rectification_matrix", second.where))
    return cameras


def _shift(P: Float64, camera: CameraRecord) -> Float64:
    """Translation of the rectified frame, float64 [3], metres, from the last column of P [3,4]."""
    if not P[0, 3] and not P[1, 3]:
        return np.zeros(3)
    if P[0, 0] <= 0 or P[1, 1] <= 0:
        raise codes.EXCHANGE_GARBLED("'projection_matrix' has no focal length", where=camera.where)
    return np.array([P[0, 3] / P[0, 0], P[1, 3] / P[1, 1], 0.0])


def _read_camera(info: Entry) -> tuple[CameraRecord, Float64, Float64]:
    """The camera, R [3,3] and P [3,4] of a camera_info file, or of an echoed message (D, K, R, P)."""
    name = info.get("camera_name")
    K = info.need("camera_matrix", "k", "K").matrix(3, 3)
    model = info.need("distortion_model").word()
    coefficients = info.need("distortion_coefficients", "d", "D")
    D = coefficients.vector()
    if model in FISHEYE_NAMES:
        if len(D) != 4:
            raise coefficients.wrong(f"must hold 4 numbers for {model}, not {len(D)}")
    elif model in ("plumb_bob", "rational_polynomial", ""):
        D = radtan(D, coefficients.key, info.path)
    else:
        raise codes.EXCHANGE_UNSUPPORTED(
            f"'distortion_model' is '{model}'; rigsight reads plumb_bob, rational_polynomial and equidistant",
            where=info.path,
        )
    rectification = info.get("rectification_matrix", "r", "R")
    projection = info.get("projection_matrix", "p", "P")
    R = np.eye(4)
    if rectification is not None and np.any(rectification.matrix(3, 3)):
        R[:3, :3] = rectification.matrix(3, 3)
    R = rigid_motion(R, "rectification_matrix", info.path)
    size = (
        info.need("image_width", "width").integer(1, 65536),
        info.need("image_height", "height").integer(1, 65536),
    )
    camera = CameraRecord(
        name=plain_name(name.word() if name is not None else "", plain_name(info.path.stem, "camera")),
        model="fisheye" if model in FISHEYE_NAMES else "pinhole-radtan",
        K=K,
        D=D,
        size=size,
        pose=None,
        where=info.path,
    )
    return camera, R[:3, :3], projection.matrix(3, 4) if projection is not None else np.zeros((3, 4))


def _with_transforms(cameras: list[CameraRecord], transforms: Entry) -> list[CameraRecord]:
    """Poses from the transforms, all of which go from the reference's frame to another camera's."""
    by_frame = {f"{camera.name}{FRAME}": index for index, camera in enumerate(cameras)}
    in_parent: dict[int, Any] = {}
    parents: set[int] = set()
    for entry in transforms.children():
        frames = [entry.need(key).word() for key in ("parent", "child")]
        for frame in frames:
            if frame not in by_frame:
                raise entry.wrong(f"names '{frame}'; the cameras' frames are {', '.join(by_frame)}")
        parent, child = (by_frame[frame] for frame in frames)
        rotation, translation = entry.need("rotation"), entry.need("translation")
        q = np.array([rotation.need(key).number() for key in "wxyz"])
        if abs(float(np.linalg.norm(q)) - 1) > 1e-3:
            raise rotation.wrong("must be a quaternion of length 1")
        T = np.eye(4)
        T[:3, :3] = from_quaternion(q)
        T[:3, 3] = [translation.need(key).number() for key in "xyz"]
        if child in in_parent:
            raise entry.wrong(f"gives '{frames[1]}' a second parent")
        in_parent[child] = np.linalg.inv(T)
        parents.add(parent)
    if len(parents) != 1 or parents & set(in_parent):
        raise transforms.wrong("must all go from one camera, the reference, to the others")
    reference = parents.pop()
    poses = {reference: np.eye(4)} | in_parent  # T_camera_reference
    first = poses.get(0)
    return [
        replace(
            camera,
            pose=None if first is None or index not in poses else poses[index] @ np.linalg.inv(first),
            is_reference=index == reference,
        )
        for index, camera in enumerate(cameras)
    ]
