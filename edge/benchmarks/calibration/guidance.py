"""Guided capture against random poses, and what a step of it costs.

The rigs, the board and the noise are those of the goals of the calibration: RGB 1280x800 with
f = 900 px, thermal cameras of three sizes, 10 cm apart, a board of 4 x 11 circles, about 0.35 x 0.5 m.
Detections are simulated, so that the figures hold for the guidance and not for a detector.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.accuracy import alignment_error_px
from rigsight.calibration.boards import Board
from rigsight.calibration.detection.detection import Detection
from rigsight.calibration.guidance.capture import GuidedCapture
from rigsight.calibration.guidance.estimate import Estimate, Settings, Snapshot, solve
from rigsight.calibration.guidance.finder import LiveFinder
from rigsight.calibration.guidance.poses import outline
from rigsight.calibration.guidance.proposal import first_proposal, nominal_camera, nominal_rig
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, OutputGrid, Plane, Rig, as_matrix3, as_matrix4
from rigsight.calibration.solve.camera import FEWEST_VIEWS
from rigsight.calibration.solve.first_guess import board_pose
from rigsight.calibration.solve.state import State, rotation_matrices
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.frames import Float64, Image
from rigsight.edge.simulation.boards import BoardStudio
from rigsight.edge.simulation.operator import PERIOD_NS, Habits, missed, pose_of_outline
from rigsight.edge.simulation.rgb_sensor import RgbSensor
from rigsight.edge.simulation.splits import Pools
from rigsight.edge.simulation.thermal_sensor import ThermalSensor

BOARD = Board(kind="asymmetric_circles", columns=4, rows=11, pitch_m=0.048, diameter_m=0.034)
DISTANCE_M = 10.0
# size -> thermal noise and goal, pixels
SIZES = {(160, 120): (0.10, 1.0), (320, 256): (0.05, 0.25), (640, 512): (0.04, 0.2)}
RGB_NOISE_PX = 0.08
GUIDED, RANDOM = 15, 25
HABITS = Habits()
NEAR_M, FAR_M, TILT_DEG = 0.8, 1.6, 40.0
MARGIN_PX = 4.0


def figures(quick: bool = False) -> list[Figure]:
    """Views needed and error reached with guidance and with random poses; time of a live step."""
    rows: list[Figure] = []
    for size, (_, goal) in SIZES.items():
        seeds = range(1 if quick else 5)
        guided = [session(size, seed, GUIDED, _guided) for seed in seeds]
        random = [session(size, seed, RANDOM, _random, every=False) for seed in seeds]
        name = f"{size[0]}x{size[1]}"
        for label, runs, count in (("guided", guided, GUIDED), ("random", random, RANDOM)):
            error = float(np.median([truth[-1] for _, truth in runs]))
            rows.append(Figure(f"{name}: alignment at 10 m, {count} {label} views", error, "px", goal))
        needed = [
            views_for(bounds, other[-1]) for (bounds, _), (other, _) in zip(guided, random, strict=True)
        ]
        fewer = 100 * (1 - float(np.median(needed)) / RANDOM)
        rows.append(Figure(f"{name}: fewer views than {RANDOM} random ones", fewer, "%", 40.0, "higher"))
    milliseconds = live_step_ms(16 if quick else 60)
    rows.append(
        Figure("live, 640x480 + 320x256, median step on one core", float(np.median(milliseconds)), "ms")
    )
    rate = 1000 / float(np.mean(milliseconds))
    rows.append(Figure("live, 640x480 + 320x256, rate on one core", rate, "Hz", 15.0, "higher"))
    return rows


def live_step_ms(pictures: int) -> list[float]:
    """Processor time of each step of a live capture while a board moves slowly, without the first search.

    Searches that renew what is followed are in it; drawing the pictures for the page too.
    """
    rng = np.random.default_rng(3)
    cameras = {
        "rgb": _camera(rng, (640, 480), 560.0, "rgb"),
        "thermal": _camera(rng, (320, 256), 290.0, "thermal"),
    }
    T = np.eye(4)
    T[:3, 3] = (-0.1, 0.0, 0.0)
    rig = Rig(
        cameras=cameras,
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        output=OutputGrid(camera="rgb", width=640, height=480, K=cameras["rgb"].K),
    )
    draw = Pools("street", 5, "test").stream(9)
    studio = BoardStudio(rig, BOARD, draw, 2)
    sensors = RgbSensor(draw, 640, 480), ThermalSensor(draw, 320, 256)
    pose = np.eye(4)
    pose[:3, :3] = rotation_matrices(np.array([[0.4, -0.3, 0.1]]))[0]
    shown: list[dict[str, Image]] = []
    for number in range(pictures + 1):
        pose[:3, 3] = (-0.2 + 0.004 * number, -0.2, 1.1)
        rgb, thermal = studio.render(pose, number, *sensors)
        shown.append({"rgb": rgb, "thermal": thermal})
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        capture = GuidedCapture(BOARD, Settings(background=False, automatic=False), LiveFinder(BOARD, 5.0))
        spent = []
        for number, pair in enumerate(shown):
            began = time.process_time()
            capture.step(pair, number * PERIOD_NS)
            capture.annotated()
            spent.append(1000 * (time.process_time() - began))
        return spent[1:]
    finally:
        cv2.setNumThreads(threads)


def views_for(bounds: list[float], wanted: float) -> int:
    """The first number of views whose predicted error is at most ``wanted``; one more than all if none is."""
    return next((n for n, bound in enumerate(bounds, 1) if bound <= wanted), len(bounds) + 1)


NextView = Callable[["Scene", list[Snapshot], "Estimate | None"], Float64]


class Scene:
    """A true rig, and somebody who holds the board before it."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.rng = np.random.default_rng([5, *size, seed])
        self.rig = true_rig(size, self.rng)
        self.noise_px = {"rgb": RGB_NOISE_PX, "thermal": SIZES[size][0]}
        self.settings = Settings(distances_m=(DISTANCE_M,), background=False)

    def seen(self, pose: Float64) -> dict[str, Detection] | None:
        """What both cameras see of the board at T_rgb_board, with noise; None when not all of it."""
        found = {}
        for name, camera in self.rig.cameras.items():
            T = self.rig.pose(name) @ pose
            pixels = project(camera, BOARD.object_points() @ T[:3, :3].T + T[:3, 3])
            inside = (pixels >= MARGIN_PX) & (pixels <= np.array(camera.size) - 1 - MARGIN_PX)
            if not inside.all():
                return None
            noisy = pixels + self.noise_px[name] * self.rng.standard_normal(pixels.shape)
            found[name] = Detection(noisy, camera.size)
        return found


def session(
    size: tuple[int, int], seed: int, views: int, choose: NextView, every: bool = True
) -> tuple[list[float], list[float]]:
    """Predicted (95 %) and true alignment error after each view, pixels; infinity before a solution.

    Without ``every`` only the last view is followed by a solution.
    """
    scene = Scene(size, seed)
    shots: list[Snapshot] = []
    known: Estimate | None = None
    bounds, truth = [], []
    for number in range(views):
        pose = choose(scene, shots, known)
        seen = scene.seen(pose)
        while seen is None:
            pose = choose(scene, shots, known)
            seen = scene.seen(pose)
        shots.append(Snapshot(f"{number:03d}", number, {}, seen))
        known = _solved(shots, scene.settings) if every or number == views - 1 else None
        bounds.append(float("inf") if known is None else known.worst.bound_px)
        truth.append(
            float("inf")
            if known is None
            else alignment_error_px(known.calibration.rig, scene.rig, "thermal", DISTANCE_M)
        )
    return bounds, truth


def _solved(shots: list[Snapshot], settings: Settings) -> Estimate | None:
    if len(shots) < FEWEST_VIEWS:
        return None
    try:
        return solve(shots, BOARD, settings)
    except RigsightError:
        return None


def _guided(scene: Scene, shots: list[Snapshot], known: Estimate | None) -> Float64:
    """Where the operator ends who follows the outline on the screen."""
    rig: State
    if known is not None and known.proposal is not None:
        rig, pose = known.rig, known.proposal.pose
    else:
        cameras: dict[str, Camera] = {
            name: nominal_camera(camera.size, camera.spectrum, camera.model)
            for name, camera in scene.rig.cameras.items()
        }
        transforms = {}
        if shots:
            first, second = (board_pose(shots[-1].seen[n], BOARD, cameras[n]) for n in ("rgb", "thermal"))
            transforms["thermal"] = second @ np.linalg.inv(first)
        rig = nominal_rig(cameras, transforms)
        taken = [board_pose(shot.seen["rgb"], BOARD, cameras["rgb"]) for shot in shots]
        proposal = first_proposal(rig, BOARD, taken, scene.settings.distances_m)
        if proposal is None:
            return _random(scene, shots, known)
        pose = proposal.pose
    shown = outline(rig, 0, BOARD, pose)
    return missed(pose_of_outline(shown, BOARD, scene.rig.cameras["rgb"]), scene.rng, HABITS)


def _random(scene: Scene, shots: list[Snapshot], known: Estimate | None) -> Float64:
    """A good view as people take them: anywhere in the picture, near, tilted up to 40 degrees."""
    rng, camera = scene.rng, scene.rig.cameras["rgb"]
    points = BOARD.object_points()
    direction, tilt = rng.uniform(0, 2 * np.pi), np.radians(TILT_DEG) * np.sqrt(rng.uniform(0.05, 1))
    axis = tilt * np.array([[np.cos(direction), np.sin(direction), 0.0]])
    spin = np.array([[0.0, 0.0, rng.uniform(-0.4, 0.4)]])
    pose = np.eye(4)
    pose[:3, :3] = (rotation_matrices(axis) @ rotation_matrices(spin))[0]
    depth = rng.uniform(NEAR_M, FAR_M)
    place = rng.uniform(-0.45, 0.45, 2) * np.array(camera.size) / camera.K[0][0]
    pose[:3, 3] = depth * np.append(place, 1.0) - pose[:3, :3] @ points.mean(axis=0)
    return pose


def true_rig(size: tuple[int, int], rng: np.random.Generator) -> Rig:
    """RGB 1280x800 with f = 900 px and a thermal camera of a similar field of view, 10 cm apart."""
    rgb = _camera(rng, (1280, 800), 900.0, "rgb")
    thermal = _camera(rng, size, 0.95 * size[0], "thermal")
    T = np.eye(4)
    T[:3, :3] = rotation_matrices(rng.normal(0, 0.01, (1, 3)))[0]
    T[:3, 3] = (-0.1, *rng.normal(0, 0.004, 2))
    return Rig(
        cameras={"rgb": rgb, "thermal": thermal},
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        surface=Plane(distance_m=DISTANCE_M),
        output=OutputGrid(camera="rgb", width=1280, height=800, K=rgb.K),
    )


def _camera(rng: np.random.Generator, size: tuple[int, int], focal: float, spectrum: str) -> Camera:
    fx = focal * rng.uniform(0.97, 1.03)
    middle = (np.array(size) - 1) / 2 + rng.normal(0, 0.01, 2) * size[0]
    K = np.array([[fx, 0, middle[0]], [0, fx * rng.uniform(0.998, 1.002), middle[1]], [0, 0, 1]])
    D = (rng.uniform(-0.3, -0.1), rng.uniform(0.02, 0.1), *rng.normal(0, 5e-4, 2))
    return Camera.model_validate(
        {
            "model": "pinhole-radtan",
            "width": size[0],
            "height": size[1],
            "K": as_matrix3(K),
            "D": tuple(float(value) for value in D),
            "spectrum": spectrum,
        }
    )
