"""Maps for a distance that changes in every frame."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.align import Aligner
from rigsight.calibration.alignment.blend import BlendAligner
from rigsight.calibration.alignment.surfaces import plane_distance
from rigsight.calibration.rig import Plane, Rig, as_matrix4

MakeRig = Callable[..., Rig]
RANGES = {"car": (2.0, 50.0), "to the sky": (1.5, np.inf), "near": (0.3, 1.2)}


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("where", RANGES)
@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.2, -0.1, np.sqrt(0.95))])
def test_the_blend_is_as_near_to_the_exact_map_as_it_says(
    make_rig: MakeRig, fisheye: bool, where: str, normal: tuple[float, float, float]
) -> None:
    near, far = RANGES[where]
    rig = make_rig(fisheye=fisheye).model_copy(update={"surface": Plane(distance_m=5.0, normal=normal)})
    exact, blended = Aligner(rig, "thermal"), BlendAligner(rig, "thermal", near, far)
    assert blended.error_px <= 0.1
    assert 2 <= len(blended.distances_m) <= 8
    worst = 0.0
    for inverse in np.linspace(1 / far, 1 / near, 14):
        distance = 1 / inverse if inverse > 0 else np.inf
        exact.retarget(distance)
        blended.retarget(distance)
        assert blended.distance_m == pytest.approx(distance)
        both = (exact.valid > 0) & (blended.valid > 0)
        assert both.mean() > 0.3
        worst = max(worst, float(np.linalg.norm(exact.map_xy - blended.map_xy, axis=-1)[both].max()))
    assert worst <= blended.error_px + 0.01


def test_fewer_knots_for_a_larger_tolerance(make_rig: MakeRig) -> None:
    loose, tight = (BlendAligner(make_rig(), "thermal", 1.0, tolerance_px=t) for t in (2.0, 0.02))
    assert len(loose.knots) < len(tight.knots)
    assert tight.error_px <= 0.02 < loose.error_px <= 2.0


def test_outside_the_range_its_end_holds(make_rig: MakeRig) -> None:
    aligner = BlendAligner(make_rig(), "thermal", 2.0, 20.0)
    for asked, got in ((0.1, 2.0), (np.inf, 20.0), (5.0, 5.0)):
        aligner.retarget(asked)
        assert aligner.distance_m == pytest.approx(got)


def test_no_distance_is_refused(make_rig: MakeRig) -> None:
    rig = make_rig()
    for aligner in (Aligner(rig, "thermal"), BlendAligner(rig, "thermal", 2.0)):
        before = aligner.map_xy
        for echo in (0.0, -1.0, float("nan")):
            with pytest.raises(RigsightError, match="CAL-030"):
                aligner.retarget(echo)
        assert (aligner.map_xy == before).all()
    with pytest.raises(RigsightError, match="CAL-030.*empty"):
        BlendAligner(rig, "thermal", 5.0, 4.0)
    with pytest.raises(RigsightError, match="CAL-034"):
        BlendAligner(rig, "thermal", 0.2, tolerance_px=1e-5)


@pytest.mark.parametrize("blend", [True, False])
def test_a_new_distance_in_every_frame_makes_no_arrays(make_rig: MakeRig, blend: bool) -> None:
    rig = make_rig()
    aligner = BlendAligner(rig, "thermal", 2.0) if blend else Aligner(rig, "thermal")
    picture = np.random.default_rng(0).integers(0, 60000, (512, 640)).astype(np.uint16)
    out, valid = np.empty((480, 640), np.uint16), np.empty((480, 640), np.uint8)

    def frames(count: int) -> None:
        for number in range(count):
            aligner.retarget(3.0 + 0.1 * number)
            aligner.valid_into(valid)
            assert aligner(picture, out) is out

    frames(3)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        frames(20)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now - before < 20 * 1024  # a frame's share: nothing is kept
    assert peak - before < (2048 if blend else 20 * 1024)  # the exact map needs its 3 x 3 matrices


def test_the_range_finder_is_not_where_the_camera_is(make_rig: MakeRig) -> None:
    """The beam's end is a point of the plane, wherever the finder sits."""
    T = np.eye(4)
    T[:3, 3] = (0.05, 0.0, -0.2)
    rig = make_rig().model_copy(update={"T_reference_rangefinder": as_matrix4(T)})
    assert plane_distance(rig, 5.0) == pytest.approx(4.8)
    tilted = rig.model_copy(update={"surface": Plane(distance_m=5.0, normal=(0.6, 0.0, 0.8))})
    assert plane_distance(tilted, 5.0) == pytest.approx(0.6 * 0.05 + 0.8 * 4.8)
