"""The unrolled pipe wall: its frame, its scale, its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.alignment.surfaces import grid_rays, inverse_depth
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Cylinder, Float64, Rig
from rigsight.calibration.unroll import Unrolled

MakeRig = Callable[..., Rig]
STRAIGHT = Cylinder(radius_m=0.2)
ASKEW = Cylinder(radius_m=0.25, point_m=(0.04, -0.03, 0.2), direction=(0.2, -0.15, 1.0))
ACROSS = Cylinder(radius_m=0.4, point_m=(0.0, 0.1, 0.05), direction=(1.0, 0.1, 0.05))  # looking at the wall


def unrolled(rig: Rig, pipe: Cylinder, camera: str | None = "rgb", **changed: Any) -> Unrolled:
    section = {"start_m": 0.2, "end_m": 0.9} if pipe is not ACROSS else {"start_m": -0.3, "end_m": 0.3}
    return Unrolled(rig, camera, surface=pipe, metres_per_px=0.002, **{**section, **changed})


def test_the_clock_runs_with_the_driving_direction(make_rig: MakeRig) -> None:
    """Straight ahead: 12 o'clock is up (-y), 3 o'clock right (+x)."""
    view = unrolled(make_rig(), STRAIGHT)
    clock = np.array([0.0, 90.0, 180.0, 270.0])
    expected = [(0, -0.2, 0.5), (0.2, 0, 0.5), (0, 0.2, 0.5), (-0.2, 0, 0.5)]
    assert np.allclose(view.points(np.full(4, 0.5), clock), expected, atol=1e-12)
    assert view.degrees_per_px == pytest.approx(360 / view.map_xy.shape[0])
    assert view.metres_per_px * view.map_xy.shape[1] == pytest.approx(0.7)
    # Rows are about as high on the wall as columns are wide.
    assert view.radius_m * np.radians(view.degrees_per_px) == pytest.approx(0.002, rel=0.01)


def test_driving_backwards_turns_the_clock(make_rig: MakeRig) -> None:
    back = unrolled(make_rig(), Cylinder(radius_m=0.2, direction=(0, 0, -2.0)), start_m=-0.9, end_m=-0.2)
    assert np.allclose(back.points(np.array(-0.5), np.array(90.0)), (-0.2, 0, 0.5))
    assert back.valid.any()


@pytest.mark.parametrize("pipe", [STRAIGHT, ASKEW, ACROSS])
@pytest.mark.parametrize("cut_deg", [0.0, 180.0, -37.0])
def test_pixels_and_places_invert_each_other(make_rig: MakeRig, pipe: Cylinder, cut_deg: float) -> None:
    view = unrolled(make_rig(), pipe, cut_deg=cut_deg, camera_chainage_m=12.0, start_m=12.1, end_m=12.8)
    rng = np.random.default_rng(0)
    pixels = rng.uniform((0, 0), np.array(view.map_xy.shape[1::-1]) - 1, (500, 2))
    chainage, clock = view.to_pipe(pixels)
    assert np.abs(view.to_pixels(chainage, clock) - pixels).max() < 1e-6
    points = view.points(chainage, clock)
    again = view.of_points(points)
    assert np.allclose(again[0], chainage)
    assert np.allclose(again[1], clock)
    # They lie on the cylinder, as its own definition has it.
    axis = np.array(pipe.direction) / np.linalg.norm(pipe.direction)
    away = points - np.array(pipe.point_m)
    assert np.allclose(np.linalg.norm(away - np.outer(away @ axis, axis), axis=1), pipe.radius_m)


def painted(chainage: Float64, clock: Float64) -> Float64:
    """A smooth pattern on the wall without a seam."""
    turn = np.radians(clock)
    return 128 + 50 * np.sin(30 * chainage) + 40 * np.cos(3 * turn) + 20 * np.sin(5 * turn + 9 * chainage)


@pytest.mark.parametrize(
    ("pipe", "camera", "fisheye"),
    [
        (STRAIGHT, "rgb", False),
        (ASKEW, "thermal", False),
        (ASKEW, "thermal", True),
        (ASKEW, None, False),
        (ACROSS, "thermal", False),
    ],
)
def test_a_painted_wall_is_laid_flat(
    make_rig: MakeRig, pipe: Cylinder, camera: str | None, fisheye: bool
) -> None:
    """Every camera's analytic picture of the wall, and the grid's, give back the paint."""
    rig = make_rig((0.002, -0.01, 0.02), fisheye=fisheye)
    T = np.array(rig.transforms["thermal"])
    T[:3, 3] *= 0.2  # 2 cm apart
    rig = rig.model_copy(update={"transforms": {"thermal": tuple(map(tuple, T.tolist()))}})
    view = unrolled(rig, pipe, camera)
    if camera is None:
        rays, origin = grid_rays(rig.output), np.zeros(3)
    else:
        model = rig.cameras[camera]
        u, v = np.meshgrid(np.arange(float(model.width)), np.arange(float(model.height)))
        normalised = undistort(model, np.stack([u.ravel(), v.ravel()], axis=1))
        back = np.linalg.inv(rig.pose(camera))
        rays = np.column_stack([normalised, np.ones(len(normalised))]) @ back[:3, :3].T
        rays, origin = rays.reshape(*u.shape, 3), back[:3, 3]
    # Rays of a camera at ``origin`` meet the pipe as rays from zero meet the pipe moved by -origin.
    moved = pipe.model_copy(update={"point_m": tuple(np.array(pipe.point_m) - origin)})
    inverse = np.maximum(inverse_depth(moved, rays), 1e-6)  # along the axis there is no wall
    points = origin + rays / inverse[..., None]
    picture = np.rint(painted(*view.of_points(points)) * 200).astype(np.uint16)

    u, v = np.meshgrid(np.arange(view.map_xy.shape[1]), np.arange(view.map_xy.shape[0]))
    expected = painted(*view.to_pipe(np.stack([u, v], axis=-1).astype(float)))
    fine = view.source_px > 0.5
    assert fine.mean() > 0.02
    assert np.abs(view(picture) / 200.0 - expected)[fine].max() < 0.6


def test_what_is_valid_is_seen(make_rig: MakeRig) -> None:
    rig = make_rig()
    view = unrolled(rig, ASKEW, "thermal", start_m=-0.5)
    u, v = np.meshgrid(np.arange(view.map_xy.shape[1]), np.arange(view.map_xy.shape[0]))
    points = view.points(*view.to_pipe(np.stack([u, v], axis=-1).astype(float)))
    pose = rig.pose("thermal")
    pixels = project(rig.cameras["thermal"], points @ pose[:3, :3].T + pose[:3, 3])
    inside = ((pixels > -1e-3) & (pixels < (639.001, 511.001))).all(axis=-1)
    assert (inside == (view.valid > 0)).mean() > 0.9999
    assert 0.05 < inside.mean() < 0.95


def test_grid_pixels_have_a_chainage_and_a_clock(make_rig: MakeRig) -> None:
    """From a mask's pixel to the report: straight ahead along x, 3 o'clock."""
    rig = make_rig()
    view = unrolled(rig, STRAIGHT, None, camera_chainage_m=100.0)
    K = rig.output.matrix
    pixel = np.array([K[0, 2] + K[0, 0] * 0.2 / 0.5, K[1, 2]])  # x = 0.2 at z = 0.5
    chainage, clock = view.of_grid(pixel)
    assert (float(chainage), float(clock)) == (pytest.approx(100.5), pytest.approx(90.0))


def test_what_is_no_pipe_is_refused(make_rig: MakeRig) -> None:
    rig = make_rig()
    with pytest.raises(RigsightError, match="CAL-033.*plane"):
        Unrolled(rig, "rgb", start_m=0, end_m=1)
    with pytest.raises(RigsightError, match=r"CAL-031.*0\.500 m"):
        unrolled(rig, Cylinder(radius_m=0.4, point_m=(0.5, 0, 0)))
    with pytest.raises(RigsightError, match="CAL-033.*along the pipe"):
        unrolled(rig, STRAIGHT, up=(0.0, 0.0, 1.0))
    for section in ((1.0, 1.0), (2.0, 1.0), (0.0, 1e6), (0.0, float("nan"))):
        with pytest.raises(RigsightError, match="CAL-033"):
            unrolled(rig, STRAIGHT, start_m=section[0], end_m=section[1])
