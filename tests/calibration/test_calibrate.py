"""Calibration from pictures: rendered ones with known geometry, and OpenCV's real stereo pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.calibrate import calibrate_pair, calibrate_single
from rigsight.calibration.pictures import find_pictures, pair_pictures
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Camera, MatchedHomography, OutputGrid, Plane, Rig, as_matrix4

ASYMMETRIC = Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.04, diameter_m=0.034)
REAL_BOARD = Board(kind="chessboard", columns=9, rows=6, square_m=0.025)
Pictures = list[np.ndarray]


@pytest.fixture(scope="module")
def truth() -> Rig:
    K = ((260, 0, 158), (0, 261, 122), (0, 0, 1))
    T = np.eye(4)
    T[:3, 3] = (-0.06, 0.002, 0.001)
    return Rig(
        cameras={
            "rgb": Camera(
                model="pinhole-radtan", width=320, height=240, K=K, D=(-0.15, 0.03, 0, 0), spectrum="rgb"
            ),
            "thermal": Camera(
                model="pinhole-radtan",
                width=256,
                height=192,
                K=((200, 0, 127), (0, 200, 97), (0, 0, 1)),
                D=(-0.2, 0.05, 0, 0),
                spectrum="thermal",
            ),
        },
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        output=OutputGrid(camera="rgb", width=320, height=240, K=K),
    )


@pytest.fixture(scope="module")
def rendered(
    truth: Rig, good_poses: Callable[..., list[Float64]], picture_of: Callable[..., np.ndarray]
) -> tuple[Pictures, Pictures]:
    rgb, thermal = [], []
    for seed, pose in enumerate(good_poses(ASYMMETRIC, truth.cameras["rgb"], 9, seed=3)):
        picture = picture_of(ASYMMETRIC, truth.cameras["rgb"], pose, seed=seed)
        rgb.append(np.dstack([picture.clip(0, 255).astype(np.uint8)] * 3))
        moved = truth.pose("thermal") @ pose
        counts = picture_of(
            ASYMMETRIC, truth.cameras["thermal"], moved, dark=24000.0, bright=22500.0, noise=15.0, seed=seed
        )
        thermal.append(counts.astype(np.uint16))
    return rgb, thermal


@pytest.fixture
def pictures(rendered: tuple[Pictures, Pictures]) -> tuple[Pictures, Pictures]:
    """Lists of the test's own."""
    return list(rendered[0]), list(rendered[1])


def test_a_pair_of_cameras_from_rendered_pictures(truth: Rig, pictures: tuple[Pictures, Pictures]) -> None:
    seen: list[tuple[int, int]] = []
    result = calibrate_pair(
        *pictures,
        ASYMMETRIC,
        surface=Plane(distance_m=5.0),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(result.views_used) + len(result.views_rejected) == 9
    assert len(result.views_used) >= 8
    assert result.stereo_rms_px is not None
    assert result.stereo_rms_px < 0.1
    assert result.baseline_m == pytest.approx(np.linalg.norm(truth.pose("thermal")[:3, 3]), abs=1e-3)
    for distance in (1.0, 5.0, 50.0):
        assert alignment_error(result.rig, truth, "thermal", distance).rms_px < 0.5
    assert seen[-1] == (18, 18)
    # The crop is seen by both cameras, and the file reads back as it was.
    x, y, width, height = result.rig.output.crop or (0, 0, 0, 0)
    assert width > 160
    assert height > 120
    assert x + width <= 320
    assert y + height <= 240


def test_the_rig_file_reads_back(pictures: tuple[Pictures, Pictures], tmp_path: Path) -> None:
    result = calibrate_pair(*pictures, ASYMMETRIC, surface="homography")
    assert isinstance(result.rig.surface, MatchedHomography)
    result.rig.save(tmp_path / "rig.yaml")
    assert Rig.load(tmp_path / "rig.yaml") == result.rig


def test_views_that_one_camera_misses_are_named(pictures: tuple[Pictures, Pictures]) -> None:
    rgb, thermal = pictures
    thermal[2] = np.full_like(thermal[2], 20000)
    result = calibrate_pair(rgb, thermal, ASYMMETRIC, view_names=[f"view{i}" for i in range(9)])
    assert result.views_rejected["view2"].startswith("thermal: the board is not found (nearly uniform")
    assert "view2" not in result.views_used


def test_bad_pictures_are_one_line_each(pictures: tuple[Pictures, Pictures], tmp_path: Path) -> None:
    rgb, thermal = pictures
    with pytest.raises(RigsightError, match="CAL-013"):
        calibrate_pair(rgb, thermal[:-1], ASYMMETRIC)
    with pytest.raises(RigsightError, match=r"CAL-014.*100x100 after others of 320x240"):
        calibrate_pair([*rgb[:-1], rgb[0][:100, :100]], thermal, ASYMMETRIC)
    with pytest.raises(RigsightError, match=r"CAL-015.*thermal"):
        calibrate_pair(rgb, [np.zeros_like(picture) for picture in thermal], ASYMMETRIC)
    with pytest.raises(RigsightError, match="CAL-016"):
        calibrate_pair(rgb[:4], thermal[:4], ASYMMETRIC)
    with pytest.raises(RigsightError, match="CAL-011"):
        calibrate_pair([tmp_path / "none.png"] * 9, thermal, ASYMMETRIC)


def real(data: Path, chosen: list[int] | None = None) -> Calibration:
    folder = data / "calib_chessboard_stereo"
    pairs, alone = pair_pictures(find_pictures(f"{folder}/left*.jpg"), find_pictures(f"{folder}/right*.jpg"))
    assert len(pairs) == 14
    assert not alone
    pairs = pairs if chosen is None else [pairs[i] for i in chosen]
    return calibrate_pair(
        [pair[1] for pair in pairs],
        [pair[2] for pair in pairs],
        REAL_BOARD,
        names=("left", "right"),
        spectra=("rgb", "rgb"),
        view_names=[pair[0] for pair in pairs],
    )


def test_opencvs_stereo_pairs(data: Path) -> None:
    result = real(data)
    assert len(result.views_used) == 14
    assert result.stereo_rms_px is not None
    assert result.stereo_rms_px <= 0.20
    assert result.epipolar_px is not None
    assert result.epipolar_px <= 0.11
    assert result.baseline_m == pytest.approx(0.0832, abs=0.0005)


@pytest.mark.parametrize("seed", range(4))
def test_the_baseline_hardly_depends_on_which_half_of_the_pairs_is_used(data: Path, seed: int) -> None:
    half = np.random.default_rng(seed).permutation(14)[:7].tolist()
    assert real(data, half).baseline_m == pytest.approx(0.0832, abs=0.0005)


def test_a_real_thermal_camera_with_strong_distortion(data: Path) -> None:
    """Song et al., "Unbiased Estimator for Distorted Conics in Camera Calibration" (CVPR 2024): 440.72 px."""
    board = Board(kind="circles", columns=4, rows=3, pitch_m=0.09, diameter_m=0.06)
    result = calibrate_single(
        find_pictures(data / "calib_tir_circles"), board, name="thermal", spectrum="thermal"
    )
    assert len(result.views_used) == 11
    assert result.rms_px["thermal"] <= 0.15
    assert result.rig.cameras["thermal"].K[0][0] == pytest.approx(440.72, rel=3e-3)
    assert result.stereo_rms_px is None
