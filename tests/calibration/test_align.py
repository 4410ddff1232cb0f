"""Alignment maps against ray projection, closed forms and an analytic picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.align import Aligner, largest_rectangle, ray_map, scaled_grid
from rigsight.calibration.projection import distort, largest_radius, project, undistort
from rigsight.calibration.rig import Camera, Cylinder, MatchedHomography, OutputGrid, Plane, Rig, as_matrix3

MakeRig = Callable[..., Rig]


def project_with_opencv(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Independent projection: OpenCV's own."""
    points = points.reshape(-1, 1, 3)
    zero = np.zeros(3)
    if camera.model == "fisheye":
        pixels, _ = cv2.fisheye.projectPoints(points, zero, zero, camera.matrix, camera.distortion)
    else:
        pixels, _ = cv2.projectPoints(points, zero, zero, camera.matrix, camera.distortion)
    return pixels.reshape(-1, 2)


def grid_rays(grid: OutputGrid) -> np.ndarray:
    u, v = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
    return np.stack([u, v, np.ones_like(u)], -1).reshape(-1, 3) @ np.linalg.inv(grid.matrix).T


def largest_error(aligner: Aligner, points_reference: np.ndarray) -> float:
    """Largest distance (px) between the map and projected points, where the map is valid."""
    pose = aligner.rig.pose(aligner.camera)
    truth = project_with_opencv(aligner.model, points_reference @ pose[:3, :3].T + pose[:3, 3])
    inside = aligner.valid.ravel() > 0
    assert inside.mean() > 0.5
    return float(np.abs(aligner.map_xy.reshape(-1, 2)[inside] - truth[inside]).max())


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.4, -0.2, np.sqrt(1 - 0.2))])
def test_plane_map_equals_ray_projection(make_rig: MakeRig, fisheye: bool, normal: tuple) -> None:
    rig = make_rig(fisheye=fisheye)
    rays = grid_rays(rig.output)
    for distance in (0.8, 8.0, 50.0):
        aligner = Aligner(rig, "thermal", surface=Plane(distance_m=distance, normal=normal))
        points = rays * (distance / (rays @ np.array(normal)))[:, None]
        assert largest_error(aligner, points) <= 1e-3


def test_beyond_the_horizon_a_plane_is_not_seen(make_rig: MakeRig) -> None:
    """A floor 1.5 m below the camera: exact below the horizon, nothing above it."""
    rig = make_rig()
    normal = np.array((0.0, 0.98, np.sqrt(1 - 0.98**2)))
    aligner = Aligner(rig, "thermal", surface=Plane(distance_m=1.5, normal=tuple(normal)))
    rays = grid_rays(rig.output)
    ahead = rays @ normal
    assert 0.3 < (ahead > 0).mean() < 0.9
    assert not aligner.valid.ravel()[ahead <= 0].any()
    pose = rig.pose("thermal")
    hit = ahead > 0
    points = rays[hit] * (1.5 / ahead[hit])[:, None]
    truth = project_with_opencv(aligner.model, points @ pose[:3, :3].T + pose[:3, 3])
    inside = aligner.valid.ravel()[hit] > 0
    assert inside.mean() > 0.5
    assert np.abs(aligner.map_xy.reshape(-1, 2)[hit] - truth)[inside].max() <= 1e-3


def test_retargeting_is_building_anew(make_rig: MakeRig) -> None:
    rig, normal = make_rig(), (0.4, -0.2, np.sqrt(1 - 0.2))
    moved = Aligner(rig, "thermal", surface=Plane(distance_m=4.0, normal=normal))
    picture = np.random.default_rng(0).integers(0, 255, (512, 640, 3)).astype(np.uint8)
    for distance in (0.5, 30.0, np.inf, 3.0):
        moved.retarget(distance)
        fresh = Aligner(rig, "thermal", surface=Plane(distance_m=distance, normal=normal))
        assert (moved.map_xy == fresh.map_xy).all()
        assert (moved.valid == fresh.valid).all()
        assert (moved(picture) == fresh(picture)).all()  # fixed-point maps too


def march(rays: np.ndarray, surface: Cylinder) -> np.ndarray:
    """Where rays from zero leave the cylinder, by bisection on the distance from its axis."""
    axis = np.array(surface.direction) / np.linalg.norm(surface.direction)

    def outside(lengths: np.ndarray) -> np.ndarray:
        away = lengths[:, None] * rays - np.array(surface.point_m)
        return np.linalg.norm(away - np.outer(away @ axis, axis), axis=1) > surface.radius_m

    low, high = np.zeros(len(rays)), np.full(len(rays), 1e4)
    for _ in range(80):
        middle = (low + high) / 2
        out = outside(middle)
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return low[:, None] * rays


PIPES = [
    Cylinder(radius_m=0.9, point_m=(0.05, -0.03, 0.0), direction=(0.05, 0.0, 1.0)),
    Cylinder(radius_m=0.3, direction=(0.0, 0.0, 1.0)),
    Cylinder(radius_m=0.4, point_m=(0.0, 0.2, 0.0), direction=(1.0, 0.2, 0.1)),  # across the view
]


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("surface", PIPES)
def test_cylinder_map_equals_ray_projection(make_rig: MakeRig, surface: Cylinder, fisheye: bool) -> None:
    rig = make_rig(fisheye=fisheye)
    aligner = Aligner(rig, "thermal", surface=surface)
    every = slice(0, None, 97)
    points = march(grid_rays(rig.output)[every], surface)
    pose = rig.pose("thermal")
    truth = project_with_opencv(aligner.model, points @ pose[:3, :3].T + pose[:3, 3])
    inside = aligner.valid.ravel()[every] > 0
    assert inside.mean() > 0.4
    assert np.abs(aligner.map_xy.reshape(-1, 2)[every] - truth)[inside].max() <= 1e-3


def test_along_the_axis_there_is_no_hole() -> None:
    """The ray that never meets the wall is seen at infinity, like its neighbours nearly are."""
    K = ((500, 0, 100), (0, 500, 80), (0, 0, 1))
    camera = Camera(model="pinhole-radtan", width=640, height=512, K=K, spectrum="thermal")
    rig = Rig(
        cameras={"rgb": camera, "thermal": camera},
        reference="rgb",
        transforms={"thermal": ((1, 0, 0, -0.02), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        output=OutputGrid(camera="rgb", width=200, height=160, K=K),
        surface=Cylinder(radius_m=0.2),
    )
    map_xy = Aligner(rig, "thermal").map_xy
    assert np.allclose(map_xy[80, 100], (100, 80), atol=1e-4)
    assert np.abs(np.diff(map_xy[..., 0], axis=1) - 1).max() < 0.2


def test_a_pipe_that_does_not_hold_the_camera_is_refused(make_rig: MakeRig) -> None:
    with pytest.raises(RigsightError, match=r"CAL-031.*0\.500 m from the axis, the radius is 0\.3 m"):
        Aligner(make_rig(), "thermal", surface=Cylinder(radius_m=0.3, point_m=(0.3, 0.4, 7.0)))


def test_parallel_cameras_shift_by_the_closed_form() -> None:
    """e = f b / d for parallel cameras without distortion."""
    K = ((800, 0, 320), (0, 800, 240), (0, 0, 1))
    camera = {"model": "pinhole-radtan", "width": 640, "height": 480, "K": K}
    rig = Rig(
        cameras={"rgb": Camera(**camera, spectrum="rgb"), "thermal": Camera(**camera, spectrum="thermal")},
        reference="rgb",
        transforms={"thermal": ((1, 0, 0, -0.1), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        output=OutputGrid(camera="rgb", width=640, height=480, K=K),
    )
    aligner = Aligner(rig, "thermal")
    for distance in (5.0, 10.0, 50.0):
        aligner.retarget(distance)
        shift = np.arange(640)[None, :] - aligner.map_xy[..., 0]
        assert np.allclose(shift, 800 * 0.1 / distance, atol=1e-4)


def test_matched_homography_and_plane_agree(make_rig: MakeRig) -> None:
    rig = make_rig()
    plane = Plane(distance_m=5.0)
    K_r, K_c = rig.cameras["rgb"].matrix, rig.cameras["thermal"].matrix
    H = K_c @ ray_map(rig, "thermal", plane) @ np.linalg.inv(K_r)
    matched = MatchedHomography(H=as_matrix3(H))
    difference = (
        Aligner(rig, "thermal", surface=matched).map_xy - Aligner(rig, "thermal", surface=plane).map_xy
    )
    assert np.abs(difference).max() < 1e-3


def test_the_thermal_cameras_grid_inverts_the_reference_cameras(make_rig: MakeRig) -> None:
    """rgb -> thermal grid and thermal -> rgb grid are inverse to each other on the plane."""
    rig = make_rig()
    thermal = rig.cameras["thermal"]
    grid = OutputGrid(camera="thermal", width=640, height=512, K=thermal.K)
    to_thermal = Aligner(rig, "rgb", grid=grid).map_xy[100:400:37, 100:500:41].reshape(-1, 2)
    rays = grid_rays(grid).reshape(512, 640, 3)[100:400:37, 100:500:41].reshape(-1, 3)
    pose = np.linalg.inv(rig.pose("thermal"))
    direction, origin = rays @ pose[:3, :3].T, pose[:3, 3]
    points = origin + direction * ((8.0 - origin[2]) / direction[:, 2])[:, None]
    assert np.allclose(to_thermal, project_with_opencv(rig.cameras["rgb"], points), atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_warped_pattern_is_the_pattern_seen_from_the_grid(make_rig: MakeRig, dtype: type) -> None:
    """A smooth pattern painted on the plane, rendered analytically in both views."""
    rig = make_rig()
    full = np.iinfo(dtype).max

    def paint(points: np.ndarray) -> np.ndarray:
        return (0.5 + 0.25 * np.sin(9 * points[..., 0]) + 0.2 * np.cos(7 * points[..., 1])) * full

    thermal = rig.cameras["thermal"]
    u, v = np.meshgrid(np.arange(thermal.width), np.arange(thermal.height))
    pixels = np.stack([u, v], -1).reshape(-1, 2).astype(float)
    rays = np.concatenate([undistort(thermal, pixels), np.ones((len(pixels), 1))], axis=1)
    back = np.linalg.inv(rig.pose("thermal"))
    direction, origin = rays @ back[:3, :3].T, back[:3, 3]
    seen = origin + direction * ((8.0 - origin[2]) / direction[:, 2])[:, None]
    picture = paint(seen).reshape(thermal.height, thermal.width).round().astype(dtype)

    aligner = Aligner(rig, "thermal")
    wanted = paint(grid_rays(rig.output) * 8.0).reshape(480, 640)
    inside = cv2.erode(aligner.valid, np.ones((3, 3))) > 0
    error = np.abs(aligner(picture).astype(float) - wanted)[inside] / full
    assert error.max() < 0.006


def test_swapped_cameras_are_refused(make_rig: MakeRig) -> None:
    with pytest.raises(RigsightError, match="CAL-005.*640x480.*640x512"):
        Aligner(make_rig(), "thermal")(np.zeros((480, 640), np.uint16))


def test_own_projection_agrees_with_opencv(make_rig: MakeRig) -> None:
    points = np.random.default_rng(0).uniform((-1, -1, 2), (1, 1, 5), (200, 3))
    for fisheye in (False, True):
        camera = make_rig(fisheye=fisheye).cameras["thermal"]
        assert np.allclose(project(camera, points), project_with_opencv(camera, points), atol=1e-9)
        normalised = points[:, :2] / points[:, 2:]
        assert np.allclose(undistort(camera, distort(camera, normalised)), normalised, atol=1e-6)


def test_rays_beyond_the_turning_radius_are_invalid() -> None:
    """With k1 = -1/3 the polynomial turns back at r = 1: a wide grid must not see folded pixels."""
    K = ((100, 0, 320), (0, 100, 240), (0, 0, 1))
    camera = Camera(model="pinhole-radtan", width=640, height=480, K=K, D=(-1 / 3, 0, 0, 0), spectrum="rgb")
    rig = Rig(
        cameras={"rgb": camera},
        reference="rgb",
        output=OutputGrid(camera="rgb", width=640, height=480, K=((100, 0, 320), (0, 100, 240), (0, 0, 1))),
    )
    assert largest_radius(camera) == pytest.approx(1.0)
    u, v = np.meshgrid(np.arange(640), np.arange(480))
    radius = np.hypot(u - 320, v - 240) / 100
    valid = Aligner(rig, "rgb").valid > 0
    assert valid[radius < 0.99].all()
    assert not valid[radius > 1.01].any()


def test_largest_rectangle_against_brute_force() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        valid = (rng.random((9, 11)) > 0.25).astype(np.uint8)
        best = max(
            (bottom - top) * (right - left)
            for top in range(9)
            for bottom in range(top, 10)
            for left in range(11)
            for right in range(left, 12)
            if valid[top:bottom, left:right].all()
        )
        x, y, w, h = largest_rectangle(valid)
        assert w * h == best
        assert valid[y : y + h, x : x + w].all()


def test_a_scaled_grid_sees_the_same_rays(make_rig: MakeRig) -> None:
    grid = make_rig().output
    small = scaled_grid(grid, 320, 240)
    corner = np.array([-0.5, -0.5, 1.0])
    assert np.allclose(np.linalg.solve(grid.matrix, corner), np.linalg.solve(small.matrix, corner))
