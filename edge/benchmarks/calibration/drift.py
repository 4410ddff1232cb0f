"""How well the targetless check finds that the thermal camera has turned: simulated scenes, real pairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from rigsight.calibration.align import Aligner
from rigsight.calibration.drift.baseline import DriftBaseline
from rigsight.calibration.drift.estimate import Drift, estimate, take_baseline
from rigsight.calibration.drift.session import Session
from rigsight.calibration.rig import Camera, OutputGrid, Rig, as_matrix3, as_matrix4
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.frames import Float64, Image, UInt8
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.edge.simulation.splits import SCENES, Scene
from rigsight.edge.sources.pictures import list_pictures, read_picture

WIDTH, HEIGHT = 320, 240
PAIRS = 50
DRIFT_PX = 1.5
# Frames of the check start so much later than those of the baseline.
PAUSE = 50
CHECKED = 80
RIM = 10

Pair = tuple[Image, Image]


def turned(rig: Rig, x_px: float, y_px: float) -> Rig:
    """The rig as if its thermal camera had turned so that its picture moves by so many output pixels."""
    focal = rig.output.K[0][0]
    turn = cv2.Rodrigues(np.array([-y_px / focal, x_px / focal, 0.0]))[0]
    T = rig.pose("thermal")
    T[:3] = turn @ T[:3]
    return rig.model_copy(update={"transforms": {"thermal": as_matrix4(T)}})


def session_of(pairs: list[Pair], rig: Rig, believed: Rig) -> Session:
    """Pictures of a rig, aligned by another that is believed."""
    rgb, thermal = Aligner(rig, "rgb"), Aligner(believed, "thermal")
    valid: UInt8 = rgb.valid & thermal.valid
    session = Session(rig.output.width, rig.output.height)
    for colour, counts in pairs:
        session.add(rgb(colour), thermal(counts), valid)
    return session


def drawn(session: Session, rng: np.random.Generator, size: int = PAIRS, run: int = 10) -> Session:
    """A session of random runs of consecutive pairs of another (moving-block bootstrap)."""
    count = len(session)
    starts = rng.integers(0, count - run + 1, size // run)
    picked = [int(start) + k for start in np.sort(starts) for k in range(run)]
    other = Session(*session.size)
    other.surfaces = [session.surfaces[k] for k in picked]
    other.coarse = [session.coarse[k] for k in picked]
    return other


def figures(quick: bool = False) -> list[Figure]:
    """False alarms and power in the simulated scenes, with a baseline of the same rig and without."""
    seeds, draws = (1, 3) if quick else (5, 10)
    rows: list[Figure] = []
    for scene in SCENES:
        found: dict[tuple[str, bool], list[Drift]] = {}
        errors: list[float] = []
        for seed in range(seeds):
            for name, drifts in _checks(scene, 100 + seed, draws):
                for with_baseline, drift in drifts:
                    found.setdefault((name, with_baseline), []).append(drift)
                    wanted = DRIFT_PX if name == "across" else 0.0
                    if name in ("none", "across") and drift.across_px is not None and with_baseline:
                        errors.append(abs(abs(drift.across_px) - wanted))
        rows += _rows(scene, found)
        if errors:
            rows.append(Figure(f"{scene}: median error across the baseline", float(np.median(errors)), "px"))
    return rows


def _rows(scene: str, found: dict[tuple[str, bool], list[Drift]]) -> Iterator[Figure]:
    for with_baseline in (True, False):
        how = "with baseline" if with_baseline else "without baseline"
        for name in ("none", "across", "along", "any direction"):
            drifts = found.get((name, with_baseline), [])
            if not drifts:
                continue
            alarms, untold = (
                100 * sum(drift.verdict == verdict for drift in drifts) / len(drifts)
                for verdict in ("drifted", "cannot tell")
            )
            where = f"{scene}, {how}"
            if name == "none":
                yield Figure(f"{where}: false alarms, of {len(drifts)} sessions", alarms, "%", 1.0)
                yield Figure(f"{where}: cannot tell", untold, "%")
            else:
                # Along the baseline, a turn and another distance of the scene look alike.
                goal = 95.0 if name == "across" else None
                label = name if name == "any direction" else f"{name} the baseline"
                yield Figure(f"{where}: {DRIFT_PX} px {label} found", alarms, "%", goal, "higher")


def _checks(scene: Scene, seed: int, draws: int) -> Iterator[tuple[str, list[tuple[bool, Drift]]]]:
    simulated = SimulatedRig(scene, seed, "test", WIDTH, HEIGHT)
    rig = simulated.rig
    before = [_pair(simulated, k) for k in range(PAIRS)]
    after = [_pair(simulated, PAIRS + PAUSE + k) for k in range(CHECKED)]
    baseline = take_baseline(session_of(before, rig, rig), rig, "thermal", "bench")
    rng = np.random.default_rng([seed, 5])
    angle = rng.uniform(0, 2 * np.pi)
    # The simulated baselines run along x.
    for name, x, y in (
        ("none", 0.0, 0.0), ("across", 0.0, DRIFT_PX), ("along", DRIFT_PX, 0.0),
        ("any direction", DRIFT_PX * np.cos(angle), DRIFT_PX * np.sin(angle)),
    ):  # fmt: skip
        believed = turned(rig, x, y)
        session = session_of(after, rig, believed)
        drifts = []
        for _ in range(draws):
            part = drawn(session, rng)
            drifts.append((False, estimate(part, rig, "thermal")))
            if baseline is not None:
                drifts.append((True, estimate(part, rig, "thermal", baseline)))
        yield name, drifts


def _pair(simulated: SimulatedRig, index: int) -> Pair:
    rendered = simulated.render(index)
    return rendered.rgb, rendered.thermal


def real_figures(rgb: str | Path, thermal: str | Path, trials: int = 100, limit: int = 100) -> list[Figure]:
    """The same on real pairs that are aligned already, of one size, thermal shifted by known amounts.

    Sessions of 50 pairs are drawn at random from one half of the pairs, baselines from the other. The pairs
    have no baseline direction of their own: both axes are judged, x as if depth moved it.
    """
    files = list_pictures(rgb), list_pictures(thermal)
    stems = sorted(files[0].keys() & files[1].keys())[:limit]
    pairs = [(read_picture(files[0][stem], "rgb"), read_picture(files[1][stem], "thermal")) for stem in stems]
    height, width = pairs[0][1].shape
    pairs = [(cv2.resize(a, (width, height)), cv2.resize(b, (width, height))) for a, b in pairs]
    rig = _flat_rig(width, height)
    shifts = {"none": (0.0, 0.0), "across": (0.0, DRIFT_PX), "along": (DRIFT_PX, 0.0)}
    sessions = {name: _shifted_session(pairs, *shift) for name, shift in shifts.items()}
    found: dict[tuple[str, bool], list[Drift]] = {}
    errors = []
    for trial in range(trials):
        rng = np.random.default_rng([trial, 3])
        order = rng.permutation(len(pairs))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        baseline = _baseline(_picked(sessions["none"], rng.choice(halves[0], PAIRS)), rig)
        picked = rng.choice(halves[1], PAIRS)
        for name, session in sessions.items():
            drift = estimate(_picked(session, picked), rig, "thermal", baseline)
            found.setdefault((name, baseline is not None), []).append(drift)
            if drift.across_px is not None:
                errors.append(abs(drift.across_px - shifts[name][1]))
    rows = list(_rows("real pairs", found))
    rows.append(Figure("real pairs: median error across", float(np.median(errors)), "px"))
    return rows


def _baseline(session: Session, rig: Rig) -> DriftBaseline | None:
    return take_baseline(session, rig, "thermal", "bench")


def _picked(session: Session, indices: Float64) -> Session:
    other = Session(*session.size)
    other.surfaces = [session.surfaces[int(k)] for k in indices]
    other.coarse = [session.coarse[int(k)] for k in indices]
    return other


def _shifted_session(pairs: list[Pair], x: float, y: float) -> Session:
    height, width = pairs[0][1].shape
    session = Session(width, height)
    valid: UInt8 = np.zeros((height, width), np.uint8)
    valid[RIM:-RIM, RIM:-RIM] = 255
    move = np.array([[1, 0, x], [0, 1, y]], dtype=np.float64)
    for rgb, thermal in pairs:
        session.add(rgb, cv2.warpAffine(thermal, move, (width, height), flags=cv2.INTER_LINEAR), valid)
    return session


def _flat_rig(width: int, height: int) -> Rig:
    K = as_matrix3(np.array([[width, 0, (width - 1) / 2], [0, width, (height - 1) / 2], [0, 0, 1.0]]))
    T = np.eye(4)
    T[0, 3] = -0.1
    cameras = {
        "rgb": Camera(model="pinhole-radtan", width=width, height=height, K=K, spectrum="rgb"),
        "thermal": Camera(model="pinhole-radtan", width=width, height=height, K=K, spectrum="thermal"),
    }
    output = OutputGrid(camera="rgb", width=width, height=height, K=K)
    return Rig(cameras=cameras, reference="rgb", transforms={"thermal": as_matrix4(T)}, output=output)
