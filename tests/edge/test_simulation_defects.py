"""Defects keep their identity over frames and their size in every picture."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.calibration.projection import project
from rigsight.edge.simulation import classes
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import Pools
from rigsight.edge.simulation.surface import make_patch, make_stroke


@pytest.mark.parametrize("scene", ["facade", "pipe"])
def test_ids_persist_with_their_sizes(scene):
    simulated = SimulatedRig(scene, 5)
    known, frames = {}, {}
    for index in range(0, 40, 2):
        view = simulated.view("rgb", index)
        defects = [view.defect_list[k] for k in np.unique(view.defects) if k >= 0]
        for defect in defects:
            assert known.setdefault(defect.id, defect) == defect
            frames.setdefault(defect.id, []).append(index)
            assert defect.class_id in classes.DEFECT_CLASSES
            assert defect.length_mm >= defect.width_mm > 0
    assert len(known) >= 4
    # Something stays in view for at least a second, and comes from where it was.
    assert max(len(seen) for seen in frames.values()) >= 5


@pytest.mark.parametrize("scene", ["facade", "pipe"])
def test_truth_lists_what_the_labels_show(scene):
    simulated = SimulatedRig(scene, 6)
    for index in (3, 33):
        truth = simulated.render(index).truth
        by_class = {}
        for defect in truth.defects:
            by_class[defect.class_id] = by_class.get(defect.class_id, 0) + defect.visible_px
        for class_id in classes.DEFECT_CLASSES:
            assert by_class.get(class_id, 0) == (truth.labels == class_id).sum()


def test_street_has_no_defects():
    assert SimulatedRig("street", 1).render(0).truth.defects == ()


def test_crack_width_measured_in_the_picture_is_the_true_width():
    """Area of a whole crack over its length, pixel by pixel with the depth, within a pixel of width_mm."""
    measured = 0
    for seed in range(6):
        simulated = SimulatedRig("facade", seed)
        for index in range(0, 120, 15):
            view = simulated.view("rgb", index)
            millimetres = _pixel_areas_mm2(view)
            pixel_mm = 1000 * float(np.median(view.depth)) / view.eye.focal_px
            for number, stroke in enumerate(view.marks.cracks):
                if not _wholly_seen(simulated, view, stroke, index):
                    continue
                area = millimetres[view.defects == number].sum()
                assert abs(area / stroke.shape.length_mm - stroke.shape.width_mm) < pixel_mm
                assert area / stroke.shape.length_mm == pytest.approx(stroke.shape.width_mm, rel=0.15)
                measured += 1
    assert measured >= 5


def _pixel_areas_mm2(view):
    """Area of wall behind every pixel: depth^2 / f^2 over the cosine of the slant, undistorted locally."""
    x = view.points[0].astype(np.float64)
    z = view.points[2].astype(np.float64)
    return 1e6 * np.abs(
        np.gradient(x, axis=1) * np.gradient(z, axis=0) - np.gradient(x, axis=0) * np.gradient(z, axis=1)
    )


def _wholly_seen(simulated, view, stroke, index):
    T = np.linalg.inv(simulated.pose("rgb", index))
    world = np.stack([stroke.points[:, 0], np.zeros(len(stroke.points)), stroke.points[:, 1]], axis=1)
    pixels = project(simulated.rig.cameras["rgb"], world @ T[:3, :3].T + T[:3, 3])
    if not ((pixels > 6) & (pixels < [313, 233])).all():
        return False
    # Nothing in front of it, no window, no other crack or itself across it.
    fine = np.linspace(pixels[:-1], pixels[1:], 9).reshape(-1, 2)
    u, v = np.rint(fine).astype(int).T
    own = view.cracks.item[v, u] == view.marks.cracks.index(stroke)
    crossed = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1)
    apart = np.abs(np.subtract.outer(np.arange(len(pixels)), np.arange(len(pixels)))) > 3
    kinked = (crossed[apart] < 12).any() if apart.any() else False
    return bool(own.all() and (view.kind[v, u] == 0).all() and not kinked)


def test_patch_size_is_the_extent_of_its_labels():
    measured = 0
    for seed in range(5):
        simulated = SimulatedRig("facade", seed)
        for index in range(0, 120, 20):
            view = simulated.view("rgb", index)
            first = len(view.marks.cracks)
            for k in range(len(view.marks.damp)):
                pixels = view.damp.item == k
                rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
                if len(rows) == 0 or rows[0] < 2 or rows[-1] > 237 or columns[0] < 2 or columns[-1] > 317:
                    continue
                around = view.kind[rows[0] - 2 : rows[-1] + 3, columns[0] - 2 : columns[-1] + 3]
                others = view.damp.item[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                if (around != 0).any() or not np.isin(others, (-1, k)).all():
                    continue
                points = view.points[:, pixels][[0, 2]].T
                angle = np.linspace(0, np.pi, 90)
                extents = np.ptp(points @ np.stack([np.cos(angle), np.sin(angle)]), axis=0)
                pixel = float(view.depth.max()) / view.eye.focal_px
                shape = view.defect_list[first + k]
                assert 1000 * extents.max() == pytest.approx(shape.length_mm, abs=2000 * pixel)
                assert 1000 * extents.min() == pytest.approx(shape.width_mm, abs=2000 * pixel)
                measured += 1
    assert measured >= 3


def test_joint_rings_have_their_width():
    simulated = SimulatedRig("pipe", 3)
    pipe = simulated.world
    for index in range(0, 60, 6):
        view = simulated.view("rgb", index)
        for number in np.unique(view.joints.item):
            if number < 0:
                continue
            u = view.u[view.joints.item == number]
            assert np.ptp(u) <= pipe.joint_width + 1e-4
    _, shape = pipe.joint(0)
    assert shape.length_mm == pytest.approx(2000 * np.pi * pipe.radius)
    assert shape.width_mm == pytest.approx(1000 * pipe.joint_width)


def test_strokes_and_patches_know_their_sizes():
    draw = Pools("facade", 0, "train").stream(9)
    stroke = make_stroke(draw, 1, classes.CRACK, (0.0, 0.0), 0.3, 1.2, 0.03, 0.0, 0.5, 1.0, step=0.1)
    assert stroke.shape.length_mm == pytest.approx(1200, rel=1e-9)
    assert np.linalg.norm(stroke.points[-1] - stroke.points[0]) == pytest.approx(1.2)
    # The tips taper to 45 %: of twelve segments two are 0.725 as wide.
    assert stroke.shape.width_mm == pytest.approx(30 * (10 + 2 * 0.725) / 12)
    patch = make_patch(draw, 2, classes.DAMP, (1.0, 2.0), (0.4, 0.2), 0.8, -2.0)
    assert patch.low[0] < 1.0 < patch.high[0]
    assert 0.3 < patch.shape.width_mm / patch.shape.length_mm < 0.9
