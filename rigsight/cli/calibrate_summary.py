"""What ``rigsight calibrate`` says about its result: as JSON, and on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigsight.calibration.result import Calibration

MOST_LISTED = 8


def summarise(result: Calibration, distances_m: Sequence[float]) -> dict[str, Any]:
    """The object that ``--json`` prints: verdict first, then figures of fit, views and parallax."""
    from rigsight.calibration.accuracy import parallax_px

    parallax: dict[str, float] = {}
    for camera in list(result.rig.cameras)[1:]:
        table = parallax_px(result.rig, camera, distances_m)
        parallax = {f"{at:g}": round(error, 3) for at, error in table.items()}
    verdict, held_out = result.verdict, result.held_out
    return {
        "verdict": None if verdict is None else verdict.text,
        "grade": None if verdict is None else verdict.grade,
        "alignment_error_px": {
            f"{error.distance_m:g}": {
                "rms": _number(error.rms_px),
                "band": [_number(error.low_px), _number(error.high_px)],
                "bound": _number(error.bound_px),
            }
            for error in result.alignment
        },
        "rms_px": {name: _number(value) for name, value in result.rms_px.items()},
        "stereo_rms_px": _number(result.stereo_rms_px),
        "epipolar_px": _number(result.epipolar_px),
        "held_out": None
        if held_out is None
        else {
            "folds": held_out.folds,
            "reprojection_px": _number(held_out.reprojection_px),
            "epipolar_px": _number(held_out.epipolar_px),
        },
        "noise_px": {name: _number(value) for name, value in result.noise_px.items()},
        "shared_error_factor": _number(result.solution.inflation),
        "baseline_m": _number(result.baseline_m),
        "board_bend_mm": None
        if result.solution.bend_m is None
        else [_number(1000 * value) for value in result.solution.bend_m],
        "parallax_px": parallax,
        "views_used": list(result.views_used),
        "views_rejected": result.views_rejected,
        "views_reordered": list(result.views_reordered),
    }


def _number(value: float | None) -> float | None:
    """Six decimals; None for what does not exist (no epipolar lines where the cameras share a centre)."""
    return None if value is None or math.isnan(value) else round(value, 6)


def show(result: Calibration, summary: dict[str, Any], written: Sequence[Path]) -> None:
    """Print the summary for people."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    colour = {"good": "green", "usable": "yellow", "not usable": "red"}.get(summary["grade"], "default")
    console.print(f"[bold {colour}]{summary['verdict']}[/]")
    for error in result.alignment:
        console.print(
            f"  at {error.distance_m:>5g} m   alignment error {error.rms_px:.2f} px, 95 % of such rigs "
            f"{error.low_px:.2f} to {error.high_px:.2f} px"
        )
    for name, value in result.rms_px.items():
        camera = result.rig.cameras[name]
        console.print(f"  {name:<12} reprojection error {value:.3f} px, focal length {camera.K[0][0]:.2f} px")
    if result.stereo_rms_px is not None and result.baseline_m is not None:
        console.print(
            f"  {'together':<12} reprojection error {result.stereo_rms_px:.3f} px, epipolar error "
            f"{result.epipolar_px:.3f} px, baseline {1000 * result.baseline_m:.1f} mm"
        )
    if result.held_out is not None:
        line = f"  {'left out':<12} reprojection error {result.held_out.reprojection_px:.3f} px"
        if len(result.rig.cameras) > 1:
            line += f", epipolar error {result.held_out.epipolar_px:.3f} px"
        console.print(line)
    if summary["board_bend_mm"]:
        x, y = summary["board_bend_mm"]
        console.print(f"  {'board':<12} bent by {x:.2f} mm along its rows, {y:.2f} mm along its columns")
    if summary["parallax_px"]:
        row = ", ".join(f"{at} m {error:.1f} px" for at, error in summary["parallax_px"].items())
        console.print(f"  one fixed surface leaves at other distances: {row}")
    for view, reason in list(summary["views_rejected"].items())[:MOST_LISTED]:
        console.print(f"  not used     {view}: {reason}")
    if len(summary["views_rejected"]) > MOST_LISTED:
        console.print(f"  not used     {len(summary['views_rejected']) - MOST_LISTED} more")
    for path in written:
        console.print(f"written to {path}")
