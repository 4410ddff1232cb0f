"""Alignment by a depth picture, against ray projection and rendered scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment.depth import DepthAligner
from rigsight.calibration.alignment.depth_picture import read_depth
from rigsight.calibration.alignment.surfaces import grid_rays
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Float64, Rig

MakeRig = Callable[..., Rig]
RECTANGLE = (-0.35, 0.28, -0.22, 0.31)  # left, right, top, bottom of the front plate at 1 m, metres


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize(("near", "far"), [(0.5, 4.0), (2.0, 50.0), (1.0, np.inf)])
def test_any_depth_maps_to_where_its_point_is_seen(
    make_rig: MakeRig, fisheye: bool, near: float, far: float
) -> None:
    rig = make_rig(fisheye=fisheye)
    aligner = DepthAligner(rig, "thermal", near, far)
    assert aligner.error_px <= 0.1
    assert aligner.degree <= 4
    inverse = np.random.default_rng(0).uniform(1 / far, 1 / near, (480, 640))
    aligner.update(1 / inverse)
    pose = rig.pose("thermal")
    points = grid_rays(rig.output) / inverse[..., None]
    truth = project(rig.cameras["thermal"], points @ pose[:3, :3].T + pose[:3, 3])
    inside = ((truth >= 0) & (truth <= (639, 511))).all(axis=-1)
    assert inside.mean() > 0.5
    assert np.linalg.norm(aligner.map_xy - truth, axis=-1)[inside].max() <= aligner.error_px + 0.01


def test_a_flat_depth_picture_is_a_plane(make_rig: MakeRig) -> None:
    rig = make_rig()
    depth, plane = DepthAligner(rig, "thermal", 2.0, 20.0), Aligner(rig, "thermal")
    depth.update(np.full((480, 640), 5.0, np.float32))
    plane.retarget(5.0)
    assert np.abs(depth.map_xy - plane.map_xy).max() <= depth.error_px + 0.01
    assert (depth.valid == plane.valid).mean() > 0.999
    assert not depth.occluded.any()


def test_unknown_depth_is_invalid_and_dark(make_rig: MakeRig) -> None:
    aligner = DepthAligner(make_rig(), "thermal", 1.0, 20.0)
    depth = np.full((480, 640), 5.0, np.float32)
    for row, unknown in enumerate((np.nan, 0.0, -3.0, 0.5, 100.0, np.inf, -np.inf)):
        depth[200 + row] = unknown
    aligner.update(depth)
    warped = aligner(np.full((512, 640), 7, np.uint8))
    assert not aligner.valid[200:207].any()
    assert not warped[200:207].any()
    assert (warped[210:220, 300:340] == 7).all()
    assert not aligner.occluded.any()


def two_plates(
    rig: Rig, near: float, far: float, edges: tuple[float, ...] = RECTANGLE
) -> tuple[Float64, np.ndarray]:
    """Depth on the grid, and exactly which pixels of the far plate the thermal camera cannot see."""
    left, right, top, bottom = (near * edge for edge in edges)

    def on_plate(points: Float64) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        return np.asarray((x > left) & (x < right) & (y > top) & (y < bottom))

    rays = grid_rays(rig.output)
    front = on_plate(rays * near)
    depth = np.where(front, near, far)
    centre = np.linalg.inv(rig.pose("thermal"))[:3, 3]
    lines = rays * depth[..., None] - centre
    crossing = centre + lines * ((near - centre[2]) / lines[..., 2])[..., None]
    return depth, ~front & on_plate(crossing)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_hidden_pixels_of_two_plates(make_rig: MakeRig, scale: float) -> None:
    """Also plates narrower than the parallax, beside which the far plate is seen again.

    A plate's edge is known to half a pixel from its depth picture, so single scenes of narrow bands scatter.
    """
    rig = make_rig()
    aligner = DepthAligner(rig, "thermal", 0.5, 20.0)
    both = either = 0
    rng = np.random.default_rng(1)
    for _ in range(8):
        near = rng.uniform(0.7, 1.6)
        edges = np.array(RECTANGLE) * scale * rng.uniform(0.8, 1.2, 4)
        depth, truth = two_plates(rig, near, near * rng.uniform(2.0, 8.0), tuple(edges))
        aligner.update(depth)
        found = aligner.occluded > 0
        assert truth.sum() > 300
        for one, other in ((found, truth), (truth, found)):
            near_it = (other | (depth == near)).astype(np.uint8)
            grown = cv2.dilate(near_it, np.ones((3, 3), np.uint8)) > 0
            assert not (one & ~grown).any()
        assert not aligner.valid[found].any()
        both += int((found & truth).sum())
        either += int((found | truth).sum())
    assert both / either >= (0.98 if scale == 1 else 0.95)


def test_what_is_valid_shows_the_plate_it_stands_for(make_rig: MakeRig) -> None:
    """The thermal camera's rendered picture of a warm plate before a cold wall, brought to the grid."""
    rig = make_rig()
    near, far = 1.03, 6.7
    depth, _ = two_plates(rig, near, far)
    thermal = rig.cameras["thermal"]
    u, v = np.meshgrid(np.arange(640.0), np.arange(512.0))
    normalised = undistort(thermal, np.stack([u.ravel(), v.ravel()], axis=1))
    back = np.linalg.inv(rig.pose("thermal"))
    direction = np.column_stack([normalised, np.ones(len(normalised))]) @ back[:3, :3].T
    met = back[:3, 3] + direction * ((near - back[2, 3]) / direction[:, 2])[:, None]
    left, right, top, bottom = (near * edge for edge in RECTANGLE)
    plate = (met[:, 0] > left) & (met[:, 0] < right) & (met[:, 1] > top) & (met[:, 1] < bottom)
    picture = np.where(plate, 200, 50).reshape(512, 640).astype(np.uint8)

    aligner = DepthAligner(rig, "thermal", 0.5, 20.0)
    aligner.update(depth)
    warm = aligner.nearest(picture) == 200
    inside = cv2.erode(aligner.valid, np.ones((3, 3), np.uint8)) > 0
    assert (warm == (depth == near))[inside].mean() > 0.999
    # Without the mask the plate is seen twice.
    assert (warm & (depth == far)).sum() > 1000


def test_a_slanted_wall_does_not_hide_itself(make_rig: MakeRig) -> None:
    rig = make_rig()
    rays = grid_rays(rig.output)
    aligner = DepthAligner(rig, "thermal", 0.4, np.inf)
    for normal in ((0.8, 0.0, 0.6), (-0.8, 0.0, 0.6), (0.0, 0.7, 0.714), (0.5, -0.5, 0.707)):
        with np.errstate(divide="ignore"):
            aligner.update(2.0 / (rays @ np.array(normal)))
        assert (aligner.occluded > 0).mean() < 1e-3


def test_a_noisy_wall_hides_little_of_itself(make_rig: MakeRig) -> None:
    """Half a pixel of parallax noise; a coarser sensor wants a larger threshold."""
    rig = make_rig()
    noise = np.random.default_rng(0).standard_normal((480, 640))
    for sigma_px, least_px in ((0.5, 2.0), (2.0, 8.0)):
        aligner = DepthAligner(rig, "thermal", 1.0, least_parallax_px=least_px)
        aligner.update(1 / (1 / 3.0 + sigma_px * noise / (450 * 0.1)).clip(0.01, 0.99))
        assert (aligner.occluded > 0).mean() < 0.005


def test_pictures_that_are_no_depth_are_refused(make_rig: MakeRig, tmp_path: Path) -> None:
    aligner = DepthAligner(make_rig(), "thermal", 1.0)
    with pytest.raises(RigsightError, match=r"CAL-032.*\[512, 640\].*\[480, 640\]"):
        aligner.update(np.ones((512, 640)))
    with pytest.raises(RigsightError, match="CAL-032.*uint16"):
        aligner.update(np.full((480, 640), 5000, np.uint16))  # millimetres
    with pytest.raises(RigsightError, match="CAL-034"):
        DepthAligner(make_rig(), "thermal", 0.3, tolerance_px=1e-9)
    with pytest.raises(RigsightError, match="CAL-030"):
        DepthAligner(make_rig(), "thermal", 3.0, 2.0)
    cv2.imwrite(str(tmp_path / "colour.png"), np.ones((4, 4, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "grey.png"), np.ones((4, 4), np.uint8))
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((4, 4), np.uint16))
    (tmp_path / "text.npy").write_text("no depth")
    (tmp_path / "text.tif").write_text("no depth")
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("colour.png", "grey.png", "empty.png", "text.npy", "text.tif", "pickle.npy", "none.png"):
        with pytest.raises(RigsightError, match="CAL-032") as caught:
            read_depth(tmp_path / name)
        assert name in str(caught.value)


def test_depth_files_are_millimetres_or_metres(tmp_path: Path) -> None:
    millimetres = np.array([[1500, 0], [250, 65535]], np.uint16)
    metres = np.array([[1.5, -1], [0.25, np.nan]], np.float32)
    cv2.imwrite(str(tmp_path / "mm.png"), millimetres)
    cv2.imwrite(str(tmp_path / "mm.tif"), millimetres)
    cv2.imwrite(str(tmp_path / "m.tiff"), metres)
    np.save(tmp_path / "m.npy", metres.astype(np.float64))
    np.save(tmp_path / "mm.npy", millimetres)
    for name in ("mm.png", "mm.tif", "mm.npy"):
        assert np.allclose(read_depth(tmp_path / name), [[1.5, np.nan], [0.25, 65.535]], equal_nan=True)
    for name in ("m.tiff", "m.npy"):
        assert np.allclose(read_depth(tmp_path / name), [[1.5, np.nan], [0.25, np.nan]], equal_nan=True)
