"""Rays through the distortion, and the blocks that cull, against OpenCV's projection."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.edge.simulation import primitives
from rigsight.edge.simulation.camera import Eye, PixelRays, box_corners
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import SCENES


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("seed", [0, 5])
def test_rays_meet_their_pixels_again(scene, seed):
    rig = SimulatedRig(scene, seed, "train").rig
    for camera in rig.cameras.values():
        rays = PixelRays(camera).directions.reshape(3, -1).T.astype(np.float64)
        pixels = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), camera.matrix, camera.distortion)[0]
        grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
        assert np.abs(pixels.reshape(grid.shape) - grid).max() <= 1e-3


def test_a_block_holds_every_pixel_that_sees_the_box():
    simulated = SimulatedRig("street", 2)
    eye = Eye(PixelRays(simulated.rig.cameras["rgb"]), simulated.pose("rgb", 3))
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(200):
        # Some boxes stand beside the camera and reach behind it.
        centre = eye.origin + rng.uniform((-4, -8, -2), (25, 8, 3))
        half = rng.uniform(0.1, 3.0, 3)
        if (np.abs(eye.origin - centre) < half + 0.05).all():
            continue
        block = eye.blocks(box_corners(centre - half, centre + half)[None])[0]
        entry, hit = _slabs(eye, centre - half, centre + half)
        inside = np.zeros(eye.shape, bool)
        if block is not None:
            inside[block] = True
        assert not (hit & ~inside).any()
        seen += bool(hit.any())

        bodies = primitives.Bodies()
        bodies.add(primitives.box(centre, half), 1)
        depth, face = np.full(eye.shape, np.inf, np.float32), np.zeros(eye.shape, np.int32)
        primitives.cast(eye, bodies, depth, face)
        found = face > 0
        # Grazing pixels on the outline may fall either way in single precision.
        assert (found != hit).sum() <= 2 + 0.01 * hit.sum()
        np.testing.assert_allclose(depth[found & hit], entry[found & hit], rtol=2e-4)
    assert seen > 50


def _slabs(eye, low, high):
    """Textbook slab test in double precision over all pixels."""
    d = eye.directions.astype(np.float64)
    with np.errstate(divide="ignore"):
        a = (low - eye.origin)[:, None, None] / d
        b = (high - eye.origin)[:, None, None] / d
    entry, leave = np.minimum(a, b).max(axis=0), np.maximum(a, b).min(axis=0)
    return entry, (entry < leave) & (entry > 0.02)


def test_quadrics_against_closed_forms():
    simulated = SimulatedRig("street", 2)
    T = np.eye(4)
    eye = Eye(PixelRays(simulated.rig.cameras["rgb"]), T)
    bodies = primitives.Bodies()
    bodies.add(primitives.ellipsoid(np.array([0.0, 0.0, 5.0]), np.array([1.0, 1.0, 1.0])), 1)
    depth, face = np.full(eye.shape, np.inf, np.float32), np.zeros(eye.shape, np.int32)
    primitives.cast(eye, bodies, depth, face)
    points = eye.points(np.where(face > 0, depth, 1)).astype(np.float64)
    radius = np.linalg.norm(points - np.array([0, 0, 5.0])[:, None, None], axis=0)
    assert face.any()
    np.testing.assert_allclose(radius[face > 0], 1.0, atol=1e-4)
    # A sphere of radius 1 at 5 m is seen under asin(1/5).
    angle = np.arccos(1 / np.sqrt((eye.directions.astype(np.float64) ** 2).sum(axis=0)))
    assert angle[face > 0].max() == pytest.approx(np.arcsin(0.2), abs=0.004)

    where, normals = primitives.curved_normals(bodies, face, eye.points(depth))
    expected = points.reshape(3, -1)[:, where] - np.array([[0], [0], [5.0]])
    np.testing.assert_allclose(normals, expected, atol=1e-3)


def test_a_leaning_cylinder_keeps_its_radius():
    simulated = SimulatedRig("street", 2)
    eye = Eye(PixelRays(simulated.rig.cameras["rgb"]), np.eye(4))
    bodies = primitives.Bodies()
    centre = np.array([0.2, 0.1, 4.0])
    bodies.add(primitives.cylinder(centre, 0.3, 1.0, yaw=0.4, lean=1.2), 7)
    depth, face = np.full(eye.shape, np.inf, np.float32), np.zeros(eye.shape, np.int32)
    primitives.cast(eye, bodies, depth, face)
    points = eye.points(np.where(face > 0, depth, 1)).reshape(3, -1)[:, face.reshape(-1) > 0].T - centre
    axis = np.array([np.cos(0.4) * np.sin(1.2), np.sin(0.4) * np.sin(1.2), np.cos(1.2)])
    along = points @ axis
    assert len(points) > 300
    assert np.abs(along).max() <= 1.0 + 1e-3
    np.testing.assert_allclose(np.linalg.norm(points - along[:, None] * axis, axis=1), 0.3, atol=1e-3)
