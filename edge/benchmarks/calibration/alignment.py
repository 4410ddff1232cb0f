"""Alignment maps against ray projection, what they cost, and what the naive way costs and loses."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable, Mapping
from functools import partial
from time import thread_time_ns
from typing import Any

import cv2
import numpy as np

from rigsight.calibration.accuracy import best_plane_m
from rigsight.calibration.align import Aligner, scaled_grid
from rigsight.calibration.alignment.blend import BlendAligner
from rigsight.calibration.alignment.depth import DepthAligner
from rigsight.calibration.alignment.surfaces import grid_rays
from rigsight.calibration.projection import undistort
from rigsight.calibration.rig import Camera, Cylinder, Matrix3, OutputGrid, Plane, Rig, as_matrix4
from rigsight.edge.benchmarks.calibration.table import Figure
from rigsight.edge.benchmarks.naive import NaiveChain
from rigsight.edge.frames import Float64, Image

GRID, SMALLER_GRID, THERMAL = (800, 600), (640, 480), (640, 512)
NS_PER_MS = 1e6
CAR = {"focal": 800.0, "thermal_focal": 620.0, "baseline_m": 0.10, "surface_m": 10.0}
PIPE = {"focal": 500.0, "thermal_focal": 400.0, "baseline_m": 0.02, "surface_m": 0.3}
PIPE_NEAR_M, PIPE_FAR_M, CAR_NEAR_M, CAR_FAR_M = 0.15, 0.6, 5.0, 50.0
TILT_DEG = 60.0
SCENES, SCENES_QUICK = 40, 6


def figures(quick: bool = False) -> list[Figure]:
    """All figures of the suite; times are one thread's processor time, in turns."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [*_accuracy(), *_hidden(SCENES_QUICK if quick else SCENES), *_times(20 if quick else 200)]
    finally:
        cv2.setNumThreads(threads)


def make_rig(optics: Mapping[str, float], fisheye: bool = False) -> Rig:
    """RGB grid 800x600, thermal 640x512 with distortion, turned and set off in all directions."""
    turn = cv2.Rodrigues(np.array([0.01, -0.02, 0.005]))[0]
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, np.array([-1.0, 0.05, 0.1]) * optics["baseline_m"]
    D = (-0.02, 0.01, -0.003, 0.001) if fisheye else (-0.2, 0.05, 0.0005, -0.0004, 0.0)
    return Rig(
        cameras={
            "rgb": Camera(
                model="pinhole-radtan",
                width=GRID[0],
                height=GRID[1],
                K=_K(optics["focal"], GRID),
                D=(-0.1, 0.03, 0.0, 0.0),
                spectrum="rgb",
            ),
            "thermal": Camera(
                model="fisheye" if fisheye else "pinhole-radtan",
                width=THERMAL[0],
                height=THERMAL[1],
                K=_K(optics["thermal_focal"], THERMAL),
                D=D,
                spectrum="thermal",
            ),
        },
        reference="rgb",
        transforms={"thermal": as_matrix4(pose)},
        surface=Plane(distance_m=optics["surface_m"]),
        output=OutputGrid(camera="rgb", width=GRID[0], height=GRID[1], K=_K(optics["focal"], GRID)),
    )


def seen_at(rig: Rig, points: Float64) -> Float64:
    """Thermal pixels [...,2] of points [...,3] of the reference frame, by OpenCV's own projection."""
    camera, pose = rig.cameras["thermal"], rig.pose("thermal")
    flat = points.reshape(-1, 1, 3)
    turn = cv2.Rodrigues(pose[:3, :3])[0]
    builder: Any = cv2.fisheye if camera.model == "fisheye" else cv2
    pixels, _ = builder.projectPoints(flat, turn, pose[:3, 3], camera.matrix, camera.distortion)
    return np.asarray(pixels, dtype=np.float64).reshape(*points.shape[:-1], 2)


def map_error_px(aligner: Aligner | DepthAligner, points: Float64, within: Any = True) -> float:
    """Largest distance between the map and the projected points [H,W,3] where the map is valid."""
    wrong = np.linalg.norm(aligner.map_xy - seen_at(aligner.rig, points), axis=-1)
    return float(wrong[(aligner.valid > 0) & within].max())


def _accuracy() -> list[Figure]:
    found = []
    for name, fisheye in (("pinhole", False), ("fisheye", True)):
        rig = make_rig(CAR, fisheye)
        rays = grid_rays(rig.output)
        tilt = np.radians(TILT_DEG)
        for title, normal in (
            ("plane", (0.0, 0.0, 1.0)),
            ("plane tilted 60°", (np.sin(tilt), 0.0, np.cos(tilt))),
        ):
            aligner = Aligner(rig, "thermal", surface=Plane(distance_m=10.0, normal=normal))
            ahead = rays @ np.array(normal)
            points = rays * (10.0 / np.where(ahead > 0, ahead, np.nan))[..., None]
            found.append(
                Figure(f"{title} against rays, {name}, max", map_error_px(aligner, points), "px", 1e-3)
            )
    return [*found, *_pipe(), *_blend(), *_depth()]


def _pipe() -> list[Figure]:
    rig = make_rig(PIPE)
    rays = grid_rays(rig.output)
    pipe = Cylinder(radius_m=0.12)  # the wall is 0.15 m away at the edge of the picture
    across = np.hypot(rays[..., 0], rays[..., 1])
    depth = pipe.radius_m / np.maximum(across, 1e-9)
    seen = (depth >= PIPE_NEAR_M) & (depth <= PIPE_FAR_M)
    points = rays * np.minimum(depth, 1e4)[..., None]
    wall = Aligner(rig, "thermal", surface=pipe)
    plane = Aligner(rig, "thermal", surface=Plane(distance_m=best_plane_m(PIPE_NEAR_M, PIPE_FAR_M)))
    return [
        Figure("pipe's wall 0.15-0.6 m, cylinder against rays, max", map_error_px(wall, points), "px", 0.5),
        Figure(
            "pipe's wall 0.15-0.6 m, best plane, max (pixels of the grid)",
            map_error_px(plane, points, seen) * PIPE["focal"] / PIPE["thermal_focal"],
            "px",
        ),
    ]


def _blend() -> list[Figure]:
    found = []
    for name, optics, near, far in (
        ("pipe 0.15-0.6 m", PIPE, PIPE_NEAR_M, PIPE_FAR_M),
        ("car 5-50 m", CAR, CAR_NEAR_M, CAR_FAR_M),
    ):
        rig = make_rig(optics)
        exact, blend = Aligner(rig, "thermal"), BlendAligner(rig, "thermal", near, far)
        worst = 0.0
        for inverse in np.linspace(1 / far, 1 / near, 16):
            exact.retarget(1 / inverse)
            blend.retarget(1 / inverse)
            both = (exact.valid > 0) & (blend.valid > 0)
            worst = max(worst, float(np.linalg.norm(exact.map_xy - blend.map_xy, axis=-1)[both].max()))
        title = f"blend in 1/d, {name}, {len(blend.knots)} maps, max"
        found.append(Figure(title, worst, "px", 0.1))
    return found


def _depth() -> list[Figure]:
    found = []
    for name, optics, near, far in (
        ("pipe 0.15-0.6 m", PIPE, PIPE_NEAR_M, PIPE_FAR_M),
        ("car 5 m-infinity", CAR, CAR_NEAR_M, np.inf),
    ):
        rig = make_rig(optics)
        aligner = DepthAligner(rig, "thermal", near, far)
        inverse = np.random.default_rng(0).uniform(max(1 / far, 1e-6), 1 / near, GRID[::-1])
        aligner.update(1 / inverse)
        # Random depth hides pixels at random; their map counts too.
        aligner.occluded[:] = 0
        aligner.changed()
        error = map_error_px(aligner, grid_rays(rig.output) / inverse[..., None])
        found.append(Figure(f"depth of every pixel, {name}, degree {aligner.degree}, max", error, "px", 0.5))
    return found


def two_plates(rig: Rig, near: float, far: float, edges: Float64) -> tuple[Float64, Image]:
    """Depth of a rectangle (left, right, top, bottom at 1 m) before a wall, and what it hides, exactly."""
    left, right, top, bottom = near * edges

    def on_plate(points: Float64) -> Image:
        x, y = points[..., 0], points[..., 1]
        return np.asarray((x > left) & (x < right) & (y > top) & (y < bottom))

    rays = grid_rays(rig.output)
    front = on_plate(rays * near)
    depth = np.where(front, near, far)
    centre = np.linalg.inv(rig.pose("thermal"))[:3, 3]
    lines = rays * depth[..., None] - centre
    crossing = centre + lines * ((near - centre[2]) / lines[..., 2])[..., None]
    return depth, ~front & on_plate(crossing)


def _hidden(scenes: int) -> list[Figure]:
    """Two plates at random distances, sizes and places.

    From a depth picture a plate's edge is known to half a pixel, which is a whole row or column of a hidden
    band more or less. The goal is for plates that end between two pixels; the others show what that costs.
    """
    found = []
    for name, optics, nearest in (("car", CAR, 2.0), ("pipe", PIPE, 0.2)):
        rig = make_rig(optics)
        aligner = DepthAligner(rig, "thermal", 0.9 * nearest)
        focal, centre = rig.output.matrix[0, 0], np.repeat(rig.output.matrix[:2, 2], 2)
        for place, goal in (("between pixels", 0.98), ("anywhere", None)):
            rng = np.random.default_rng(0)
            both = either = 0
            for _ in range(scenes):
                near = nearest * rng.uniform(1, 2)
                edges = np.array([-0.3, 0.3, -0.25, 0.25]) * rng.uniform(0.3, 1.0, 4)
                if goal is not None:
                    edges = (np.floor(edges * focal + centre) + 0.5 - centre) / focal
                depth, truth = two_plates(rig, near, near * rng.uniform(1.7, 8), edges)
                aligner.update(depth)
                hidden = aligner.occluded > 0
                both += int((hidden & truth).sum())
                either += int((hidden | truth).sum())
            title = f"hidden pixels, {scenes} scenes of two plates, {name}, edges {place}, IoU"
            found.append(Figure(title, both / either, "", goal, "higher"))
    return found


def _times(rounds: int) -> list[Figure]:
    rig = make_rig(CAR)
    rng = np.random.default_rng(0)
    exact, blend = Aligner(rig, "thermal"), BlendAligner(rig, "thermal", CAR_NEAR_M, CAR_FAR_M)
    depth = DepthAligner(rig, "thermal", CAR_NEAR_M)
    smaller = BlendAligner(rig, "thermal", CAR_NEAR_M, CAR_FAR_M, grid=scaled_grid(rig.output, *SMALLER_GRID))
    distances = rng.uniform(CAR_NEAR_M, CAR_FAR_M, 4096).tolist()
    depths = 1 / cv2.resize(rng.uniform(0.02, 0.2, (6, 8)).astype(np.float32), GRID)
    points = grid_rays(rig.output) * 10.0
    build = _in_turns(
        {
            "exact": lambda: exact.retarget(distances.pop()),
            "blend": lambda: blend.retarget(distances.pop()),
            "smaller": lambda: smaller.retarget(distances.pop()),
        },
        rounds,
    )
    slow = _in_turns({"rays": lambda: seen_at(rig, points), "depth": lambda: depth.update(depths)}, 5)
    rays_ms = min(slow["rays"])
    found = [Figure("new distance 800x600, blend, kept", _kept_bytes(blend), "bytes/frame", 1024.0)]
    found.append(Figure("new distance 640x480, blend map, min", min(build["smaller"]), "ms", 0.3))
    for name, goal in (("exact", 1.3), ("blend", None)):
        ms = sorted(build[name])
        middle = statistics.median(ms)
        found += [
            Figure(f"new distance 800x600, {name} map, min", ms[0], "ms", goal),
            Figure(f"new distance 800x600, {name} map, median", middle, "ms"),
            Figure(
                f"new distance 800x600, {name} map, p99 / median", ms[int(0.99 * len(ms))] / middle, "", 2.0
            ),
            Figure(
                f"new distance 800x600, projectPoints / {name} map, min",
                rays_ms / ms[0],
                "x",
                100.0,
                "higher",
            ),
        ]
    found.append(Figure("depth picture 800x600 with hidden pixels, min", min(slow["depth"]), "ms"))
    return [*found, *_fused(rig, rounds)]


def _fused(rig: Rig, rounds: int) -> list[Figure]:
    """One fused map beside undistort + warpPerspective, both from 640x512 to 800x600."""
    naive, rng = NaiveChain(rig), np.random.default_rng(0)
    found = []
    for name, dtype, top in (("u8", np.uint8, 255), ("u16", np.uint16, 65535)):
        picture = rng.integers(0, top, THERMAL[::-1]).astype(dtype)
        aligner = Aligner(rig, "thermal", maps="measured")
        ms = _in_turns(
            {
                "fused": partial(aligner, picture, aligner(picture)),
                "naive": partial(naive.align, "thermal", picture),
            },
            rounds,
        )
        fused, theirs = min(ms["fused"]), min(ms["naive"])
        found += [
            Figure(f"align 640x512 -> 800x600 {name}, measured maps, min", fused, "ms", 1.0),
            Figure(
                f"align 640x512 -> 800x600 {name}, measured maps, median",
                statistics.median(ms["fused"]),
                "ms",
            ),
            Figure(
                f"align 640x512 -> 800x600 {name}, naive / fused, min", theirs / fused, "x", 3.0, "higher"
            ),
        ]
    truth, picture = _pattern(rig)
    aligner = Aligner(rig, "thermal")
    inside = cv2.erode(aligner.valid, np.ones((15, 15), np.uint8)) > 0
    ours, theirs = (
        _decibel(got, truth, inside) for got in (aligner(picture), naive.align("thermal", picture))
    )
    return [*found, Figure("fidelity over the naive chain", ours - theirs, "dB", 5.0, "higher")]


def _pattern(rig: Rig) -> tuple[Float64, Image]:
    """Waves of about six thermal pixels on the plane: on the grid, and as the thermal camera sees them."""
    distance = rig.surface.distance_m if isinstance(rig.surface, Plane) else 1.0

    def paint(x: Float64, y: Float64) -> Float64:
        step = 2 * np.pi / (distance / CAR["thermal_focal"] * 6.0)
        waves = np.sin(step * x) + np.cos(step * (0.6 * x + 0.8 * y))
        return np.asarray(32000 + 9000 * waves, dtype=np.float64)

    rays = grid_rays(rig.output) * distance
    camera, back = rig.cameras["thermal"], np.linalg.inv(rig.pose("thermal"))
    u, v = np.meshgrid(np.arange(float(camera.width)), np.arange(float(camera.height)))
    normalised = undistort(camera, np.stack([u.ravel(), v.ravel()], axis=1))
    lines = np.column_stack([normalised, np.ones(len(normalised))]) @ back[:3, :3].T
    hit = back[:3, 3] + lines * ((distance - back[2, 3]) / lines[:, 2])[:, None]
    picture = paint(hit[:, 0], hit[:, 1]).reshape(u.shape)
    return paint(rays[..., 0], rays[..., 1]), np.rint(picture).astype(np.uint16)


def _decibel(got: Image, truth: Float64, inside: Image) -> float:
    """Signal to error ratio."""
    error = (got.astype(np.float64) - truth)[inside]
    return float(20 * np.log10(truth[inside].std() / np.sqrt(np.mean(error**2))))


def _in_turns(rivals: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Processor milliseconds of every call, the rivals in turns, after two turns of warming up."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(-2, rounds):
        for name, call in rivals.items():
            start = thread_time_ns()
            call()
            if turn >= 0:
                times[name].append((thread_time_ns() - start) / NS_PER_MS)
    return times


def _kept_bytes(aligner: BlendAligner) -> float:
    """Memory a frame's retarget takes at its peak, bytes."""
    tracemalloc.start()
    try:
        aligner.retarget(7.0)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for number in range(50):
            aligner.retarget(6.0 + number)
        return float(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


def _K(focal: float, size: tuple[int, int]) -> Matrix3:
    return ((focal, 0.0, (size[0] - 1) / 2), (0.0, focal, (size[1] - 1) / 2), (0.0, 0.0, 1.0))
