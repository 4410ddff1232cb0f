"""Depth that comes with the colour picture: through the capture process, and into the alignment."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Camera, OutputGrid, Plane, Rig, as_matrix3, as_matrix4
from rigsight.edge.bundle.spec import Geometry, Preprocessing
from rigsight.edge.cameras.card import number_of
from rigsight.edge.capture.camera import Camera as LiveCamera
from rigsight.edge.distance import DistanceFollower
from rigsight.edge.frames import CountsToKelvin, Depth, Frame, FrameSet, PixelFormat
from rigsight.edge.preprocess import Preprocessor

BASELINE_M, FOCAL = 0.12, 150.0
RGB_SIZE, THERMAL_SIZE = (160, 120), (80, 60)


def rig() -> Rig:
    """Thermal 12 cm to the right of colour, half its resolution."""

    def lens(size: tuple[int, int], focal: float) -> np.ndarray:
        return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])

    pose = np.eye(4)
    pose[0, 3] = -BASELINE_M
    cameras = {
        name: Camera(
            model="pinhole-radtan", width=size[0], height=size[1], K=as_matrix3(lens(size, f)), spectrum=name
        )
        for name, size, f in (("rgb", RGB_SIZE, FOCAL), ("thermal", THERMAL_SIZE, FOCAL / 2))
    }
    grid = OutputGrid(camera="rgb", width=160, height=120, K=cameras["rgb"].K)
    return Rig(
        cameras=cameras,
        reference="rgb",
        transforms={"thermal": as_matrix4(pose)},
        surface=Plane(distance_m=10.0),
        output=grid,
    )


def seen(depth_m: np.ndarray, spot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What both cameras see of a spot on a surface of one depth: colour [H,W,3], counts [h,w]."""
    rgb = np.dstack([np.where(spot, 220, 40)] * 3).astype(np.uint8)
    z = float(depth_m[spot].mean())
    shift = np.array([[1, 0, -FOCAL * BASELINE_M / z], [0, 1, 0]], np.float64)
    moved = cv2.warpAffine(np.where(spot, 30000.0, 20000.0), shift, RGB_SIZE, borderValue=20000.0)
    thermal = cv2.resize(moved, THERMAL_SIZE, interpolation=cv2.INTER_AREA)
    return rgb, thermal.astype(np.uint16)


def frames(rgb: np.ndarray, thermal: np.ndarray, depth: Depth | None, distance_m: float | None) -> FrameSet:
    colour = Frame("rgb", rgb, 0, 0, PixelFormat.RGB8, distance_m=distance_m, depth=depth)
    counts = Frame("thermal", thermal, 0, 0, PixelFormat.MONO16, counts_to_kelvin=CountsToKelvin(0.01, 0.0))
    return FrameSet(0, 0, {"rgb": colour, "thermal": counts})


def preprocessor() -> Preprocessor:
    return Preprocessor(Preprocessing(geometry=Geometry(kind="resize")), RGB_SIZE, rig())


def middle(picture: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(picture > picture.max() / 2)
    return np.array((columns.mean(), rows.mean()))


def apart(aligned_rgb: np.ndarray, aligned_thermal: np.ndarray) -> float:
    return float(np.linalg.norm(middle(aligned_rgb) - middle(aligned_thermal)))


@pytest.mark.parametrize("z", [1.0, 2.5, 7.0])
def test_every_pixel_goes_where_its_depth_says(z: float) -> None:
    v, u = np.mgrid[: RGB_SIZE[1], : RGB_SIZE[0]]
    spot = np.hypot(u - 90, v - 55) < 14
    depth_m = np.full(RGB_SIZE[::-1], z)
    rgb, thermal = seen(depth_m, spot)
    depth = Depth((depth_m * 1000).astype(np.uint16), 0.001)
    prepare = preprocessor()
    by_plane = prepare(frames(rgb, thermal, None, None))  # the rig's 10 m
    by_depth = prepare(frames(rgb, thermal, depth, z))
    parallax = FOCAL * BASELINE_M * abs(1 / z - 1 / 10)
    assert apart(by_plane.rgb[..., 0], by_plane.thermal) == pytest.approx(parallax, abs=0.7)
    assert apart(by_depth.rgb[..., 0], by_depth.thermal) < 0.5
    kelvin = by_depth.kelvin()
    assert kelvin is not None
    inner = cv2.erode(spot.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert kelvin[inner].mean() == pytest.approx(300, abs=1)


def test_kelvin_stays_that_of_its_own_instant() -> None:
    """The map is written over by the next instant's depth; what was handed out must not change with it."""
    spot = np.zeros(RGB_SIZE[::-1], bool)
    spot[40:70, 70:100] = True
    prepare = preprocessor()
    near, far = np.full(spot.shape, 1.0), np.full(spot.shape, 6.0)
    first = prepare(frames(*seen(near, spot), Depth((near * 1000).astype(np.uint16), 0.001), 1.0))
    before = first.kelvin()
    prepare(frames(*seen(far, spot), Depth((far * 1000).astype(np.uint16), 0.001), 6.0))
    after = first.kelvin()
    assert before is not None
    assert after is not None
    assert (before == after).all()


def test_kelvin_stays_that_of_its_own_plane() -> None:
    spot = np.zeros(RGB_SIZE[::-1], bool)
    spot[40:70, 70:100] = True
    made = frames(*seen(np.full(spot.shape, 2.0), spot), None, None)
    prepare = preprocessor()
    untouched = prepare(made).kelvin()
    prepare.retarget(2.0)
    near = prepare(made)
    before = near.kelvin()
    prepare.retarget(10.0)
    after, far = near.kelvin(), prepare(made).kelvin()
    assert before is not None
    assert far is not None
    assert (before == after).all()
    assert (far == untouched).all()
    assert (far != before).any()


def test_holes_stand_at_the_measured_distance_or_are_invalid() -> None:
    spot = np.zeros(RGB_SIZE[::-1], bool)
    spot[40:70, 70:100] = True
    depth_m = np.full(spot.shape, 2.0)
    rgb, thermal = seen(depth_m, spot)
    counts = (depth_m * 1000).astype(np.uint16)
    counts[50:60, 60:110] = 0
    prepare = preprocessor()
    filled = prepare(frames(rgb, thermal, Depth(counts, 0.001), 2.0))
    assert apart(filled.rgb[..., 0], filled.thermal) < 0.5
    assert (filled.valid[50:60, 60:110] == 255).all()
    left_out = prepare(frames(rgb, thermal, Depth(counts, 0.001), None))
    assert (left_out.valid[50:60, 60:110] == 0).all()
    again = prepare(frames(rgb, thermal, None, None))
    assert (again.valid[50:60, 60:110] == 255).all(), "a set without depth goes by the plane again"


def test_the_plane_follows_a_camera_that_sees_depth() -> None:
    prepare = preprocessor()
    follow = DistanceFollower(prepare, rig())
    spot = np.zeros(RGB_SIZE[::-1], bool)
    spot[40:70, 70:100] = True
    rgb, thermal = seen(np.full(spot.shape, 1.5), spot)
    made = frames(rgb, thermal, None, 1.5)
    follow(made)
    assert follow.distance_m == pytest.approx(1.5)
    aligned = prepare(made)
    assert apart(aligned.rgb[..., 0], aligned.thermal) < 0.5
    follow(frames(rgb, thermal, None, None))
    assert follow.distance_m == pytest.approx(1.5), "unknown: as before"


def test_depth_goes_through_the_capture_process_with_its_picture() -> None:
    with LiveCamera(
        "card:161x121?fps=60&depth=2.5", "rgb"
    ) as camera:  # odd: depth does not lie at once behind
        for _ in range(15):
            frame = camera.next_frame(10.0)
            number = number_of(frame.data)
            assert number is not None, "the picture is whole"
            assert frame.distance_m == 2.5
            assert frame.depth is not None
            assert frame.depth.counts.shape == (121, 161)
            assert not frame.depth.counts.flags.writeable
            values = np.unique(frame.depth.counts)
            assert len(values) == 1, "the depth is whole"
            # A card's number is known modulo 256, its depth tells it modulo 100.
            assert any(n % 100 == values[0] - 2500 for n in range(number, 30000, 256))
            assert frame.depth.metres()[0, 0] == pytest.approx(values[0] / 1000)
            frame.release()


def test_plain_cameras_have_none() -> None:
    with LiveCamera("card:160x120?fps=60", "rgb") as camera:
        frame = camera.next_frame(10.0)
        assert (frame.depth, frame.distance_m) == (None, None)
        frame.release()
