"""What every exchange format says of a camera, and what a format cannot say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.rig import Float64, rigid_motion_problem

Model = Literal["pinhole-radtan", "fisheye"]

COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
RADTAN_COUNTS = (0, 4, 5, 8)
EXACT = 1e-14  # what rounding leaves of a rotation
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class CameraRecord:
    """One camera as a file tells it.

    Attributes:
        name: of the camera.
        model: ``pinhole-radtan`` (OpenCV's order of coefficients) or ``fisheye`` (Kannala-Brandt).
        K: float64 [3,3], pixels; a pixel's centre is at integer coordinates.
        D: as ``rig.Camera.D``.
        size: (width, height), pixels; None when the file does not say.
        pose: T_<camera>_<first>, float64 [4,4], metres; None when the file does not say.
        where: the file, for errors.
        notes: what the file holds and a rig does not.
        is_reference: whether the file calls it the rig's reference.
    """

    name: str
    model: Model
    K: Float64
    D: tuple[float, ...]
    size: tuple[int, int] | None
    pose: Float64 | None
    where: Path = Path("rig.yaml")
    notes: tuple[str, ...] = ()
    is_reference: bool = False


def nearest_rotation(R: Float64) -> Float64:
    """The rotation float64 [3,3] nearest to ``R`` in the Frobenius norm (orthogonal Procrustes)."""
    u, _, vt = np.linalg.svd(R)
    rotation: Float64 = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return rotation


def rigid_motion(T: Float64, key: str, where: Path) -> Float64:
    """``T`` float64 [4,4] with its rotation made exact; files often hold only eight digits.

    Raises:
        RigsightError: CAL-066 when it is no rigid motion (to 1e-4).
    """
    problem = rigid_motion_problem(T)
    if problem:
        raise codes.EXCHANGE_IMPLAUSIBLE(f"'{key}' is not a rigid motion: {problem}", where=where)
    R = T[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() < EXACT:
        return T
    exact = np.eye(4)
    exact[:3, :3] = nearest_rotation(R)
    exact[:3, 3] = T[:3, 3]
    return exact


def radtan(values: Sequence[float], key: str, where: Path) -> tuple[float, ...]:
    """The coefficients of OpenCV's pinhole model, without trailing zeros that change nothing.

    Raises:
        RigsightError: CAL-061 for a count that OpenCV does not know, CAL-062 for thin-prism or tilt terms.
    """
    values = tuple(float(value) for value in values)
    if len(values) in (12, 14):
        if any(values[8:]):
            raise codes.EXCHANGE_UNSUPPORTED(
                f"'{key}' has thin-prism or tilt terms; rigsight's pinhole-radtan has eight coefficients",
                where=where,
            )
        values = values[:8]
    if len(values) not in RADTAN_COUNTS:
        raise codes.EXCHANGE_GARBLED(
            f"'{key}' has {len(values)} coefficients; 0, 4, 5 or 8 are known", where=where
        )
    shorter = [count for count in (4, 5) if count < len(values) and not any(values[count:])]
    return values[: shorter[0]] if shorter else values


def padded(camera: CameraRecord, counts: Sequence[int], format_name: str) -> tuple[float, ...]:
    """D of a pinhole camera with one of the lengths that a format has.

    Raises:
        RigsightError: CAL-063 when coefficients that are not zero would be lost.
    """
    enough = [count for count in counts if count >= len(camera.D)]
    if enough:
        return camera.D + (0.0,) * (min(enough) - len(camera.D))
    most = max(counts)
    lost = [
        f"{name} = {value:.3g}"
        for name, value in zip(COEFFICIENTS[most:], camera.D[most:], strict=False)
        if value
    ]
    if lost:
        raise codes.EXPORT_LOSSY(
            f"{format_name} has no place for {', '.join(lost)} of camera '{camera.name}'",
            where=camera.where,
        )
    return camera.D[:most]


def refuse_skew(camera: CameraRecord, format_name: str) -> None:
    """Raise CAL-063 when K has a skew: none of the formats (or of their readers) takes it into account."""
    if camera.K[0, 1] != 0:
        raise codes.EXPORT_LOSSY(
            f"{format_name} knows no skew, and K of camera '{camera.name}' has {camera.K[0, 1]:.6g} px",
            where=camera.where,
        )


def image_size(camera: CameraRecord) -> tuple[int, int]:
    """The size of a camera that has one (those of a rig do)."""
    assert camera.size is not None
    return camera.size


def pose_of(camera: CameraRecord) -> Float64:
    """The pose of a camera that has one (those of a rig do)."""
    assert camera.pose is not None
    return camera.pose


def camera_matrix(fx: float, fy: float, cx: float, cy: float) -> Float64:
    """K float64 [3,3] without skew."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)


def plain_name(name: str, fallback: str) -> str:
    """``name`` when it can be a file's name and a key, else ``fallback``."""
    return name if PLAIN_NAME.fullmatch(name) else fallback


def unique_names(names: Sequence[str]) -> list[str]:
    """``names``, or cam0, cam1, … when two are equal.

    >>> unique_names(["rgb", "thermal"]), unique_names(["stereo", "stereo"])
    (['rgb', 'thermal'], ['cam0', 'cam1'])
    """
    return list(names) if len(set(names)) == len(names) else [f"cam{index}" for index in range(len(names))]
