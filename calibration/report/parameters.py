"""The rig's parameters with their deviations, and where they come from."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

import rigsight
from rigsight.calibration.boards import Float64
from rigsight.calibration.report.subject import NOTHING, Subject, facts, section, table
from rigsight.calibration.rig import Rig
from rigsight.calibration.solve.lens import lens_names, lens_vector
from rigsight.calibration.solve.state import POSE


def parameters_section(subject: Subject) -> str:
    """Lenses and relative pose, each with its standard deviation."""
    sigmas = _sigmas(subject.rig)
    parts = []
    for name in subject.cameras:
        camera = subject.rig.cameras[name]
        rows = [
            (part, *_with_sigma(float(value), sigmas.get(f"{name}.{part}"), "px" if part[0] in "fc" else ""))
            for part, value in zip(lens_names(camera), lens_vector(camera), strict=True)
        ]
        title = f"<h3>{escape(name)}</h3>"
        note = (
            f'<p class="note">{camera.model}, {camera.width} × {camera.height} pixels, {camera.spectrum}</p>'
        )
        parts.append(f"<div>{title}{note}{table(_HEADS, rows, f'Lens of {name}')}</div>")
    for name, T in subject.rig.transforms.items():
        parts.append(_pose_table(name, subject.reference, np.array(T), sigmas))
    lead = "The rig as written to rig.yaml, each parameter with the standard deviation of the joint solution."
    bend = subject.calibration.solution.bend_m
    body = f'<div class="two">{"".join(parts)}</div>'
    if bend is not None:
        body += (
            f'<p class="block">The board was estimated to be bent by {1000 * bend[0]:.2f} mm along its rows '
            f"and {1000 * bend[1]:.2f} mm along its columns.</p>"
        )
    return section("parameters", "Parameters", lead, body)


_HEADS = ("parameter", "value", "1σ")


def _pose_table(name: str, reference: str, T: Float64, sigmas: dict[str, float]) -> str:
    turn = np.degrees(cv2.Rodrigues(T[:3, :3])[0].reshape(3))
    shift = 1000 * T[:3, 3]
    prefix = f"T_{name}_{reference}."
    factors = [*[math.degrees(1.0)] * 3, *[1000.0] * 3]
    rows = []
    for part, value, factor in zip(POSE, [*turn, *shift], factors, strict=True):
        sigma = sigmas.get(prefix + part)
        unit = "°" if part[0] == "r" else "mm"
        rows.append((part, *_with_sigma(float(value), None if sigma is None else sigma * factor, unit)))
    rows.append(("baseline", f"{np.linalg.norm(shift):.2f} mm", NOTHING))
    title = f"<h3>{escape(name)} from {escape(reference)}</h3>"
    note = (
        '<p class="note">rotation vector and translation of T, which takes points into the camera’s frame</p>'
    )
    return f"<div>{title}{note}{table(_HEADS, rows, f'Pose of {name}')}</div>"


def _sigmas(rig: Rig) -> dict[str, float]:
    if rig.covariance is None:
        return {}
    variances = np.diag(np.array(rig.covariance.matrix))
    return dict(zip(rig.covariance.parameters, np.sqrt(np.maximum(variances, 0)).tolist(), strict=True))


def _with_sigma(value: float, sigma: float | None, unit: str) -> tuple[str, str]:
    """A value with as many decimals as its deviation deserves (two digits of it).

    >>> _with_sigma(535.9153, 0.3214, "px")
    ('535.92 px', '0.32 px')
    >>> _with_sigma(-0.26512, 0.0031, "")
    ('-0.2651', '0.0031')
    >>> _with_sigma(0.0, None, "")
    ('0.00000', 'held')
    """
    after = f" {unit}" if unit and unit != "°" else unit
    if sigma is None:
        return f"{value:.5f}{after}", "held"
    if not (math.isfinite(sigma) and sigma > 0):
        return f"{value:.5f}{after}", NOTHING
    digits = min(max(1 - math.floor(math.log10(sigma)), 0), 7)
    return f"{value:.{digits}f}{after}", f"{sigma:.{digits}f}{after}"


def provenance_section(subject: Subject) -> str:
    """Inputs, versions and command."""
    origin, board = subject.rig.provenance, subject.board
    pairs = {
        "command": origin.command or "not recorded",
        "rigsight": origin.tool_version or rigsight.__version__,
        "OpenCV": cv2.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "board": f"{board.kind}, {board.columns} × {board.rows}, {1000 * board.step_m:g} mm",
        "pictures": f"{sum(map(len, subject.pictures.values()))} of {len(subject.pictures)} views",
    }
    hashes = origin.images_sha256
    body = ""
    if hashes:
        pairs["sha256 of the inputs"] = inputs_sha256(hashes)
        items = "".join(f"<li><code>{escape(d)}</code> {escape(n)}</li>\n" for n, d in sorted(hashes.items()))
        body = (
            f"<details><summary>sha256 of each of the {len(hashes)} files</summary><ul>{items}</ul></details>"
        )
    if origin.notes:
        pairs["notes"] = origin.notes
    return section(
        "provenance", "Provenance", "What this was made from, and with what.", facts(pairs, True) + body
    )


def inputs_sha256(hashes: dict[str, str]) -> str:
    """One digest of all inputs: sha256 over the lines that sha256sum prints, in the order of names.

    >>> inputs_sha256({})[:8]
    'e3b0c442'
    """
    lines: Sequence[str] = [f"{digest}  {name}\n" for name, digest in sorted(hashes.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
