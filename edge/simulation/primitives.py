"""Ray casting of convex bodies, ellipsoids and cylinders into a depth buffer, culled by screen boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Float32, Float64
from rigsight.edge.simulation.camera import NEAR_M, Eye, box_corners

FAR_M = 1e4
_NO_NORMAL = np.zeros((1, 3))
NOTHING = 0


@dataclass
class Convex:
    """A convex body: the points with normals @ x <= offsets. ``corners`` float64 [8,3] bound it.

    ``upright`` says that the normals are x, -x, y, -y, z, -z, which saves the multiplications.
    """

    normals: Float64
    offsets: Float64
    corners: Float64
    upright: bool = False


@dataclass
class Quadric:
    """An ellipsoid, or a cylinder without caps: ``to_unit`` [3,3] maps x - centre to the unit body."""

    centre: Float64
    to_unit: Float64
    corners: Float64
    cylinder: bool = False


@dataclass
class Bodies:
    """All bodies of a scene at one instant.

    Every flat or curved face has a number; 0 is no face. ``owner`` maps face to the caller's object number,
    ``normal`` face to its outward normal (zero for curved faces, see ``curved_normals``).
    """

    bodies: list[Convex | Quadric] = field(default_factory=list)
    first_face: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=lambda: [0])
    normal: list[Float64] = field(default_factory=lambda: [np.zeros(3)])

    def add(self, body: Convex | Quadric, owner: int) -> None:
        """Put a body into the scene under the caller's object number."""
        self.bodies.append(body)
        self.first_face.append(len(self.owner))
        normals = body.normals if isinstance(body, Convex) else _NO_NORMAL
        self.owner.extend([owner] * len(normals))
        self.normal.extend(normals)


def box(centre: Float64, half: Float64, yaw: float = 0.0, taper: Float64 | None = None) -> Convex:
    """An upright box turned by ``yaw`` (radians about z), half sizes [3] in metres.

    ``taper`` [4] makes a frustum: how far the front, back, left and right sides lean in at the top, metres.
    Faces in order: front (+x), back, left (+y), right, top, bottom.
    """
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    normals = np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64
    )
    offsets = half[[0, 0, 1, 1, 2, 2]].astype(np.float64)
    if taper is not None:
        # The side passes through (half, bottom) and (half - taper, top).
        slope = taper / (2 * half[2])
        normals[:4, 2] = slope
        offsets[:4] -= slope * half[2]
        length = np.linalg.norm(normals, axis=1)
        normals, offsets = normals / length[:, None], offsets / length
    corners = box_corners(-half, half) @ rotation.T + centre
    turned = normals @ rotation.T
    return Convex(turned, offsets + turned @ centre, corners, upright=yaw == 0 and taper is None)


def ellipsoid(centre: Float64, radii: Float64, yaw: float = 0.0, lean: float = 0.0) -> Quadric:
    """An ellipsoid with its z axis leaning by ``lean`` to the front, then turned by ``yaw`` (radians)."""
    rotation = _upright(yaw, lean)
    corners = box_corners(-radii, radii) @ rotation.T + centre
    return Quadric(centre, (rotation / radii).T, corners)


def cylinder(
    centre: Float64, radius: float, half_length: float, yaw: float = 0.0, lean: float = 0.0
) -> Quadric:
    """A cylinder along z, leaning and turned like :func:`ellipsoid`; metres."""
    half = np.array([radius, radius, half_length])
    rotation = _upright(yaw, lean)
    corners = box_corners(-half, half) @ rotation.T + centre
    return Quadric(centre, (rotation / half).T, corners, cylinder=True)


def _upright(yaw: float, lean: float) -> Float64:
    c, s = np.cos(yaw), np.sin(yaw)
    a, b = np.cos(lean), np.sin(lean)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=np.float64)
    tilt = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]], dtype=np.float64)
    return turn @ tilt


def cast(eye: Eye, bodies: Bodies, depth: Float32, face: NDArray[np.int32]) -> None:
    """Enter the nearest hits into ``depth`` float32 [H,W] and ``face`` int32 [H,W], in place."""
    if not bodies.bodies:
        return
    blocks = eye.blocks(np.stack([body.corners for body in bodies.bodies]))
    for body, first, block in zip(bodies.bodies, bodies.first_face, blocks, strict=True):
        if block is None:
            continue
        if isinstance(body, Convex):
            _cast_convex(eye, body, first, depth[block], face[block], eye.directions[(slice(None), *block)])
        else:
            _cast_quadric(eye, body, first, depth[block], face[block], eye.directions[(slice(None), *block)])


def _cast_convex(
    eye: Eye, body: Convex, first: int, depth: Float32, face: NDArray[np.int32], directions: Float32
) -> None:
    """Slab method for half spaces: the entry is the farthest of the planes that face the camera, and it
    counts when it lies inside all the others."""
    slack = (body.offsets - body.normals @ eye.origin).astype(np.float32)
    facing = np.flatnonzero(slack < 0)
    if len(facing) == 0:
        return
    if body.upright:
        rates = [directions[k // 2] if k % 2 == 0 else -directions[k // 2] for k in range(6)]
    else:
        rates = list(np.tensordot(body.normals.astype(np.float32), directions, axes=1))
    nearest = first + int(facing[0])
    # A plane that the ray leaves (rate >= 0) while outside is never entered: it ends up beyond FAR_M.
    entry = slack[facing[0]] / np.minimum(rates[facing[0]], -1e-9)
    which: int | NDArray[Any] = nearest
    for k in facing[1:]:
        other = slack[k] / np.minimum(rates[k], -1e-9)
        later = other > entry
        which = np.where(later, first + int(k), which)
        np.maximum(entry, other, out=entry)
    hit = entry < np.minimum(depth, FAR_M)
    hit &= entry > NEAR_M
    for k in np.flatnonzero(slack >= 0):
        hit &= entry * rates[k] <= slack[k]
    np.copyto(depth, entry, where=hit)
    np.copyto(face, which, where=hit, casting="unsafe")


def _cast_quadric(
    eye: Eye, body: Quadric, first: int, depth: Float32, face: NDArray[np.int32], directions: Float32
) -> None:
    origin = (body.to_unit @ (eye.origin - body.centre)).astype(np.float32)
    x, y, z = np.tensordot(body.to_unit.astype(np.float32), directions, axes=1)
    a = x * x + y * y
    b = x * origin[0] + y * origin[1]
    c = origin[0] ** 2 + origin[1] ** 2 - 1
    if not body.cylinder:
        a += z * z
        b += z * origin[2]
        c += origin[2] ** 2
    root = b * b - a * c
    entry = (-b - np.sqrt(np.maximum(root, 0))) / np.maximum(a, 1e-12)
    hit = (root > 0) & (entry < depth) & (entry > NEAR_M)
    if body.cylinder:
        hit &= np.abs(z * entry + origin[2]) <= 1
    np.copyto(depth, entry, where=hit)
    face[hit] = first


def curved_normals(
    bodies: Bodies, face: NDArray[np.int32], points: Float32
) -> tuple[NDArray[np.intp], Float32]:
    """Flat indices [n] of pixels that show a curved body, and their outward unit normals float32 [3,n]."""
    curved = [
        (first, body)
        for first, body in zip(bodies.first_face, bodies.bodies, strict=True)
        if isinstance(body, Quadric)
    ]
    slot = np.full(len(bodies.owner), -1, dtype=np.int32)
    slot[[first for first, _ in curved]] = np.arange(len(curved))
    where = np.flatnonzero((slot >= 0)[face])
    if len(where) == 0:
        return where, np.zeros((3, 0), np.float32)
    which = slot[face.reshape(-1)[where]]
    centres = np.array([body.centre for _, body in curved], dtype=np.float32)
    shapes = np.array([_gradient(body) for _, body in curved], dtype=np.float32)
    offset = points.reshape(3, -1)[:, where].T - centres[which]
    gradient = np.einsum("nij,nj->in", shapes[which], offset)
    gradient /= np.sqrt(np.einsum("in,in->n", gradient, gradient)) + np.float32(1e-12)
    return where, gradient


def _gradient(body: Quadric) -> Float64:
    """Half the gradient of |M x|^2 is M^T M x; a cylinder's length (third row) does not count."""
    rows = body.to_unit[:2] if body.cylinder else body.to_unit
    gradient: Float64 = rows.T @ rows
    return gradient
