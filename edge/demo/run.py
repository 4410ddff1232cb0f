"""The demo's chain: boards, calibration, rendering, pipeline, truth, scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from rigsight.calibration.accuracy import alignment_error_px, parallax_px
from rigsight.calibration.boards import Board
from rigsight.calibration.calibrate import calibrate_pair
from rigsight.calibration.result import Calibration
from rigsight.calibration.rig import Provenance, Rig, Surface
from rigsight.edge import codes
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import ClassEntry, Preprocessing
from rigsight.edge.demo.baseline import PixelBaseline
from rigsight.edge.demo.judge import TruthOnGrid, class_ids, one_modality, score
from rigsight.edge.demo.measure import measure, stage_percentiles
from rigsight.edge.demo.replay import Rendered
from rigsight.edge.demo.results import DemoResult, MapError, Sample
from rigsight.edge.frames import Frame, FrameSet, PixelFormat, Prediction, UInt8
from rigsight.edge.pipeline.build import build_chain
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.profile import Profile, SimulationSettings
from rigsight.edge.simulation.rig import SimulatedRig

BOARD_VIEWS = 20
BASELINE_SETS = 20
EVERY = 4  # of the sets, for the scores of the alternatives
CURVE_POINTS = 41

# A heated plate of circles, as both kinds of cameras see it best; the odd rows tell which way up it is.
BOARDS: Mapping[str, Board] = {
    scene: Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=pitch_m)
    for scene, pitch_m in (("street", 0.04), ("facade", 0.03), ("pipe", 0.0075))
}
# What a sample in the report is called by its least and greatest illumination: the sky's, or the lamp's.
LIGHTS = ((0.8, 1.0), (0.2, 0.8), (0.0, 0.2))
TITLES = {"pipe": ("Full lamp", "Half lamp", "Low lamp")}
DAYTIMES = ("Day", "Dusk", "Night")

Progress = Callable[[str, int, int], None]
Predicted = Callable[[Sequence[Prediction], Sequence[ClassEntry]], None]


@dataclass(frozen=True)
class DemoRun:
    """The result and the calibrated rig."""

    result: DemoResult
    rig: Rig


def run_demo(
    profile: Profile, bundle: Bundle, pairs: int, progress: Progress, predicted: Predicted
) -> DemoRun:
    """Run the whole chain of a profile in memory.

    Args:
        profile: its simulated scene, surface, AGC, pairing and queues are used.
        bundle: the model.
        pairs: frame sets through the pipeline.
        progress: called with (step, done, total).
        predicted: called with all predictions and the classes once nothing is timed any more.

    Raises:
        RigsightError: DEM-002 or DEM-003 for a bundle or profile that does not fit, CAL-… and BND-… as the
            parts do.
        KeyboardInterrupt: Ctrl-C.
    """
    settings = profile.simulation
    if settings is None:
        raise codes.DEMO_SCENE(f"the profile '{profile.name}' names none")
    scene = settings.scene
    ids = class_ids(bundle.spec.classes, scene)
    simulated = SimulatedRig(scene, settings.seed, "test", settings.width, settings.height)
    surface = profile.surface or simulated.rig.surface
    calibration = _calibrate(simulated, BOARDS[scene], surface, settings.distances_m, progress)

    sets = []
    for index in range(pairs):
        sets.append(_rendered(simulated, index))
        progress("render the drive", index + 1, pairs)

    known = scene if scene in bundle.spec.accuracy else None
    chain = build_chain(bundle, calibration.rig, surface=surface, agc=profile.agc, scene=known)
    try:
        measured = measure(
            sets,
            simulated.counts_to_kelvin,
            chain,
            profile,
            lambda done, total: progress("run the pipeline", done, total),
        )
        predictions = measured.predictions
        predicted(predictions, bundle.spec.classes)
        to_grid = TruthOnGrid(calibration.rig, predictions[0].aligned, bundle.spec.classes, scene)
        numbers = [int(prediction.aligned.source.name or 0) for prediction in predictions]
        truths = [
            to_grid(sets[number].labels, prediction.aligned.valid)
            for number, prediction in zip(numbers, predictions, strict=True)
        ]
        scores = score(
            predictions,
            truths,
            bundle.spec.classes,
            ids,
            one_modality(chain.predictor, bundle),
            _fit_baseline(bundle, settings, chain.preprocessor.spec, progress),
            EVERY,
            lambda done, total: progress("score against truth", done, total),
        )
    finally:
        chain.close()

    lights = [sets[number].illumination for number in numbers]
    built, one_surface = _map_errors(calibration.rig, simulated.rig, surface)
    distances = settings.distances_m
    curve = tuple(np.geomspace(0.8 * min(distances), 1.25 * max(distances), CURVE_POINTS).tolist())
    result = DemoResult(
        profile=profile.name,
        scene=scene,
        classes=bundle.spec.classes,
        scene_classes=ids,
        pairs=pairs,
        dropped=dict(measured.dropped),
        surface_distance_m=_distance_of(surface, distances),
        alignment=built(distances),
        parallax=one_surface(distances),
        alignment_curve=built(curve),
        parallax_curve=one_surface(curve),
        scores=scores["both"],
        rgb_only=scores["rgb_only"],
        thermal_only=scores["thermal_only"],
        baseline=scores["baseline"],
        scored_on=f"Both cameras on all {len(predictions)} sets, the others on every {EVERY}th.",
        latency_ms=stage_percentiles(predictions),
        rate_hz=median(measured.rates_hz),
        engine_rate_hz=median(measured.engine_rates_hz),
        samples=_pick_samples(predictions, truths, lights, ids, TITLES.get(scene, DAYTIMES)),
        calibration=_facts(calibration, simulated.rig),
    )
    return DemoRun(result, calibration.rig)


def _calibrate(
    simulated: SimulatedRig,
    board: Board,
    surface: Surface,
    distances_m: Sequence[float],
    progress: Progress,
) -> Calibration:
    progress("photograph the board", 0, 1)
    views = simulated.board_views(board, BOARD_VIEWS)
    progress("photograph the board", 1, 1)
    return calibrate_pair(
        [rgb for rgb, _ in views],
        [thermal for _, thermal in views],
        board,
        surface=None if surface.kind == "homography" else surface,
        distances_m=distances_m,
        provenance=Provenance(command="rigsight demo", notes="from simulated board pictures"),
        progress=lambda done, total: progress("calibrate", done, total),
    )


def _facts(calibration: Calibration, true: Rig) -> dict[str, str]:
    facts = {f"reprojection error, {name}": f"{rms:.3f} px RMS" for name, rms in calibration.rms_px.items()}
    if calibration.stereo_rms_px is not None:
        facts["reprojection error, both"] = f"{calibration.stereo_rms_px:.3f} px RMS"
    used, count = len(calibration.views_used), len(calibration.views_used) + len(calibration.views_rejected)
    facts["board pictures used"] = f"{used} of {count} pairs"
    if calibration.baseline_m is not None:
        truth = float(np.linalg.norm(true.pose("thermal")[:3, 3]))
        facts["baseline"] = f"{1000 * calibration.baseline_m:.2f} mm (true {1000 * truth:.2f} mm)"
    if calibration.verdict is not None:
        facts["verdict"] = calibration.verdict.text
    for predicted in calibration.alignment:
        error = alignment_error_px(calibration.rig, true, "thermal", predicted.distance_m)
        facts[f"alignment at {predicted.distance_m:g} m"] = (
            f"predicted {predicted.low_px:.3f} to {predicted.high_px:.3f} px (95 %), true {error:.3f} px"
        )
    return facts


def _rendered(simulated: SimulatedRig, index: int) -> Rendered:
    made = simulated.render(index)
    truth = made.truth
    return Rendered(made.rgb, made.thermal, truth.labels, truth.illumination, truth.captured_ns)


Errors = Callable[[Sequence[float]], tuple[MapError, ...]]


def _map_errors(rig: Rig, true: Rig, surface: Surface) -> tuple[Errors, Errors]:
    """Errors of maps built for each distance, and of the one map over the profile's surface."""
    fixed = rig.model_copy(update={"surface": surface})

    def built(distances_m: Sequence[float]) -> tuple[MapError, ...]:
        return tuple(MapError(d, alignment_error_px(rig, true, "thermal", d)) for d in distances_m)

    def one_surface(distances_m: Sequence[float]) -> tuple[MapError, ...]:
        return tuple(MapError(d, px) for d, px in parallax_px(fixed, "thermal", distances_m).items())

    return built, one_surface


def _distance_of(surface: Surface, distances_m: Sequence[float]) -> float:
    return surface.distance_m if surface.kind == "plane" else float(np.median(distances_m))


def _fit_baseline(
    bundle: Bundle, settings: SimulationSettings, preprocessing: Preprocessing, progress: Progress
) -> PixelBaseline:
    """Fit the per-pixel baseline on training scenes of other seeds, aligned with their true rigs."""
    baseline = PixelBaseline(len(bundle.spec.classes))
    for number in range(BASELINE_SETS):
        simulated = SimulatedRig(settings.scene, 1000 + number, "train", settings.width, settings.height)
        each = _rendered(simulated, 37 * number)
        preprocessor = Preprocessor(preprocessing, bundle.size, simulated.rig)
        frames = {
            "rgb": Frame("rgb", each.rgb, each.captured_ns, 0, PixelFormat.RGB8),
            "thermal": Frame("thermal", each.thermal, each.captured_ns, 0, PixelFormat.MONO16),
        }
        aligned = preprocessor(FrameSet(0, each.captured_ns, frames))
        to_grid = TruthOnGrid(simulated.rig, aligned, bundle.spec.classes, settings.scene)
        baseline.add(aligned.rgb, aligned.thermal, to_grid(each.labels, aligned.valid))
        progress("fit the per-pixel baseline", number + 1, BASELINE_SETS)
    return baseline


def _pick_samples(
    predictions: Sequence[Prediction],
    truths: Sequence[UInt8],
    lights: Sequence[float],
    ids: Sequence[int],
    titles: Sequence[str],
) -> tuple[Sample, ...]:
    """For every light the set that shows most of the classes."""
    edge = truths[0].shape[1] // 6  # what is cut by the picture's side shows little
    inner = [truth[:, edge:-edge] for truth in truths]
    wealth = [sum(np.log1p(np.count_nonzero(truth == number)) for number in ids[1:]) for truth in inner]
    samples = []
    for title, (low, high) in zip(titles, LIGHTS, strict=True):
        within = [n for n, light in enumerate(lights) if low <= light <= high]
        if not within:
            continue
        best = max(within, key=lambda n: wealth[n])
        prediction = predictions[best]
        aligned = prediction.aligned
        fused = prediction.fused if prediction.fused is not None else aligned.rgb
        samples.append(
            Sample(title, aligned.rgb, aligned.thermal, fused, prediction.mask, truths[best], lights[best])
        )
    return tuple(samples)
