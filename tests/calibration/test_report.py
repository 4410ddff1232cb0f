"""The calibration report: what it says is what was solved, and the file is a page on its own."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.accuracy import parallax_px
from rigsight.calibration.align import ray_map
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import Detection
from rigsight.calibration.from_detections import solve_detected
from rigsight.calibration.projection import project
from rigsight.calibration.report import views
from rigsight.calibration.report.alignment import parallax_range
from rigsight.calibration.report.curve import error_curve
from rigsight.calibration.report.overlay import TILES, board_plane, matched_on_grid, overlay
from rigsight.calibration.report.parameters import inputs_sha256
from rigsight.calibration.report.report import OF_PAIRS, SECTIONS, render, write_report
from rigsight.calibration.report.residual_field import mean_field
from rigsight.calibration.report.style import CSS
from rigsight.calibration.report.subject import Subject, px, rms
from rigsight.calibration.report.thumbnails import CORE, first_row, thumbnail
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import (
    Cylinder,
    MatchedHomography,
    Plane,
    Provenance,
    Rig,
    as_matrix3,
    as_matrix4,
)
from rigsight.calibration.solve.joint import Setup
from rigsight.calibration.uncertainty import PredictedError, predicted_alignment_errors

BOARD = Board(kind="chessboard", columns=8, rows=6, square_m=0.05)
NOISE_PX = 0.05
SURFACE = Plane(distance_m=8.0)
DISTANCES = (2.0, 8.0, 30.0)
UNSEEN, SHIFTED = '<b>unseen</b> & "quoted"', "pair 03"
SETUPS = [Setup("rgb", "rgb", "pinhole-radtan"), Setup("thermal", "thermal", "pinhole-radtan")]
Pictures = dict[str, dict[str, np.ndarray]]


@pytest.fixture
def truth(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


@pytest.fixture
def poses(truth: Rig, good_poses: Callable[..., list[Float64]]) -> list[Float64]:
    """Boards that both cameras see."""
    T = truth.pose("thermal")
    thermal = truth.cameras["thermal"]
    every = good_poses(BOARD, truth.cameras["rgb"], 40, seed=3)
    seen = [project(thermal, BOARD.object_points() @ (T @ P)[:3, :3].T + (T @ P)[:3, 3]) for P in every]
    inside = [(p > 4).all() and (p < np.array(thermal.size) - 5).all() for p in seen]
    return [pose for pose, sees in zip(every, inside, strict=True) if sees][:15]


@pytest.fixture
def pictures(poses: list[Float64]) -> Pictures:
    """Gradients: what is in them does not matter to most tests."""
    names = [*(f"pair {k:02d}" for k in range(len(poses) - 1)), UNSEEN]
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[...] = np.linspace(0, 255, 640, dtype=np.uint8)[:, None]
    thermal = np.tile(np.linspace(7000, 8000, 640).astype(np.uint16), (512, 1))
    return {name: {"rgb": rgb, "thermal": thermal} for name in names}


_SOLVED: dict[str, Calibration] = {}
_PAGES: dict[str, str] = {}


@pytest.fixture
def calibration(truth: Rig, poses: list[Float64], pictures: Pictures) -> Calibration:
    if "pair" not in _SOLVED:
        _SOLVED["pair"] = solved(truth, poses, pictures)
    return _SOLVED["pair"]


@pytest.fixture
def page(calibration: Calibration, pictures: Pictures) -> str:
    if "pair" not in _PAGES:
        _PAGES["pair"] = render(calibration, BOARD, pictures, DISTANCES)
    return _PAGES["pair"]


def solved(truth: Rig, poses: list[Float64], pictures: Pictures) -> Calibration:
    """Noisy detections of 15 boards; one view lacks thermal, one is of another instant."""
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, Detection]] = {"rgb": {}, "thermal": {}}
    for view, pose in zip(pictures, poses, strict=True):
        for camera in found:
            if view == UNSEEN and camera == "thermal":
                continue
            its = poses[-1] if view == SHIFTED and camera == "thermal" else pose
            found[camera][view] = detection_of(truth, camera, its, rng)
    hashes = {"a.png": "00" * 32, "b.png": "ff" * 32}
    origin = Provenance(command="rigsight calibrate <a> b", images_sha256=hashes)
    return solve_detected(
        found, list(pictures), BOARD, SETUPS, surface=SURFACE, distances_m=DISTANCES,
        provenance=origin,
    )  # fmt: skip


def detection_of(rig: Rig, camera: str, pose: Float64, rng: np.random.Generator) -> Detection:
    T = rig.pose(camera) @ pose
    pixels = project(rig.cameras[camera], BOARD.object_points() @ T[:3, :3].T + T[:3, 3])
    return Detection(pixels + rng.normal(0, NOISE_PX, pixels.shape), rig.cameras[camera].size)


@pytest.fixture
def single(calibration: Calibration) -> Calibration:
    found = {"rgb": {view.name: view.seen["rgb"] for view in calibration.solution.views}}
    return solve_detected(found, [*found["rgb"], "dark"], BOARD, SETUPS[:1])


class Outline(HTMLParser):
    """Checks nesting; collects ids, links, sources, and pictures without words."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.wordless = 0
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert len(values) == len(attrs), f"an attribute of {tag} comes twice"
        self.ids += [v for k, v in attrs if k == "id" and v]
        self.links += [v for k, v in attrs if k == "href" and v]
        self.sources += [v for k, v in attrs if k in ("src", "srcset", "action", "data") and v]
        needed = {"img": "alt", "svg": "aria-label"}.get(tag)
        self.wordless += needed is not None and not values.get(needed)
        assert not [k for k in values if k.startswith("on")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.words += data


def check_page(page: str) -> Outline:
    """Well formed, alone, small, and every link of it leads somewhere."""
    outline = Outline(page)
    assert page.startswith("<!doctype html>")
    assert outline.stack == []
    assert outline.wordless == 0
    assert len(outline.ids) == len(set(outline.ids))
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert all(source.startswith("data:image/jpeg;base64,") for source in outline.sources)
    for foreign in ("http:", "https:", "@import", "url(", "<script", "<iframe"):
        assert foreign not in re.sub(r"base64,[^\"]*", "", page)
    assert len(page.encode()) <= 3_000_000
    assert not re.search(r"\b(nan|inf|None)\b", outline.words)
    return outline


def test_the_page_stands_alone_and_has_every_section(
    calibration: Calibration, pictures: Pictures, tmp_path: Path
) -> None:
    write_report(tmp_path / "report.html", calibration, BOARD, pictures, DISTANCES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    outline = check_page(page)
    assert {*SECTIONS, "verdict", "figures", "rejected", "used"} <= set(outline.ids)
    assert [link[1:] for link in outline.links] == list(SECTIONS)
    sources = [base64.b64decode(s.partition(",")[2]) for s in outline.sources]
    shapes = [cv2.imdecode(np.frombuffer(s, np.uint8), cv2.IMREAD_COLOR).shape for s in sources]
    assert len(shapes) == 2 * 15 + 6  # thumbnails of all views, three overlays of two kinds


def test_the_page_says_what_was_solved(calibration: Calibration, page: str) -> None:
    words = Outline(page).words.replace("\u00a0", " ")
    assert calibration.verdict is not None
    for part in calibration.verdict.text.split(": "):
        assert part.lower() in words.lower()
    for error in calibration.alignment:
        for value in (error.rms_px, error.high_px, error.bound_px):
            assert px(value) in words
    for shift in parallax_px(calibration.rig, "thermal", DISTANCES).values():
        assert px(shift) in words
    assert calibration.held_out is not None
    for value in (
        calibration.stereo_rms_px, calibration.epipolar_px, calibration.held_out.reprojection_px,
        calibration.held_out.epipolar_px, *calibration.rms_px.values(), *calibration.noise_px.values(),
        *calibration.held_out.per_view_px.values(),
    ):  # fmt: skip
        assert value is not None
        assert px(value) in words
    for view in calibration.views_used:
        for off in calibration.residuals[view].values():
            assert px(rms(off)) in words
    assert calibration.baseline_m is not None
    assert f"{1000 * calibration.baseline_m:.2f} mm" in words
    fx = calibration.rig.cameras["thermal"].K[0][0]
    assert calibration.rig.covariance is not None
    deviations = np.sqrt(np.diag(calibration.rig.covariance.matrix))
    sigmas = dict(zip(calibration.rig.covariance.parameters, deviations, strict=True))
    digits = 1 - math.floor(math.log10(sigmas["thermal.fx"]))
    assert f"{fx:.{digits}f} px" in words
    assert f"{sigmas['thermal.fx']:.{digits}f} px" in words
    assert "rigsight calibrate <a> b" in words
    assert inputs_sha256(calibration.rig.provenance.images_sha256) in words
    assert cv2.__version__ in words


def test_rejected_views_are_listed_with_their_reasons(calibration: Calibration, page: str) -> None:
    assert set(calibration.views_rejected) == {UNSEEN, SHIFTED}
    assert "<b>unseen</b>" not in page
    listed = page[page.index('id="rejected"') : page.index('id="used"')]
    for view, reason in calibration.views_rejected.items():
        assert view in unescape(listed)
        assert reason in unescape(listed)
    assert listed.count('class="card out"') == 2
    assert "Still serves the lens of rgb" in listed
    used = page[page.index('id="used"') :]
    assert used.count('class="card"') == len(calibration.views_used)


def test_a_single_camera_has_no_alignment(single: Calibration, pictures: Pictures) -> None:
    page = render(single, BOARD, pictures)
    outline = check_page(page)
    assert set(SECTIONS) - set(OF_PAIRS) <= set(outline.ids)
    assert not set(OF_PAIRS) & set(outline.ids)
    assert single.held_out is not None
    assert px(single.held_out.reprojection_px) in outline.words
    assert "rgb: the board is not found" in outline.words or single.views_rejected["dark"] in outline.words


@pytest.mark.parametrize("kind", ["homography", "pipe"])
def test_other_surfaces_have_a_page_too(calibration: Calibration, kind: str) -> None:
    rig = calibration.rig
    surface: Cylinder | MatchedHomography = Cylinder(radius_m=3.0)
    if kind == "homography":
        K, rays = rig.cameras["thermal"].matrix, ray_map(rig, "thermal", SURFACE)
        H = K @ rays @ np.linalg.inv(rig.cameras["rgb"].matrix)
        surface = MatchedHomography(H=as_matrix3(H))
    changed = replace(calibration, rig=rig.model_copy(update={"surface": surface}))
    outline = check_page(render(changed, BOARD, {}, DISTANCES))
    assert ("the homography that fits" if kind == "homography" else "a pipe of 3 m radius") in outline.words
    assert "The parallax stays within" not in outline.words


def test_pictures_may_be_missing_or_damaged(calibration: Calibration, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG")
    outline = check_page(render(calibration, BOARD, {"pair 00": {"rgb": broken}}, DISTANCES))
    assert outline.sources == []
    assert "without their pictures" in outline.words


def test_too_many_thumbnails_shrink_and_then_the_good_views_do_without(
    calibration: Calibration, pictures: Pictures, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len(page)
    monkeypatch.setattr(views, "BUDGET", 12_000)
    page = render(calibration, BOARD, pictures, DISTANCES)
    assert len(page) < whole
    rejected, used = page[page.index('id="rejected"') :].split('id="used"')
    assert rejected.count("<img") == 4
    assert used.count("<img") < 2 * len(calibration.views_used)
    assert "without their pictures" in used


def test_the_curve_can_be_read_off(calibration: Calibration) -> None:
    """Dots, measured against the labelled grid lines, give the predictions back; both kinds of axis."""
    for scale, tolerance in ((1.0, 0.1), (1000.0, 0.1)):
        marked = [
            PredictedError(e.distance_m, *(scale * v for v in (e.rms_px, e.low_px, e.high_px, e.bound_px)))
            for e in predicted_alignment_errors(calibration.rig, "thermal", DISTANCES)
        ]
        svg = error_curve(marked, marked, tolerance, (0.5, 1.0))
        lines = re.findall(r'class="grid"[^>]* y1="([\d.]+)"[^>]*/><text[^>]*>([\d.]+)<', svg)
        ys, values = np.array(lines, dtype=float).T
        dots = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', svg)]
        logarithmic = not math.isclose(values[1] - values[0], values[2] - values[1])
        assert logarithmic == (scale > 1)
        order = np.argsort(ys)
        read = np.interp(dots, ys[order], np.log10(values[order]) if logarithmic else values[order])
        expected = np.array([e.rms_px for e in marked])
        assert np.abs(read - (np.log10(expected) if logarithmic else expected)).max() < 0.01 * np.ptp(values)
        assert f"tolerance {tolerance:g} px" in svg


def test_a_lens_model_that_is_too_stiff_shows_as_systematic_residuals() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform((0, 0), (639, 479), (4000, 2))
    noise = rng.normal(0, 0.05, points.shape)
    assert mean_field(points, noise, (640, 480)).systematic_px < 0.01
    centred = (points - (320, 240)) / 400
    radial = 0.3 * centred * (centred**2).sum(axis=1, keepdims=True)
    field = mean_field(points, noise + radial, (640, 480))
    assert field.systematic_px == pytest.approx(rms(radial), rel=0.05)


def test_overlays_measure_what_is_left_of_the_noise(calibration: Calibration, pictures: Pictures) -> None:
    subject = Subject(calibration, BOARD, pictures, DISTANCES, 1.0)
    for view in calibration.views_used[:3]:
        plane = board_plane(calibration.poses[view])
        assert plane is not None
        own, brought = matched_on_grid(subject, "thermal", view, plane)
        # Both cameras' noise, thermal's in pixels of the grid.
        assert rms(brought - own) == pytest.approx(
            math.sqrt(2) * math.hypot(0.05, 0.05 * 450 / 520), rel=0.35
        )


def test_a_shifted_camera_shows_in_the_overlay(calibration: Calibration, pictures: Pictures) -> None:
    """A translation error e moves the picture by f e / Z."""
    view = calibration.views_used[0]
    pose = np.array(calibration.rig.transforms["thermal"])
    R = pose[:3, :3]
    error = R @ np.array([0.01, 0.0, 0.0])
    pose[:3, 3] += error
    moved = replace(
        calibration, rig=calibration.rig.model_copy(update={"transforms": {"thermal": as_matrix4(pose)}})
    )
    plane = board_plane(calibration.poses[view])
    assert plane is not None
    right, wrong = (
        matched_on_grid(Subject(c, BOARD, pictures, DISTANCES, 1.0), "thermal", view, plane)
        for c in (calibration, moved)
    )
    depths = BOARD.object_points() @ calibration.poses[view][2, :3] + calibration.poses[view][2, 3]
    expected = -calibration.rig.cameras["rgb"].K[0][0] * 0.01 / depths
    assert (wrong[1] - right[1])[:, 0] == pytest.approx(expected, rel=0.05)
    result = overlay(Subject(moved, BOARD, pictures, DISTANCES, 1.0), "thermal", view)
    assert result is not None
    assert result.offset_px == pytest.approx(float(np.abs(expected).mean()), rel=0.1)


def test_the_overlay_lays_one_board_on_the_other(
    calibration: Calibration, truth: Rig, poses: list[Float64]
) -> None:
    view = calibration.views_used[0]
    pose = poses[int(view.split()[1])]
    shown = {view: {name: waves(truth, name, pose) for name in truth.cameras}}
    result = overlay(Subject(calibration, BOARD, shown, DISTANCES, 1.0), "thermal", view)
    assert result is not None
    assert result.offset_px < 0.15
    # The same waves in both: the borders of the squares cannot be told from what is around them.
    grey = result.checkerboard[:, :, 0].astype(float)
    jumps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    borders = [math.ceil(max(grey.shape) / TILES * k) - 1 for k in range(1, TILES)]
    assert np.mean(jumps[borders]) < 1.25 * np.mean(jumps)


def waves(rig: Rig, camera: str, pose: Float64) -> np.ndarray:
    """A picture of the board's plane with waves in it instead of squares."""
    lens, T = rig.cameras[camera], rig.pose(camera) @ pose
    pixels = np.stack(np.meshgrid(np.arange(lens.width), np.arange(lens.height)), axis=-1).reshape(-1, 1, 2)
    rays = cv2.undistortPoints(pixels.astype(np.float64), lens.matrix, lens.distortion).reshape(-1, 2)
    plane = np.column_stack([T[:3, 0], T[:3, 1], T[:3, 3]])
    xyw = np.column_stack([rays, np.ones(len(rays))]) @ np.linalg.inv(plane).T
    x, y = xyw[:, 0] / xyw[:, 2], xyw[:, 1] / xyw[:, 2]
    value = 128 + 110 * np.sin(2 * np.pi * x / 0.13) * np.sin(2 * np.pi * y / 0.11)
    return value.reshape(lens.height, lens.width).astype(np.uint8)


def test_the_range_of_one_surface_follows_the_closed_form(truth: Rig) -> None:
    """|1/d - 1/d0| <= e / (f b) for parallel cameras."""
    T = np.eye(4)
    T[0, 3] = -0.1
    cameras = {n: c.model_copy(update={"D": (0.0,) * 4}) for n, c in truth.cameras.items()}
    rig = truth.model_copy(update={"transforms": {"thermal": as_matrix4(T)}, "cameras": cameras})
    near, far = parallax_range(rig, "thermal", Plane(distance_m=8.0), 2.0)
    per_px = 1 / (truth.output.K[0][0] * 0.1)
    assert 1 / near == pytest.approx(1 / 8 + 2 * per_px, rel=0.01)
    assert 1 / far == pytest.approx(1 / 8 - 2 * per_px, rel=0.01)
    assert parallax_range(rig, "thermal", Plane(distance_m=8.0), 6.0)[1] == math.inf


def test_thumbnails_mark_the_points_where_they_are() -> None:
    image = np.full((480, 640), 1000, np.uint16)
    image[:, 320:] = 1400
    points = np.stack(np.meshgrid(np.linspace(80, 560, 8), np.linspace(60, 420, 6)), axis=-1).reshape(-1, 2)
    small = thumbnail(image, 320, points, BOARD)
    assert small.shape == (240, 320, 3)
    for x, y in points[first_row(BOARD) :]:
        assert np.abs(small[round(y / 2), round(x / 2)].astype(int) - CORE).max() < 40
    assert np.abs(small[5, 5].astype(int)).max() == 0
    assert small[5, 315].min() == 255


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_meets_wcag_in_both_modes() -> None:
    """WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for what a plot draws (1.4.11)."""
    dark: dict[str, str] = {}
    light: dict[str, str] = {}
    for before, block in re.findall(r"(.{0,60}?):root \{(.*?)\}", CSS, re.DOTALL):
        into = dark if "prefers-color-scheme: dark" in before else light
        into.update(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    assert set(dark) == set(light)
    used = set(re.findall(r"var\(--(\w+)\)", CSS)) - {"n", "grade"}
    assert used <= set(light)
    for colors in (light, dark):
        for back in ("page", "panel"):
            texts = [(name, 4.5) for name in ("ink", "soft", "accent", "good", "usable", "bad")]
            for name, least in [*texts, *[(name, 3.0) for name in ("both", "rgb", "thermal", "pixel")]]:
                lighter, darker = sorted((luminance(colors[name]), luminance(colors[back])), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) >= least, (name, back)
