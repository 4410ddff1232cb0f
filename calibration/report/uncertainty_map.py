"""Where on the output picture misalignment is to be expected."""

from __future__ import annotations

import numpy as np

from rigsight.base.html.svg import WIDTH, svg_open, text
from rigsight.calibration.boards import Float64
from rigsight.calibration.report.coverage import cell, scale_bar
from rigsight.calibration.report.subject import Subject, fine, named, panel, px, rms, section
from rigsight.calibration.rig import Rig
from rigsight.calibration.uncertainty import uncertainty_map

PAD = 6


def uncertainty_section(subject: Subject, camera: str) -> str:
    """Heat maps over the output grid at the nearest and the farthest of the user's distances."""
    if not subject.distances_m or subject.rig.covariance is None:
        return section("uncertainty-map", "Where on the picture", "The rig carries no covariance.", "")
    lead = (
        f"How far {named(camera)} may lie from {named(subject.reference)} in each part of the output "
        "picture, from the covariance of the joint solution."
    )
    panels = []
    for distance in sorted({subject.distances_m[0], subject.distances_m[-1]}):
        pixels, sigma = uncertainty_map(subject.rig, camera, distance)
        note = (
            f"From {px(float(sigma.min()))} to {px(float(sigma.max()))}, "
            f"root mean square {px(rms(sigma[:, None]))}."
        )
        title = f"Standard deviation at {distance:g} m"
        panels.append(panel(title, _map(pixels, sigma, subject.rig, distance), note))
    body = f'<div class="two">{"".join(panels)}</div>'
    return section("uncertainty-map", "Where on the picture", lead, body)


def _map(pixels: Float64, sigma: Float64, rig: Rig, distance_m: float) -> str:
    wide = WIDTH - 2 * PAD
    scale = wide / rig.output.width
    tall = rig.output.height * scale
    words = (
        f"Standard deviation at {distance_m:g} m: {fine(float(sigma.min()))} to {fine(float(sigma.max()))} px"
    )
    parts = [svg_open(WIDTH, tall + 2 * PAD + 24, words)]
    step = [_spacing(np.unique(pixels[:, axis])) * scale for axis in (0, 1)]
    most = max(float(sigma.max()), 1e-12)
    for (x, y), value in zip((pixels + 0.5) * scale + PAD, sigma, strict=True):
        left, top = max(x - step[0] / 2, PAD), max(y - step[1] / 2, PAD)
        right, bottom = min(x + step[0] / 2, PAD + wide), min(y + step[1] / 2, PAD + tall)
        parts.append(cell(left, top, right, bottom, float(value) / most, px(float(value))))
    parts.append(f'<rect class="frame" x="{PAD}" y="{PAD}" width="{wide}" height="{tall:.1f}"/>')
    for extreme in (int(sigma.argmin()), int(sigma.argmax())):
        x, y = (pixels[extreme] + 0.5) * scale + PAD
        x, y = float(np.clip(x, PAD + 18, PAD + wide - 18)), float(np.clip(y, PAD + 16, PAD + tall - 8))
        parts.append(text(x, y + 4, fine(float(sigma[extreme])), kind="value"))
    parts += scale_bar(PAD, tall + 2 * PAD + 6, "0", px(most))
    return "".join(parts) + "</svg>"


def _spacing(values: Float64) -> float:
    return float(np.median(np.diff(values))) if len(values) > 1 else 1.0
