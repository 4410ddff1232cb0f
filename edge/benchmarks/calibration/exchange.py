"""Rigs through the files of other tools and back: what is lost, what is refused, what a refit costs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.calibration.exchange.build import build_rig
from rigsight.calibration.exchange.compare import difference_px
from rigsight.calibration.exchange.files import read_sources
from rigsight.calibration.exchange.formats import LOSSLESS_PX, export_rig, records_of
from rigsight.calibration.exchange.registry import FOLDERS, FORMATS
from rigsight.calibration.rig import Rig
from rigsight.edge.benchmarks.calibration import rigs
from rigsight.edge.benchmarks.calibration.table import Figure

RIGS, QUICK_RIGS = 40, 4
SEED = 60_000
# Lens -> model and spread of the coefficients that are added to those of the rig.
LENSES: dict[str, tuple[str, tuple[float, ...]]] = {
    "no distortion": ("pinhole-radtan", ()),
    "k1 k2 p1 p2": ("pinhole-radtan", (0.1, 0.05, 0.001, 0.001)),
    "k3": ("pinhole-radtan", (0.1, 0.05, 0.001, 0.001, 0.02)),
    "rational": ("pinhole-radtan", (0.1, 0.05, 0.001, 0.001, 0.02, 0.05, 0.02, 0.002)),
    "fisheye": ("fisheye", (0.05, 0.02, 0.01, 0.005)),
}


def figures(quick: bool = False) -> list[Figure]:
    """Largest difference by format over rigs with every lens; refusals; what refits leave, pixels."""
    rows = []
    for format_name in FORMATS:
        worst, exact, refused, refits = 0.0, 0, 0, []
        for lens in LENSES:
            for number in range(QUICK_RIGS if quick else RIGS):
                rig = rig_with(lens, number)
                try:
                    worst = max(worst, round_trip_px(rig, format_name))
                    exact += 1
                except RigsightError:
                    refused += 1
                    refits.append(refit_px(rig, format_name))
        rows.append(Figure(f"{format_name}: largest difference of {exact} rigs", worst, "px", LOSSLESS_PX))
        if refused:
            rows.append(Figure(f"{format_name}: refused, for its lens", refused))
            rows.append(Figure(f"{format_name}: refitted, median error", float(np.median(refits)), "px"))
            rows.append(Figure(f"{format_name}: refitted, largest error", max(refits), "px"))
    return rows


def rig_with(lens: str, number: int) -> Rig:
    """A simulated rig whose two lenses are replaced by random ones."""
    rng = np.random.default_rng([SEED, number])
    rig = rigs.random_rig(rng, (320, 256))
    model, spread = LENSES[lens]
    cameras = {
        name: camera.model_copy(
            update={"model": model, "D": tuple(float(v) for v in rng.uniform(-1, 1, len(spread)) * spread)}
        )
        for name, camera in rig.cameras.items()
    }
    return rig.model_copy(update={"cameras": cameras})


def round_trip_px(rig: Rig, format_name: str) -> float:
    """Largest difference between a rig and what comes back from the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (format_name if format_name in FOLDERS else "rig.yml")
        export_rig(rig, format_name, path)
        found = FORMATS[format_name].decode(read_sources([path], format_name))
        again = build_rig(found, spectra=[camera.spectrum for camera in rig.cameras.values()])
    return difference_px(records_of(rig), records_of(again))


def refit_px(rig: Rig, format_name: str) -> float:
    """Largest error over both pictures of the lenses that a format has; infinity when none comes near."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (format_name if format_name in FOLDERS else "rig.yml")
        try:
            return max(export_rig(rig, format_name, path, refit=True).refit_px.values())
        except RigsightError:
            return float("inf")
