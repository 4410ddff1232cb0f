"""The three scenes: both cameras see one world, the truth is true, equal arguments give equal pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rigsight.calibration.projection import project
from rigsight.edge.simulation import classes
from rigsight.edge.simulation.benchmark import sets_per_second
from rigsight.edge.simulation.rig import PERIOD_NS, SimulatedRig
from rigsight.edge.simulation.splits import SCENES, SPLITS, Pools


@pytest.fixture(scope="module", params=SCENES)
def simulated(request):
    return SimulatedRig(request.param, 3)


def test_shapes_and_types(simulated):
    rendered = simulated.render(4)
    assert rendered.rgb.shape == (240, 320, 3)
    assert rendered.rgb.dtype == np.uint8
    assert rendered.thermal.shape == (240, 320)
    assert rendered.thermal.dtype == np.uint16
    truth = rendered.truth
    assert truth.labels.dtype == np.uint8
    assert truth.depth_m.dtype == np.float32
    assert set(np.unique(truth.labels)) <= set(classes.SCENE_CLASSES[simulated.scene])
    assert truth.captured_ns == 4 * PERIOD_NS
    assert 0 <= truth.illumination <= 1
    assert (truth.depth_m > 0).all()


def test_other_sizes_scale_the_focal_length():
    small, large = SimulatedRig("pipe", 1), SimulatedRig("pipe", 1, width=640, height=480)
    assert large.render(0).thermal.shape == (480, 640)
    assert large.rig.cameras["rgb"].K[0][0] == pytest.approx(2 * small.rig.cameras["rgb"].K[0][0])


def test_every_class_of_a_scene_appears(simulated):
    seen = set()
    for index in range(0, 200, 8):
        seen |= set(np.unique(simulated.view("rgb", index).labels))
    assert seen == set(classes.SCENE_CLASSES[simulated.scene])


def test_deterministic_in_any_order(simulated):
    again = SimulatedRig(simulated.scene, 3)
    forward = [again.render(index) for index in (0, 7, 31)]
    backward = [simulated.render(index) for index in (31, 7, 0)][::-1]
    for a, b in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.thermal, b.thermal)
        np.testing.assert_array_equal(a.truth.labels, b.truth.labels)
        np.testing.assert_array_equal(a.truth.depth_m, b.truth.depth_m)
        assert a.truth.defects == b.truth.defects
    assert again.rig == simulated.rig


def test_both_cameras_see_one_world(simulated):
    """A pixel of the colour camera, taken with its depth into the thermal camera, meets the same surface."""
    for index in (5, 60):
        colour, thermal = simulated.view("rgb", index), simulated.view("thermal", index)
        T_thermal_world = np.linalg.inv(simulated.pose("thermal", index))
        where = np.isfinite(colour.depth)
        eye_rays = colour.eye.directions[:, where].astype(np.float64)
        points = (colour.eye.origin[:, None] + eye_rays * colour.depth[where]).T
        local = points @ T_thermal_world[:3, :3].T + T_thermal_world[:3, 3]
        pixels = project(simulated.rig.cameras["thermal"], local)
        nearest = np.rint(np.nan_to_num(pixels, nan=-1.0)).astype(int)
        inside = ((nearest >= 0) & (nearest < [320, 240])).all(axis=1)
        u, v = nearest[inside].T
        expected, seen = local[inside, 2], thermal.depth[v, u]
        # Edges and what only one camera sees are few; everything else lies at the predicted depth.
        agrees = np.abs(seen - expected) < 0.03 * expected
        assert agrees.mean() > 0.93
        # Away from edges, the surface at that depth has the same label.
        calm = cv2.erode(_same_label(colour.labels), np.ones((5, 5), np.uint8)).astype(bool)[where][inside]
        labels = colour.labels[where][inside]
        assert (thermal.labels[v, u] == labels)[agrees & calm].mean() > 0.985
        marked = agrees & calm & (labels > 0)
        if marked.sum() > 200:
            assert (thermal.labels[v, u] == labels)[marked].mean() > 0.94


def _same_label(labels):
    grown = cv2.dilate(labels, np.ones((3, 3), np.uint8)) == cv2.erode(labels, np.ones((3, 3), np.uint8))
    return grown.astype(np.uint8)


def test_parallax_is_real(simulated):
    """The same world point lies elsewhere in the two pictures, by focal length * baseline / depth."""
    rig = simulated.rig
    points = np.array([[0.0, 0.0, d] for d in (0.5, 1.0, 2.0, 4.0)]) * rig.surface.distance_m
    T = rig.pose("thermal")
    pixels = project(rig.cameras["thermal"], points @ T[:3, :3].T + T[:3, 3])
    shift = pixels[:, 0] - pixels[-1, 0]
    focal, baseline = rig.cameras["thermal"].K[0][0], np.linalg.norm(T[:3, 3])
    expected = -focal * baseline * (1 / points[:, 2] - 1 / points[-1, 2])
    np.testing.assert_allclose(shift, expected, rtol=0.1, atol=0.1)


def test_facade_and_pipe_lie_where_they_should():
    view = SimulatedRig("pipe", 3).view("rgb", 11)
    hit = np.isfinite(view.depth)
    _, y, z = view.eye.points(np.where(hit, view.depth, 0))
    np.testing.assert_allclose(np.hypot(y, z)[hit], view.pipe.radius, rtol=1e-3)

    view = SimulatedRig("facade", 3).view("rgb", 11)
    y = view.eye.points(view.depth)[1]
    labelled = view.labels > 0
    assert labelled.any()
    np.testing.assert_allclose(y[labelled], 0, atol=2e-3)
    assert -0.2 < y.min() < 0.25


def test_day_turns_into_night(simulated):
    light = [simulated.world.illumination(index) for index in range(0, 400, 10)]
    assert min(light) == 0
    assert max(light) == 1
    night, noon = (10 * int(find(light)) for find in (np.argmin, np.argmax))
    # Auto exposure lifts the night's picture; the light that reaches the sensor tells.
    dark, bright = (simulated.view("rgb", index).radiance().mean() for index in (night, noon))
    assert 0.01 * bright < dark < 0.5 * bright
    # Weak, but not absent.
    assert simulated.render(night).rgb.mean() > 8


def test_counts_are_kelvin_within_the_noise(simulated):
    index = 12
    sensor = simulated.thermal_sensor
    truth = cv2.GaussianBlur(simulated.view("thermal", index).kelvin(), (5, 5), sensor.blur_px)
    measured = simulated.counts_to_kelvin(simulated.render(index).thermal)
    error = measured - truth - sensor.drift(index) - sensor.fixed_pattern
    # NETD and half a count of rounding are all that is left.
    assert abs(error.mean()) < 0.005
    assert error.std() == pytest.approx(np.hypot(sensor.netd_k, 0.04 / np.sqrt(12)), rel=0.08)
    assert np.abs(sensor.fixed_pattern).max() < 1.0
    assert abs(sensor.drift(index)) <= 0.6


def test_noise_changes_from_frame_to_frame_and_the_pattern_stays():
    simulated = SimulatedRig("facade", 4)
    first, second = (simulated.render(k).thermal.astype(float) for k in (20, 21))
    assert (first != second).mean() > 0.5


def test_splits_share_no_draw():
    values = {split: set() for split in SPLITS}
    for split in SPLITS:
        for seed in range(6):
            pools = Pools("street", seed, split)
            draw = pools.stream(0)
            values[split] |= {int(48 * draw.uniform(0.0, 1.0)) for _ in range(200)}
            assert pools.texture_seed(draw) // 24 == SPLITS.index(split)
    assert not values["train"] & values["test"]
    assert not values["train"] & values["val"]
    assert not values["val"] & values["test"]
    assert set.union(*values.values()) == set(range(48))


@pytest.mark.parametrize("scene", SCENES)
def test_splits_show_other_rigs_and_pictures(scene):
    rigs = [SimulatedRig(scene, 3, split) for split in SPLITS]
    assert len({str(r.rig.transforms) for r in rigs}) == 3
    pictures = [r.render(0) for r in rigs]
    assert np.abs(pictures[0].rgb.astype(int) - pictures[2].rgb).mean() > 5
    assert len({r.counts_to_kelvin.offset for r in rigs}) == 3


def test_benchmark_counts_sets():
    assert sets_per_second("pipe", 0.1) > 0
