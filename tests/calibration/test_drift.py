"""The targetless check: known turns are found, depth is not taken for a turn, and nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.drift.baseline import DriftBaseline, geometry_sha256
from rigsight.calibration.drift.edges import edge_fields
from rigsight.calibration.drift.estimate import Drift, estimate, take_baseline
from rigsight.calibration.drift.session import REACH_PX, Session
from rigsight.calibration.rig import Camera, OutputGrid, Rig, as_matrix4

WIDTH, HEIGHT, PAIRS = 208, 156, 50
RIM = 6


@pytest.fixture(scope="module")
def rig() -> Rig:
    """Two alike cameras, the thermal one 10 cm to the right."""
    K = ((180, 0, 103.5), (0, 180, 77.5), (0, 0, 1))
    cameras = {
        name: Camera(model="pinhole-radtan", width=WIDTH, height=HEIGHT, K=K, spectrum=name)
        for name in ("rgb", "thermal")
    }
    T = np.eye(4)
    T[0, 3] = -0.1
    return Rig(
        cameras=cameras,
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        output=OutputGrid(camera="rgb", width=WIDTH, height=HEIGHT, K=K),
    )


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes with unrelated brightness and warmth but the same edges; float32 [H,W] each."""
    rng = np.random.default_rng(seed)
    light, heat = np.full((HEIGHT, WIDTH), 90.0, np.float32), np.full((HEIGHT, WIDTH), 7000.0, np.float32)
    for _ in range(22):
        x, y = rng.integers(-20, WIDTH), rng.integers(-20, HEIGHT)
        box = (int(x), int(y)), (int(x + rng.integers(8, 70)), int(y + rng.integers(8, 60)))
        cv2.rectangle(light, *box, float(rng.uniform(20, 230)), -1)
        cv2.rectangle(heat, *box, float(rng.uniform(6900, 7150)), -1)
    return light, heat


def session_of(
    displace: Callable[[int], np.ndarray], seed: int = 0, pairs: int = PAIRS, related: bool = True
) -> Session:
    """Pairs whose thermal picture is displaced by a 2x3 matrix for each index."""
    session = Session(WIDTH, HEIGHT)
    valid = np.zeros((HEIGHT, WIDTH), np.uint8)
    valid[RIM:-RIM, RIM:-RIM] = 255
    for k in range(pairs):
        rng = np.random.default_rng([seed, k])
        light, heat = scene(1000 * seed + k)
        if not related:
            heat = scene(1000 * seed + k + 500)[1]
        light = cv2.GaussianBlur(light, (0, 0), 0.7) + rng.normal(0, 2, light.shape)
        heat = cv2.warpAffine(heat, displace(k), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        heat = cv2.GaussianBlur(heat, (0, 0), 0.8) + rng.normal(0, 2, heat.shape)
        rgb = np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        session.add(rgb, heat.astype(np.uint16), valid)
    return session


def moved(x: float, y: float, roll_deg: float = 0.0) -> Callable[[int], np.ndarray]:
    """The same displacement in every pair."""
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), -roll_deg, 1)
    matrix[:, 2] += x, y
    return lambda _: matrix


@pytest.fixture(scope="module")
def still() -> Session:
    return session_of(moved(0, 0))


@pytest.fixture(scope="module")
def baseline(still: Session, rig: Rig) -> DriftBaseline:
    taken = take_baseline(still, rig, "thermal", geometry_sha256(rig))
    assert taken is not None
    return taken


def test_edges_do_not_depend_on_contrast_sign_or_depth_of_the_picture() -> None:
    light = cv2.GaussianBlur(scene(3)[0], (0, 0), 1.0)
    eight, sixteen = light.astype(np.uint8), (20000 - 31 * light).astype(np.uint16)
    one, two = edge_fields(eight), edge_fields(sixteen)
    strong = one[0] > 0.5
    assert strong.mean() > 0.01
    assert np.abs(one - two)[:, strong].mean() < 0.05


def test_a_sessions_similarity_peaks_at_the_displacement() -> None:
    session = session_of(moved(3, -2), pairs=12)
    row, column = np.unravel_index(np.argmax(np.sum(session.surfaces, axis=(0, 1))), (25, 25))
    assert (column - REACH_PX, row - REACH_PX) == (3, -2)


def test_a_rig_that_has_not_moved_is_fine(still: Session, rig: Rig) -> None:
    found = estimate(still, rig, "thermal")
    assert found.verdict == "fine"
    assert abs(found.across_px or 1) < 0.2
    assert 0 < (found.across_sigma_px or 0) < 0.2


@pytest.mark.parametrize("y", [1.5, -1.5])
def test_a_turn_across_the_baseline_is_found_without_a_reference(y: float, rig: Rig) -> None:
    found = estimate(session_of(moved(0, y), seed=1), rig, "thermal")
    assert found.verdict == "drifted"
    assert found.across_px == pytest.approx(y, abs=0.2)
    assert found.rotation_deg is not None
    assert abs(found.rotation_deg[0]) == pytest.approx(np.degrees(1.5 / 180), rel=0.2)


def ground(x: float, nearer: float = 1.0) -> Callable[[int], np.ndarray]:
    """Parallax of a ground that comes nearer towards the picture's bottom, and a turn by ``x`` pixels.

    The surface at 10 m is 1.8 px of parallax from infinity, the ground half a pixel to 3.1 px.
    """
    shear, surface = 0.025 * nearer, 180 * 0.1 / 10
    middle = surface * (1 - nearer) + x
    return lambda _: np.array([[1, -shear, middle + shear * (HEIGHT - 1) / 2], [0, 1, 0]])


def test_along_the_baseline_a_turn_counts_only_beside_a_reference(rig: Rig) -> None:
    baseline = take_baseline(session_of(ground(0), seed=8), rig, "thermal", "")
    assert baseline is not None
    session = session_of(ground(1.5), seed=2)
    alone, compared = estimate(session, rig, "thermal"), estimate(session, rig, "thermal", baseline)
    assert alone.verdict == "fine"
    assert alone.apparent_along_px == pytest.approx(1.5, abs=0.3)
    assert compared.verdict == "drifted"
    assert compared.drift_px == pytest.approx(1.5, abs=0.4)
    nearer = estimate(session_of(ground(0, nearer=1.4), seed=3), rig, "thermal", baseline)
    assert nearer.verdict == "fine"
    assert nearer.apparent_along_px == pytest.approx(-0.7, abs=0.3)


def test_before_a_flat_wall_a_turn_along_the_baseline_is_not_told_from_its_distance(
    rig: Rig, baseline: DriftBaseline
) -> None:
    found = estimate(session_of(moved(1.2, 0), seed=2), rig, "thermal", baseline)
    assert found.verdict == "fine"
    assert (found.along_sigma_px or 0) > 0.3


def test_depth_that_changes_during_the_session_is_not_taken_for_a_turn(
    rig: Rig, baseline: DriftBaseline
) -> None:
    def parallax(k: int) -> np.ndarray:
        return np.array([[1, 0, 1.2 + 1.5 * np.sin(k / 8)], [0, 1, 0]])

    found = estimate(session_of(parallax, seed=4), rig, "thermal", baseline)
    assert found.verdict == "fine"
    assert (found.along_sigma_px or 0) > 0.5


def test_turning_about_the_axis_is_found(rig: Rig) -> None:
    found = estimate(session_of(moved(0, 0, roll_deg=1.2), seed=5), rig, "thermal")
    assert found.verdict == "drifted"
    assert found.rotation_deg is not None
    assert found.rotation_deg[2] == pytest.approx(1.2, abs=0.2)


def test_a_large_displacement_is_found_too(rig: Rig) -> None:
    found = estimate(session_of(moved(24, -10), seed=6), rig, "thermal")
    assert found.verdict == "drifted"
    assert found.drift_px == pytest.approx(26, abs=3)


def test_unrelated_pictures_and_short_sessions_tell_nothing(still: Session, rig: Rig) -> None:
    found = estimate(session_of(moved(0, 0), seed=7, related=False), rig, "thermal")
    assert found.verdict == "cannot tell"
    short = Session(WIDTH, HEIGHT)
    short.surfaces, short.coarse = still.surfaces[:49], still.coarse[:49]
    found = estimate(short, rig, "thermal")
    assert found.verdict == "cannot tell"
    assert "49 pairs" in found.reason
    assert take_baseline(short, rig, "thermal", "") is None
    blank = Session(WIDTH, HEIGHT)
    flat = np.full((HEIGHT, WIDTH), 100, np.uint8)
    for _ in range(PAIRS):
        blank.add(flat, flat, np.full_like(flat, 255))
    assert estimate(blank, rig, "thermal").verdict == "cannot tell"


def test_a_baseline_is_kept_and_refused_for_another_rig(
    rig: Rig, baseline: DriftBaseline, tmp_path: Path
) -> None:
    path = tmp_path / "rig.drift.yaml"
    baseline.save(path)
    size, tiles = (WIDTH, HEIGHT), len(baseline.shifts)
    assert DriftBaseline.load(path, geometry_sha256(rig), size, tiles) == baseline
    later = rig.model_copy(update={"time_offset_s": {"thermal": 0.01}})
    assert geometry_sha256(later) == geometry_sha256(rig)
    T = rig.pose("thermal")
    T[0, 3] = -0.11
    recalibrated = rig.model_copy(update={"transforms": {"thermal": as_matrix4(T)}})
    path.with_name("bad.yaml").write_text("version: 1\n")
    for file, digest, wanted in (
        (path, geometry_sha256(recalibrated), size),
        (path, geometry_sha256(rig), (WIDTH, 100)),
        (path.with_name("bad.yaml"), geometry_sha256(rig), size),
        (path.with_name("none.yaml"), geometry_sha256(rig), size),
    ):
        with pytest.raises(RigsightError) as caught:
            DriftBaseline.load(file, digest, wanted, tiles)
        assert caught.value.code == "CAL-042"


def test_real_pairs_shifted_by_a_known_amount(data: Path) -> None:
    """RoadScene's pairs are aligned to half a pixel: what is known is the difference of two sessions."""
    folder = data / "rgbt_roadscene"
    pairs = []
    for path in sorted((folder / "crop_LR_visible").iterdir())[:50]:
        thermal = next((folder / "cropinfrared").glob(f"{path.stem}.*"))
        pairs.append((cv2.imread(str(path)), cv2.imread(str(thermal), cv2.IMREAD_GRAYSCALE)))
    found: list[Drift] = []
    K = ((250, 0, 155.5), (0, 250, 103.5), (0, 0, 1))
    camera = Camera(model="pinhole-radtan", width=312, height=208, K=K, spectrum="rgb")
    T = np.eye(4)
    T[0, 3] = -0.1
    rig = Rig(
        cameras={"rgb": camera, "thermal": camera.model_copy(update={"spectrum": "thermal"})},
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        output=OutputGrid(camera="rgb", width=312, height=208, K=K),
    )
    valid = np.zeros((208, 312), np.uint8)
    valid[RIM:-RIM, RIM:-RIM] = 255
    for y in (0.0, 1.5):
        session = Session(312, 208)
        for rgb, thermal in pairs:
            small = [cv2.resize(p, (312, 208), interpolation=cv2.INTER_AREA) for p in (rgb, thermal)]
            session.add(small[0], cv2.warpAffine(small[1], moved_by(y), (312, 208)), valid)
        found.append(estimate(session, rig, "thermal"))
    assert found[0].verdict == "fine"
    assert found[1].verdict == "drifted"
    assert found[0].across_px is not None
    assert found[1].across_px is not None
    assert found[1].across_px - found[0].across_px == pytest.approx(1.5, abs=0.25)


def moved_by(y: float) -> np.ndarray:
    """A shift down, 2x3."""
    return np.array([[1, 0, 0], [0, 1, y]])
