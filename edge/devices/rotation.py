"""Attitudes between two attitudes."""

from __future__ import annotations

from math import acos, asin, atan2, cos, sin
from typing import TypeAlias

Angles: TypeAlias = tuple[float, float, float]
Quaternion: TypeAlias = tuple[float, float, float, float]

_NEARLY_EQUAL = 0.9995


def quaternion_of(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Quaternion:
    """(w, x, y, z) of yaw, then pitch, then roll (Diebel, "Representing Attitude", 2006, sequence 3-2-1)."""
    cr, sr = cos(roll_rad / 2), sin(roll_rad / 2)
    cp, sp = cos(pitch_rad / 2), sin(pitch_rad / 2)
    cy, sy = cos(yaw_rad / 2), sin(yaw_rad / 2)
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )


def angles_of(q: Quaternion) -> Angles:
    """Roll, pitch and yaw in radians of a unit quaternion; the inverse of :func:`quaternion_of`.

    >>> [round(a, 6) for a in angles_of(quaternion_of(0.1, -0.2, 3.0))]
    [0.1, -0.2, 3.0]
    """
    w, x, y, z = q
    roll = atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    yaw = atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return roll, pitch, yaw


def between(a: Angles, b: Angles, share: float) -> Angles:
    """The attitude ``share`` (0 to 1) of the way from a to b, the short way round (Shoemake's slerp, 1985).

    >>> [round(angle, 6) for angle in between((0, 0, 3.1), (0, 0, -3.1), 0.25)]
    [0.0, 0.0, 3.120796]
    """
    p, q = quaternion_of(*a), quaternion_of(*b)
    dot = sum(s * t for s, t in zip(p, q, strict=True))
    sign = 1.0 if dot >= 0 else -1.0
    dot = abs(dot)
    if dot > _NEARLY_EQUAL:
        first, second = 1 - share, share
    else:
        angle = acos(dot)
        first, second = sin((1 - share) * angle) / sin(angle), sin(share * angle) / sin(angle)
    mixed = [first * s + sign * second * t for s, t in zip(p, q, strict=True)]
    norm = sum(v * v for v in mixed) ** 0.5
    return angles_of((mixed[0] / norm, mixed[1] / norm, mixed[2] / norm, mixed[3] / norm))
