"""Checks on what was detected and solved: each mistake is named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.checks.motion import require_one_instant
from rigsight.calibration.checks.pairing import Poses, board_reflection, explained, swapped_folders
from rigsight.calibration.checks.pictures import (
    blurred_views,
    edge_blur_px,
    false_colours,
    is_coloured,
    why_unseen,
)
from rigsight.calibration.checks.repeats import repeated_views, require_two_cameras
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.from_detections import solve_detected
from rigsight.calibration.projection import project
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Camera, Rig
from rigsight.calibration.solve.joint import Setup
from rigsight.calibration.solve.state import bend_shapes
from rigsight.calibration.solve.views import View

CIRCLES = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.03, diameter_m=0.024)
CHESSBOARD = Board(kind="chessboard", columns=8, rows=6, square_m=0.04)
WIDE = ((230.0, 0.0, 319.5), (0.0, 230.0, 239.5), (0.0, 0.0, 1.0))  # 140 degrees from side to side
Found = dict[str, dict[str, Detection]]


@pytest.fixture
def seen_by(make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]]) -> Callable[..., Found]:
    """Detections of a board by a rig: camera -> view -> detection, with noise, the board bent or not."""

    def make(rig: Rig, count: int = 16, noise_px: float = 0.05, bend_m: float = 0.0) -> Found:
        rng = np.random.default_rng(5)
        points = CIRCLES.object_points()
        points[:, 2] = bend_m * bend_shapes(CIRCLES).sum(axis=1)
        found: Found = {name: {} for name in rig.cameras}
        for pose in good_poses(CIRCLES, rig.cameras["rgb"], 4 * count, seed=4):
            seen = {}
            for name, camera in rig.cameras.items():
                T = rig.pose(name) @ pose
                pixels = project(camera, points @ T[:3, :3].T + T[:3, 3])
                pixels = pixels + rng.normal(scale=noise_px, size=pixels.shape)
                if ((pixels > 2) & (pixels < np.array(camera.size) - 3)).all():
                    seen[name] = Detection(pixels, camera.size)
            index = len(found["rgb"])
            if len(seen) == len(rig.cameras) and index < count:
                for name, detection in seen.items():
                    found[name][f"{index:02d}"] = detection
        return found

    return make


def solved(found: Found, *models: str, bend: bool = False) -> Calibration:
    models = models or ("pinhole-radtan", "pinhole-radtan")
    setups = [Setup(name, name, model) for name, model in zip(found, models, strict=True)]  # type: ignore[arg-type]
    return solve_detected(found, [f"{index:02d}" for index in range(16)], CIRCLES, setups, bend=bend)


def test_a_flat_board_and_the_right_lens_raise_no_objection(
    make_rig: Callable[..., Rig], seen_by: Callable[..., Found]
) -> None:
    verdict = solved(seen_by(make_rig())).verdict
    assert verdict is not None
    assert verdict.grade == "good"


def test_a_bent_board_is_named_and_its_bend_estimated(
    make_rig: Callable[..., Rig], seen_by: Callable[..., Found]
) -> None:
    found = seen_by(make_rig(), bend_m=0.003)
    verdict = solved(found).verdict
    assert verdict is not None
    assert verdict.grade == "not usable"
    assert "the board is bent by 3 mm" in verdict.text or "the board is bent by 3.1 mm" in verdict.text
    bent = solved(found, bend=True)
    assert bent.solution.bend_m == pytest.approx((0.003, 0.003), abs=2e-4)
    assert bent.verdict is not None
    assert bent.verdict.grade == "good"


def test_a_fisheye_taken_for_a_pinhole_is_named(
    make_rig: Callable[..., Rig], seen_by: Callable[..., Found]
) -> None:
    rig = make_rig()
    D = (0.02, -0.015, 0.004, -0.001)
    wide = {
        name: Camera(model="fisheye", width=640, height=480, K=WIDE, D=D, spectrum=camera.spectrum)
        for name, camera in rig.cameras.items()
    }
    found = seen_by(rig.model_copy(update={"cameras": wide}))
    right = solved(found, "fisheye", "fisheye").verdict
    assert right is not None
    assert right.grade == "good"
    wrong = solved(found).verdict
    assert wrong is not None
    assert wrong.grade == "not usable"
    assert "add --models fisheye,fisheye" in wrong.text


def poses_of(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]], board: Board
) -> tuple[list[str], dict[str, Float64], dict[str, Float64]]:
    rig = make_rig()
    reference = good_poses(board, rig.cameras["rgb"], 12, seed=1)
    names = [f"{index:02d}" for index in range(12)]
    other = [rig.pose("thermal") @ pose for pose in reference]
    return names, dict(zip(names, reference, strict=True)), dict(zip(names, other, strict=True))


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_a_shift_of_the_pairs_is_named(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]], shift: int
) -> None:
    names, reference, other = poses_of(make_rig, good_poses, CIRCLES)
    late = {
        name: other[names[index - shift]]
        for index, name in enumerate(names)
        if 0 <= index - shift < len(names)
    }
    error = explained(Poses(names, reference, late, ("rgb", "thermal")), CIRCLES)
    assert error is not None
    assert error.code == "CAL-075"
    count = "one view" if abs(shift) == 1 else "2 views"
    assert f"{count} {'later' if shift > 0 else 'earlier'}" in error.what


@pytest.mark.parametrize("board", [CIRCLES, CHESSBOARD], ids=["circles", "chessboard"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_mirrored_camera_is_named(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]], board: Board, side: int
) -> None:
    names, *sides = poses_of(make_rig, good_poses, board)
    reflection = board_reflection(board)
    assert reflection is not None
    sides[side] = {name: np.diag([-1.0, 1, 1, 1]) @ T @ reflection for name, T in sides[side].items()}
    error = explained(Poses(names, sides[0], sides[1], ("rgb", "thermal")), board)
    assert error is not None
    assert error.code == "CAL-074"


def test_pairs_mixed_up_at_random_have_no_such_explanation(
    make_rig: Callable[..., Rig], good_poses: Callable[..., list[Float64]]
) -> None:
    names, reference, other = poses_of(make_rig, good_poses, CIRCLES)
    order = np.random.default_rng(2).permutation(12)
    mixed = {name: other[names[index]] for name, index in zip(names, order, strict=True)}
    assert explained(Poses(names, reference, mixed, ("rgb", "thermal")), CIRCLES) is None


def test_repeats_and_frozen_pictures(make_rig: Callable[..., Rig], seen_by: Callable[..., Found]) -> None:
    found = seen_by(make_rig(), count=6)
    views = [
        View(name, {"rgb": found["rgb"][name], "thermal": found["thermal"][name]}) for name in found["rgb"]
    ]
    assert repeated_views(views) == {}
    rng = np.random.default_rng(0)
    rgb = views[2].seen["rgb"]
    noisy = replace(rgb, points=rgb.points + rng.normal(scale=0.05, size=rgb.points.shape))
    again = View("again", {**views[2].seen, "rgb": noisy})
    frozen = View("frozen", {"rgb": views[4].seen["rgb"], "thermal": views[3].seen["thermal"]})
    reasons = repeated_views([*views[:4], again, frozen])
    assert reasons["again"] == "the same as view 02: the board has not moved"
    assert reasons["frozen"].startswith("thermal: frozen, the same picture as in view 03")
    with pytest.raises(RigsightError, match="CAL-013"):
        require_two_cameras([View("0", {"rgb": rgb, "thermal": rgb})], ("rgb", "thermal"))
    require_two_cameras(views, ("rgb", "thermal"))


def test_motion_between_the_exposures() -> None:
    require_one_instant({"rgb": 0.1, "thermal": 0.05}, {"rgb": 0.12, "thermal": 0.14})
    with pytest.raises(RigsightError, match=r"CAL-076.*'thermal' fit to 0.05 px, together.*1.2 px"):
        require_one_instant({"rgb": 0.1, "thermal": 0.05}, {"rgb": 0.12, "thermal": 1.2})


def test_colours_and_swapped_folders() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    palette = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)
    grey = np.dstack([ramp] * 3)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert [is_coloured(picture) for picture in (ramp, grey, jpeg, palette)] == [False, False, False, True]
    assert false_colours(jpeg, "thermal", None) is None
    error = false_colours(palette, "thermal", "t/0.png")
    assert error is not None
    assert error.code == "CAL-070"
    counts = ramp.astype(np.uint16) * 20
    assert swapped_folders(grey, counts, ("rgb", "thermal"), ("rgb", "thermal")) is None
    assert swapped_folders(ramp, grey, ("rgb", "thermal"), ("rgb", "thermal")) is None  # two grey cameras
    for rgb, thermal in ((counts, grey), (ramp, palette)):
        error = swapped_folders(rgb, thermal, ("rgb", "thermal"), ("rgb", "thermal"))
        assert error is not None
        assert error.code == "CAL-073"
    assert swapped_folders(counts, palette, ("a", "b"), ("nir", "rgb")) is None


def test_exposure_in_words() -> None:
    rng = np.random.default_rng(0)
    assert why_unseen(rng.integers(0, 200, (60, 80), dtype=np.uint8)) is None
    white = np.full((60, 80), 255, np.uint8)
    white[:20] = 100
    assert str(why_unseen(white)).startswith("saturated: 67 %")
    assert str(why_unseen(np.full((60, 80), 3000, np.uint16))).startswith("nearly uniform")


@pytest.mark.parametrize("blur_px", [1.5, 2.5, 4.0])
def test_blur_is_measured_and_odd_views_are_named(blur_px: float) -> None:
    step = np.zeros((120, 120), np.float32)
    step[:, 60:] = 200
    picture = cv2.GaussianBlur(step, (0, 0), blur_px).astype(np.uint8)
    points = np.array([[60.0, 30 * row] for row in (1, 2, 3)])
    assert edge_blur_px(picture, points) == pytest.approx(blur_px, rel=0.15)
    reasons = blurred_views({"0": 1.0, "1": 1.1, "2": 1.0, "3": blur_px})
    assert list(reasons) == ([] if blur_px < 2 else ["3"])
