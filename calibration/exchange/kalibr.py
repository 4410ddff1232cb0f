"""Kalibr's camchain.yaml: pinhole with ``radtan`` (k1 k2 p1 p2) or ``equidistant`` (Kannala-Brandt).

T_cn_cnm1 maps points of camera n-1 into camera n (Kalibr's wiki, "Yaml formats"). There is no k3 and no
skew. T_cam_imu and timeshift_cam_imu tell of an IMU, which a rig has not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange.reading import Entry, Source, digits, parse_yaml
from rigsight.calibration.exchange.record import (
    CameraRecord,
    camera_matrix,
    image_size,
    padded,
    plain_name,
    pose_of,
    refuse_skew,
    rigid_motion,
    unique_names,
)
from rigsight.calibration.rig import Float64

NAME = "Kalibr"
MAX_CAMERAS = 3
REFITS = (("pinhole-radtan", 4), ("fisheye", 4))
IGNORED = {"timeshift_cam_imu": "the time shift to the IMU", "T_cam_imu": "the pose of the IMU"}


def encode(cameras: Sequence[CameraRecord]) -> dict[str, str]:
    """The camchain of ``cameras``: {"": text}. Raises CAL-063 for k3 … k6 and skew."""
    lines: list[str] = []
    before = np.eye(4)
    for index, camera in enumerate(cameras):
        refuse_skew(camera, NAME)
        if camera.model == "fisheye":
            model, D = "equidistant", camera.D
        else:
            D = padded(camera, (0, 4), "Kalibr's radtan")
            model = "radtan" if D else "none"
        K = camera.K
        lines.append(f"cam{index}:")
        if index:
            lines.append("  T_cn_cnm1:")
            chained = pose_of(camera) @ np.linalg.inv(before)
            lines += [f"  - [{digits(row)}]" for row in chained]
        width, height = image_size(camera)
        others = [other for other in range(len(cameras)) if other != index]
        lines += [
            f"  cam_overlaps: {others}",
            "  camera_model: pinhole",
            f"  distortion_coeffs: [{digits(D)}]",
            f"  distortion_model: {model}",
            f"  intrinsics: [{digits((K[0, 0], K[1, 1], K[0, 2], K[1, 2]))}]",
            f"  resolution: [{width}, {height}]",
            f"  rostopic: /{plain_name(camera.name, f'cam{index}')}/image_raw",
        ]
        before = pose_of(camera)
    return {"": "\n".join(lines) + "\n"}


def decode(sources: Sequence[Source]) -> list[CameraRecord]:
    """The cameras of one camchain. Raises CAL-060, CAL-061, CAL-062, CAL-066."""
    if len(sources) != 1:
        raise codes.EXCHANGE_GARBLED("Kalibr keeps all cameras in one file; give one", where=sources[1].path)
    chain = parse_yaml(sources[0])
    chain.need("cam0")
    count = sum(1 for key in chain.items if re.fullmatch(r"cam\d+", key, re.ASCII))
    if count > MAX_CAMERAS:
        raise codes.EXCHANGE_UNSUPPORTED(
            f"it holds {count} cameras; a rig has one to {MAX_CAMERAS}", where=chain.path
        )
    entries = [chain.need(f"cam{index}") for index in range(count)]
    names = unique_names([_name(entry, index) for index, entry in enumerate(entries)])
    cameras: list[CameraRecord] = []
    imu = [_transform(entry, "T_cam_imu") for entry in entries]
    for index, entry in enumerate(entries):
        camera = _camera(entry, names[index])
        step = _transform(entry, "T_cn_cnm1") if index else np.eye(4)
        first = imu[0]
        its = imu[index]
        if step is not None:
            pose = step @ pose_of(cameras[-1]) if index else step
        elif first is not None and its is not None:
            pose = its @ np.linalg.inv(first)
        else:
            raise entry.wrong("has no 'T_cn_cnm1'")
        cameras.append(replace(camera, pose=pose))
    return cameras


def _name(entry: Entry, index: int) -> str:
    """The topic's last folder: /thermal/image_raw is 'thermal'."""
    topic = entry.get("rostopic")
    parts = topic.word().split("/") if topic is not None else []
    return plain_name(parts[-2] if len(parts) > 2 else "", f"cam{index}")


def _transform(entry: Entry, key: str) -> Float64 | None:
    found = entry.get(key)
    return None if found is None else rigid_motion(found.matrix(4, 4), found.key, entry.path)


def _camera(entry: Entry, name: str) -> CameraRecord:
    projection = entry.need("camera_model").word()
    if projection != "pinhole":
        raise codes.EXCHANGE_UNSUPPORTED(
            f"'{entry.key}.camera_model' is '{projection}'; rigsight reads pinhole", where=entry.path
        )
    lens = entry.need("distortion_model").word()
    if lens not in ("radtan", "equidistant", "none"):
        raise codes.EXCHANGE_UNSUPPORTED(
            f"'{entry.key}.distortion_model' is '{lens}'; rigsight reads radtan, equidistant and none",
            where=entry.path,
        )
    if lens == "none":
        coefficients = entry.get("distortion_coeffs")
        D = coefficients.numbers(0) if coefficients is not None else ()
    else:
        D = entry.need("distortion_coeffs").numbers(4)
    fx, fy, cx, cy = entry.need("intrinsics").numbers(4)
    resolution = entry.need("resolution").children()
    if len(resolution) != 2:
        raise entry.wrong("needs 'resolution' as width and height")
    return CameraRecord(
        name=name,
        model="fisheye" if lens == "equidistant" else "pinhole-radtan",
        K=camera_matrix(fx, fy, cx, cy),
        D=D,
        size=(resolution[0].integer(1, 65536), resolution[1].integer(1, 65536)),
        pose=None,
        where=entry.path,
        notes=tuple(
            f"{entry.key}: {what} is left out" for key, what in IGNORED.items() if key in entry.items
        ),
    )
