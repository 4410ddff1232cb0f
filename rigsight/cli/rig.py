"""``rigsight rig``: what rig.yaml says, and the same rig for and from other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.rig import Camera, Rig

app = typer.Typer(add_completion=False, rich_markup_mode=None)

RigPath = Annotated[Path, typer.Argument(metavar="RIG", help="A rig.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
FORMATS = "kalibr, ros, opencv, colmap or mrcal"
AT_TIMES = (0.5, 1.0, 2.0, 5.0)  # the surface's distance, where --distances is left out


@app.callback()
def rig() -> None:
    """Show a rig, or exchange it with Kalibr, ROS, OpenCV, COLMAP and mrcal."""


@app.command(epilog="Example: rigsight rig show rig.yaml --distances 5,10,20")
def show(
    path: RigPath,
    distances: Annotated[
        str | None, typer.Option(help="Metres, at which to predict the alignment error.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show cameras, fields of view, baselines, surface, and the predicted alignment error.

    The error is predicted from the covariance that 'rigsight calibrate' writes; other rigs have none.
    """
    from rigsight.calibration.rig import Rig

    loaded = Rig.load(path)
    data = describe(loaded, None if distances is None else numbers("--distances", distances))
    if as_json:
        print(json.dumps(data, indent=2))
        return

    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 100
    console.print(_cameras(data))
    console.print(
        f"\nreference camera: {data['reference']}, surface: {_surface(data['surface'])}", markup=False
    )
    output = data["output"]
    crop = "" if output["crop"] is None else ", crop {2}×{3} at ({0}, {1})".format(*output["crop"])
    console.print(f"output grid: {output['width']}×{output['height']}{crop}")
    for name, seconds in data["time_offset_s"].items():
        console.print(f"time offset of {name}: {1000 * seconds:.2f} ms", markup=False)
    for name, rows in data["predicted_alignment"].items():
        for row in rows:
            console.print(
                f"predicted alignment error of {name} at {row['distance_m']:g} m: {row['rms_px']:.2f} px "
                f"(95 %: {row['low_px']:.2f} to {row['high_px']:.2f})",
                markup=False,
            )
    if not data["predicted_alignment"] and len(data["cameras"]) > 1:
        console.print("alignment error: not predicted, the rig has no covariance")
    if data["notes"]:
        console.print(data["notes"], markup=False)


def describe(rig: Rig, distances_m: list[float] | None = None) -> dict[str, Any]:
    """What ``rigsight rig show --json`` prints."""
    import numpy as np

    from rigsight.calibration.rig import Plane

    cameras = {}
    for name, camera in rig.cameras.items():
        pose = rig.pose(name)
        centre = -pose[:3, :3].T @ pose[:3, 3]
        turn = np.degrees(np.arccos(np.clip((np.trace(pose[:3, :3]) - 1) / 2, -1, 1)))
        cameras[name] = {
            "spectrum": camera.spectrum,
            "model": camera.model,
            "width": camera.width,
            "height": camera.height,
            "focal_px": [camera.K[0][0], camera.K[1][1]],
            "distortion": list(camera.D),
            "field_of_view_deg": field_of_view_deg(camera),
            "position_m": [round(float(value), 9) + 0.0 for value in centre],
            "baseline_m": round(float(np.linalg.norm(centre)), 9),
            "rotation_deg": round(float(turn), 6),
        }
    at = rig.surface.distance_m if isinstance(rig.surface, Plane) else 10.0
    distances_m = distances_m or [factor * at for factor in AT_TIMES]
    return {
        "cameras": cameras,
        "reference": rig.reference,
        "surface": rig.surface.model_dump(mode="json"),
        "output": rig.output.model_dump(mode="json"),
        "time_offset_s": rig.time_offset_s,
        "predicted_alignment": _predicted(rig, distances_m),
        "notes": rig.provenance.notes,
    }


def field_of_view_deg(camera: Camera) -> list[float | None]:
    """Horizontal and vertical angle between the rays of opposite borders' middles, degrees.

    None where the border lies outside what the lens can see.
    """
    import numpy as np

    from rigsight.calibration.projection import undistort

    right, bottom = camera.width - 0.5, camera.height - 0.5
    x, y = (right - 0.5) / 2, (bottom - 0.5) / 2
    pixels = np.array([[-0.5, y], [right, y], [x, -0.5], [x, bottom]])
    rays = np.column_stack([undistort(camera, pixels), np.ones(4)])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    angles = [float(np.degrees(np.arccos(rays[i] @ rays[i + 1]))) for i in (0, 2)]
    return [round(angle, 3) if np.isfinite(angle) else None for angle in angles]


def _predicted(rig: Rig, distances_m: list[float]) -> dict[str, list[dict[str, float]]]:
    if rig.covariance is None:
        return {}
    from dataclasses import asdict

    from rigsight.calibration.uncertainty import predicted_alignment_errors

    return {
        name: [asdict(error) for error in predicted_alignment_errors(rig, name, distances_m)]
        for name in rig.cameras
        if name != rig.reference
    }


def _cameras(data: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("camera", "lens", "size", "focal lengths", "field of view", "baseline", "turned"):
        table.add_column(heading, no_wrap=True)
    for name, camera in data["cameras"].items():
        is_reference = name == data["reference"]
        fx, fy = camera["focal_px"]
        angles = ["?" if angle is None else f"{angle:.1f}°" for angle in camera["field_of_view_deg"]]
        table.add_row(
            name if name == camera["spectrum"] else f"{name} ({camera['spectrum']})",
            f"{camera['model']} {len(camera['distortion'])}",
            f"{camera['width']}×{camera['height']}",
            f"{fx:.1f}, {fy:.1f} px",
            " × ".join(angles),
            "" if is_reference else f"{1000 * camera['baseline_m']:.1f} mm",
            "" if is_reference else f"{camera['rotation_deg']:.2f}°",
        )
    return table


def _surface(surface: dict[str, Any]) -> str:
    if surface["kind"] == "plane":
        return f"plane at {surface['distance_m']:g} m"
    if surface["kind"] == "cylinder":
        return f"cylinder of radius {surface['radius_m']:g} m"
    return "matched homography"


@app.command(
    "export",
    epilog="Examples: rigsight rig export rig.yaml --format kalibr --out camchain.yaml; "
    "rigsight rig export rig.yaml --format opencv --out rig.xml; "
    "rigsight rig export rig.yaml --format ros --out camera_info",
)
def export_(
    path: RigPath,
    format_name: Annotated[str, typer.Option("--format", help=f"{FORMATS}.")],
    out: Annotated[Path, typer.Option(help="The file; a folder for ros, colmap and mrcal.")],
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit the nearest lens the format has where it lacks the rig's.")
    ] = False,
    yaml_header: Annotated[str, typer.Option(help="1.0 or 1.2: header of OpenCV's YAML.")] = "1.0",
    as_json: AsJson = False,
) -> None:
    """Write a rig for another tool, exact to 1e-6 px, or refuse with the reason."""
    from rigsight.calibration.exchange.formats import export_rig
    from rigsight.calibration.rig import Rig

    if yaml_header not in ("1.0", "1.2"):
        raise BAD_USAGE("--yaml-header takes 1.0 or 1.2", where="rigsight rig export")
    done = export_rig(Rig.load(path), format_name, out, refit=refit, yaml_header=yaml_header)
    if as_json:
        data = {
            "files": [str(file) for file in done.files],
            "round_trip_px": done.round_trip_px,
            "refit_px": done.refit_px,
            "left_out": list(done.left_out),
        }
        print(json.dumps(data, indent=2))
        return
    for file in done.files:
        print(f"written: {file}")
    for name, error in done.refit_px.items():
        print(
            f"camera '{name}': another lens was fitted; it differs by up to {error:.3g} px over the picture"
        )
    print(f"read again, the files agree with the rig to {max(done.round_trip_px, 1e-12):.0e} px")
    print(f"not in this format: {', '.join(done.left_out)}")


@app.command(
    "import",
    epilog="Examples: rigsight rig import camchain.yaml --spectra rgb,thermal --out rig.yaml; rigsight rig "
    "import stereo.yml --spectra rgb,thermal --sizes 1280x800,320x256 --unit-m 0.001 --out rig.yaml",
)
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Its files, or their folder.")],
    out: Annotated[Path, typer.Option(help="Where to write the rig.")],
    format_name: Annotated[str, typer.Option("--format", help=f"{FORMATS}; auto looks into it.")] = "auto",
    spectra: Annotated[str | None, typer.Option(help="rgb, thermal or nir for each camera.")] = None,
    names: Annotated[str | None, typer.Option(help="Names of the cameras, in the files' order.")] = None,
    sizes: Annotated[
        str | None, typer.Option(help="Where the files do not say: 640x480 for each camera.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="pinhole-radtan or fisheye for each, where OpenCV files do not say.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Name of the reference camera.")] = None,
    distance: Annotated[float, typer.Option(help="Distance of the reference plane, metres.")] = 10.0,
    unit_m: Annotated[float, typer.Option(help="Metres in a unit of the file; 0.001 for mm.")] = 1.0,
) -> None:
    """Make rig.yaml from the calibration of another tool."""
    from rigsight import __version__
    from rigsight.calibration.exchange.formats import import_rig

    if not (distance > 0 and unit_m > 0):
        raise BAD_USAGE("--distance and --unit-m must be positive", where="rigsight rig import")
    rig = import_rig(
        files,
        format_name,
        spectra=_words(spectra),
        names=_words(names),
        sizes=None if sizes is None else [_size(word) for word in sizes.split(",")],
        models=_words(models),
        reference=reference,
        distance_m=distance,
        unit_m=unit_m,
    )
    made = {"tool_version": __version__, "command": "rigsight rig import"}
    provenance = rig.provenance.model_copy(update=made)
    rig.model_copy(update={"provenance": provenance}).save(out)
    print(f"{rig.provenance.notes}")
    print(f"written to {out}: {', '.join(rig.cameras)}, reference {rig.reference}, plane at {distance:g} m")


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",")]


def numbers(option: str, text: str) -> list[float]:
    """Positive numbers, separated by commas."""
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value < float("inf") for value in values):
        raise BAD_USAGE(f"{option} needs positive numbers, as in 5,10,20", where="rigsight rig")
    return values


def _size(word: str) -> tuple[int, int]:
    parts = word.strip().lower().split("x")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise BAD_USAGE(f"--sizes needs 640x480 for each camera, not '{word}'", where="rigsight rig import")
    return int(parts[0]), int(parts[1])
