"""AGC, saliency and the way onto the network's grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Camera, OutputGrid, Rig
from rigsight.edge.agc import PercentileAgc, percentiles, widened
from rigsight.edge.bundle.spec import AgcSpec, Geometry, Preprocessing
from rigsight.edge.frames import CountsToKelvin, Frame, FrameSet, PixelFormat
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.saliency import vsm_tables


def frame_set(rgb: np.ndarray | None, thermal: np.ndarray | None) -> FrameSet:
    frames = {}
    if rgb is not None:
        frames["rgb"] = Frame("rgb", rgb, 0, 0, PixelFormat.RGB8)
    if thermal is not None:
        frames["thermal"] = Frame(
            "thermal", thermal, 0, 0, PixelFormat.MONO16, counts_to_kelvin=CountsToKelvin(0.04, 0.0)
        )
    return FrameSet(0, 0, frames)


def rig_of(width: int, height: int) -> Rig:
    K = ((width, 0, width / 2), (0, width, height / 2), (0, 0, 1))
    size = {"model": "pinhole-radtan", "width": width, "height": height, "K": K}
    return Rig(
        cameras={"rgb": Camera(**size, spectrum="rgb"), "thermal": Camera(**size, spectrum="thermal")},
        reference="rgb",
        transforms={"thermal": ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        output=OutputGrid(camera="rgb", width=width, height=height, K=K),
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1.0, 99.0), (0.0, 100.0), (10.0, 60.0)]))
def test_percentiles_are_numpys(seed: int, shares: tuple[float, float]) -> None:
    counts = np.random.default_rng(seed).normal(7300, 150, (31, 40)).astype(np.uint16)
    expected = np.percentile(counts, shares, method="inverted_cdf")
    assert percentiles(counts, *shares) == tuple(expected)


def test_agc_is_linear_saturates_and_ignores_a_constant_offset() -> None:
    counts = np.linspace(7000, 8000, 640 * 4).reshape(40, 64).astype(np.uint16)
    agc = PercentileAgc(AgcSpec(smoothing=0))
    low, high = agc.bounds(counts)
    out = agc.apply(counts, (low, high)).astype(int)
    wanted = np.clip((counts.astype(float) - round(low)) * 255 / (high - round(low)), 0, 255)
    assert np.abs(out - wanted).max() <= 0.51
    assert (agc.apply(counts + np.uint16(500), agc.bounds(counts + np.uint16(500))) == out).all()


def test_bounds_follow_a_step_exponentially() -> None:
    agc = PercentileAgc(AgcSpec(smoothing=0.5, low_percent=0, high_percent=100, sample_stride=1))
    cold = np.array([[100, 200]], np.uint16)
    agc.bounds(cold)
    assert agc.bounds(cold + np.uint16(80)) == (140.0, 240.0)
    assert agc.bounds(cold + np.uint16(80)) == (160.0, 260.0)
    agc.reset()
    assert agc.bounds(cold) == (100.0, 200.0)


def test_a_flat_scene_is_not_stretched() -> None:
    assert widened(100.0, 110.0, 64.0) == (73.0, 137.0)
    out = PercentileAgc(AgcSpec()).apply(np.full((4, 4), 105, np.uint16), (73.0, 137.0))
    assert out[0, 0] == round(32 * 255 / 64)


def test_saliency_table_is_the_sum_of_distances() -> None:
    rng = np.random.default_rng(3)
    grey = rng.integers(0, 256, (12, 9), dtype=np.uint8)
    value = np.array([np.abs(level - grey.astype(float)).sum() for level in range(256)])
    present = value[np.unique(grey)]
    wanted = np.clip((value - present.min()) / (present.max() - present.min()), 0, 1)
    table = vsm_tables(np.dstack([grey] * 3), grey)
    assert np.allclose(table[1], wanted, atol=1e-6)
    assert np.allclose(table[0], wanted, atol=1e-6)


def test_with_an_ideal_rig_pictures_pass_unchanged_and_kelvin_is_radiometric() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    thermal = rng.integers(7000, 8000, (48, 64), dtype=np.uint16)
    aligned = Preprocessor(Preprocessing(), (64, 48), rig_of(64, 48))(frame_set(rgb, thermal))
    assert (aligned.rgb == rgb).all()
    assert aligned.valid.all()
    assert aligned.agc_bounds is not None
    assert (aligned.thermal == PercentileAgc.apply(thermal, aligned.agc_bounds)).all()
    kelvin = aligned.kelvin()
    assert kelvin is not None
    assert np.allclose(kelvin, thermal * 0.04, atol=1e-3)


def test_letterbox_keeps_the_aspect_and_maps_back_to_native_pixels() -> None:
    spec = Preprocessing(geometry=Geometry(kind="letterbox"))
    aligned = Preprocessor(spec, (320, 240))(
        frame_set(np.full((512, 640, 3), 9, np.uint8), np.full((512, 640), 7000, np.uint16))
    )
    assert aligned.valid[:, 9].max() == 0
    assert aligned.valid[:, 10:310].min() == 255
    assert (aligned.rgb[aligned.valid == 0] == 0).all()
    corner = aligned.T_native_grid @ (9.5, -0.5, 1.0)
    assert np.allclose(corner, (-0.5, -0.5, 1.0))


def test_a_missing_camera_is_an_all_zero_picture() -> None:
    rgb = np.full((48, 64, 3), 80, np.uint8)
    aligned = Preprocessor(Preprocessing(), (64, 48), rig_of(64, 48))(frame_set(rgb, None))
    assert not aligned.thermal.any()
    assert aligned.valid.all()
    assert aligned.kelvin() is None


def test_depth_of_the_thermal_picture_is_checked_both_ways() -> None:
    with pytest.raises(RigsightError, match="SRC-101.*16-bit counts"):
        Preprocessor(Preprocessing(), (64, 48))(frame_set(None, np.zeros((48, 64), np.uint8)))
    with pytest.raises(RigsightError, match="SRC-101.*8-bit"):
        Preprocessor(Preprocessing(thermal_input="camera8"), (64, 48))(
            frame_set(None, np.zeros((48, 64), np.uint16))
        )


def test_bounds_given_from_outside_replace_the_agcs_own() -> None:
    thermal = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) + np.uint16(7000)
    aligned = Preprocessor(Preprocessing(), (64, 48))(frame_set(None, thermal), agc_bounds=(6000.0, 20000.0))
    assert aligned.agc_bounds == (6000.0, 20000.0)
    assert aligned.thermal.max() <= round((thermal.max() - 6000.0) * 255 / 14000) + 1
