"""``rigsight align``: one RGB + thermal pair on one pixel grid."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

app = typer.Typer(add_completion=False, rich_markup_mode=None)

THERMAL_WEIGHT = 0.5
AT = (0.5, 1.0, 2.0)  # times the surface's distance, where no distances are given
FAR_M = 50.0  # stands for a surface at infinity there
SECTION_RADII = (0.5, 4.0)  # of the pipe's radius, ahead of the camera
METRES_PER_PX = 0.001


@app.command(epilog="Example: rigsight align rgb.png thermal.png --rig rig.yaml --distance 12 --out pair.png")
def align(
    rgb: Annotated[Path, typer.Argument(metavar="RGB", help="Picture of the reference camera.")],
    thermal: Annotated[Path, typer.Argument(metavar="THERMAL", help="Picture of the other camera.")],
    rig: Annotated[Path, typer.Option(help="rig.yaml of the two cameras.")],
    out: Annotated[
        Path, typer.Option(help="Where to write the view: RGB, thermal and overlay side by side.")
    ],
    distance: Annotated[
        float | None,
        typer.Option(help="Distance of the plane to align at, metres; the rig's surface without."),
    ] = None,
    depth: Annotated[
        Path | None,
        typer.Option(help="Depth of every pixel of the output grid: 16-bit mm (PNG, TIFF), float m (.npy)."),
    ] = None,
    unroll: Annotated[
        bool, typer.Option("--unroll", help="Also write the pipe's wall laid flat (surface: cylinder).")
    ] = False,
    section: Annotated[
        str | None, typer.Option(help="START,END of the wall to unroll, metres ahead of the camera.")
    ] = None,
    distances: Annotated[
        str | None, typer.Option(help="Distances to state the parallax at, metres: 5,10,20.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written and the parallax as JSON.")
    ] = False,
) -> int:
    """Align one pair, write pictures, and state what the chosen surface leaves at other distances.

    OUT shows undistorted RGB, aligned thermal and an overlay side by side for people;
    OUT with '-thermal' added to its stem holds the aligned thermal picture in its own depth (16-bit
    counts stay counts) for programs. --unroll adds '-unrolled' and '-unrolled-thermal': chainage to the
    right, clock position downwards from 12 o'clock.
    """
    from rigsight.calibration.pictures import read_picture
    from rigsight.calibration.rig import Rig

    if distance is not None and not 0 < distance < float("inf"):
        raise BAD_USAGE("--distance takes metres above zero", where="rigsight align")
    if distance is not None and depth is not None:
        raise BAD_USAGE("give --distance or --depth, not both", where="rigsight align")
    if out.suffix.lower() != ".png":
        raise BAD_USAGE("--out must end in .png (16-bit counts need it)", where=str(out))
    asked = None if distances is None else _numbers("--distances", distances)
    ends = None if section is None else _numbers("--section", section)
    if ends is not None and (len(ends) != 2 or ends[0] >= ends[1]):
        raise BAD_USAGE("--section takes START,END with START before END", where="rigsight align")
    loaded = Rig.load(rig)
    others = [name for name in loaded.cameras if name != loaded.reference]
    if not others:
        raise BAD_USAGE(
            "the rig holds one camera only", where=str(rig), fix="Calibrate both cameras together."
        )
    pictures = {loaded.reference: read_picture(rgb), others[0]: read_picture(thermal)}
    _check_sizes(loaded, pictures, {loaded.reference: rgb, others[0]: thermal})

    first, second, seen, facts = _aligned(loaded, pictures, distance, depth)
    files = _views(first, second, seen)
    if unroll:
        files |= _unrolled(loaded, pictures, ends, facts)
    facts |= _parallax(loaded, others[0], distance, asked, facts["mode"])
    written = {suffix: out.with_name(f"{out.stem}{suffix}.png") for suffix in files}
    for suffix, path in written.items():
        _write(path, files[suffix])
    facts = {"out": str(out), "thermal": str(written["-thermal"]), **facts}
    if unroll:
        facts["unrolled"] |= {
            "view": str(written["-unrolled"]),
            "thermal": str(written["-unrolled-thermal"]),
        }
    print(json.dumps(facts, indent=2)) if as_json else _show(facts)
    return 0


def _aligned(
    rig: Any, pictures: dict[str, Any], distance: float | None, depth: Path | None
) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Both pictures on the grid, where both are seen (bool), and what to say about it."""
    import numpy as np

    from rigsight.calibration.align import Aligner
    from rigsight.calibration.alignment.depth import DepthAligner
    from rigsight.calibration.alignment.depth_picture import read_depth
    from rigsight.calibration.rig import Plane

    reference, other = pictures
    flat = Aligner(rig, reference)
    facts: dict[str, Any]
    moved: Aligner | DepthAligner
    if depth is not None:
        metres = read_depth(depth)
        near, far = float(np.nanmin(metres)), float(np.nanmax(metres))
        moved = DepthAligner(rig, other, near * 0.999, far * 1.001)
        moved.update(metres)
        hidden = float((moved.occluded > 0).mean())
        facts = {"mode": "depth", "model_error_px": round(moved.error_px, 4), "hidden": round(hidden, 4)}
    else:
        moved = Aligner(rig, other)
        if distance is not None:
            moved.retarget(distance)
        facts = {"mode": moved.surface.kind}
        if isinstance(moved.surface, Plane):
            at = moved.surface.distance_m
            facts["distance_m"] = at if np.isfinite(at) else None
    seen = (moved.valid > 0) & (flat.valid > 0)
    facts["valid"] = round(float(seen.mean()), 4)
    return flat(pictures[reference]), moved(pictures[other]), seen, facts


def _unrolled(
    rig: Any, pictures: dict[str, Any], ends: list[float] | None, facts: dict[str, Any]
) -> dict[str, Any]:
    """The pictures of the unrolled wall by the suffix of their names; ``facts`` gains their scale."""
    from rigsight.calibration.rig import Cylinder
    from rigsight.calibration.unroll import Unrolled

    radius = rig.surface.radius_m if isinstance(rig.surface, Cylinder) else 1.0
    start, end = ends or [share * radius for share in SECTION_RADII]
    views = {
        name: Unrolled(rig, name, start_m=start, end_m=end, metres_per_px=METRES_PER_PX) for name in pictures
    }
    first, second = (views[name](picture) for name, picture in pictures.items())
    wall = next(iter(views.values()))
    seen = (wall.valid > 0) & (views[list(pictures)[1]].valid > 0)
    facts["unrolled"] = {
        "start_m": start,
        "metres_per_px": wall.metres_per_px,
        "degrees_per_px": wall.degrees_per_px,
        "cut_deg": wall.cut_deg,
        "valid": round(float(seen.mean()), 4),
    }
    return {f"-unrolled{suffix}": picture for suffix, picture in _views(first, second, seen).items()}


def _parallax(
    rig: Any, camera: str, distance: float | None, asked: list[float] | None, mode: str
) -> dict[str, Any]:
    """What the map leaves at the asked distances, and the calibration's own error where the rig states it."""
    from rigsight.base.errors import RigsightError
    from rigsight.calibration.accuracy import best_distance_m, parallax_table
    from rigsight.calibration.alignment.surfaces import normal_of
    from rigsight.calibration.rig import MatchedHomography, Plane
    from rigsight.calibration.uncertainty import predicted_alignment_errors

    if distance is not None:
        plane = Plane(distance_m=distance, normal=normal_of(rig.surface))
        rig = rig.model_copy(update={"surface": plane})
    facts: dict[str, Any] = {}
    surface = rig.surface
    if isinstance(surface, MatchedHomography):
        middle = facts["distance_m"] = round(best_distance_m(rig, camera), 4)
    else:
        middle = surface.distance_m if isinstance(surface, Plane) else surface.radius_m
    if middle == float("inf"):
        middle = FAR_M
    at = asked or [float(f"{middle * share:.3g}") for share in AT]
    rows = parallax_table(rig, camera, at)
    if mode == "depth":
        facts["parallax_px"] = {
            f"{row.distance_m:g}": {"per_percent": round(row.per_percent_px, 3)} for row in rows
        }
    else:
        facts["parallax_px"] = {
            f"{row.distance_m:g}": {
                "rms": round(row.rms_px, 3),
                "max": round(row.max_px, 3),
                "per_percent": round(row.per_percent_px, 3),
            }
            for row in rows
        }
    if rig.covariance is not None:
        facts["alignment_error_px"] = {}
        for distance in at:
            with suppress(RigsightError):  # so near that the cameras share no view
                (error,) = predicted_alignment_errors(rig, camera, [distance])
                band = [round(error.low_px, 3), round(error.rms_px, 3), round(error.high_px, 3)]
                facts["alignment_error_px"][f"{distance:g}"] = band
    return facts


SURFACES = {
    "plane": "one plane at {distance_m:g} m",
    "far": "a plane at infinity",
    "homography": "one homography, which is a plane at about {distance_m:g} m",
    "cylinder": "the pipe's wall, exact there; the table is for what stands across the pipe",
    "depth": "the depth picture, {hidden:.1%} of the grid hidden from the other camera",
}


def _show(facts: dict[str, Any]) -> None:
    """Print for people."""
    print(f"{facts['out']} shows the pair, {facts['thermal']} holds the aligned thermal picture")
    if "unrolled" in facts:
        wall = facts["unrolled"]
        scale = f"{1000 * wall['metres_per_px']:.3g} mm and {wall['degrees_per_px']:.3g} degrees a pixel"
        print(f"{wall['view']} is the wall from {wall['start_m']:.3g} m on, {scale}")
        print(f"{wall['thermal']} is the same in thermal, in its own depth")
    print(f"{facts['valid']:.0%} of the grid is seen by both cameras")
    surface = "far" if facts.get("distance_m", 0) is None else facts["mode"]
    print(f"aligned over {SURFACES[surface].format(**facts)}")
    follows = facts["mode"] == "depth"
    print("distance   " + ("" if follows else "left by this map: rms, max   ") + "cost of 1 % wrong distance")
    for at, row in facts["parallax_px"].items():
        left = "" if follows else f"{row['rms']:>16.2f} {row['max']:>7.2f} px   "
        print(f"{at + ' m':>8}   {left}{row['per_percent']:>5.2f} px")
    for at, (low, middle, high) in facts.get("alignment_error_px", {}).items():
        print(f"the calibration itself at {at} m: {middle:.2f} px, 95 % between {low:.2f} and {high:.2f} px")


def _numbers(option: str, text: str) -> list[float]:
    """Comma-separated positive numbers."""
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or not all(0 < value < float("inf") for value in values):
        raise BAD_USAGE(f"{option} takes metres above zero, separated by commas", where="rigsight align")
    return values


def _views(first: Any, second: Any, seen: Any) -> dict[str, Any]:
    """By suffix: RGB, heat and overlay side by side as BGR, and the thermal picture as it is."""
    import cv2
    import numpy as np

    from rigsight.calibration.detection.grey import stretched, to_grey

    colour = _eight_bit_colour(first)
    warmth = to_grey(second).copy()
    warmth[~seen] = np.median(warmth[seen]) if seen.any() else 0  # zeros there would take all contrast
    heat = cv2.applyColorMap(stretched(warmth), cv2.COLORMAP_INFERNO)
    heat[~seen] = 0
    overlay = colour.copy()
    mixed = cv2.addWeighted(colour, 1 - THERMAL_WEIGHT, heat, THERMAL_WEIGHT, 0)
    overlay[seen] = mixed[seen]
    return {"": np.hstack([colour, heat, overlay]), "-thermal": _to_bgr(second)}


def _write(path: Path, picture: Any) -> None:
    import cv2

    from rigsight.base.files import atomic_path

    with atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), picture):
            raise OSError(f"OpenCV cannot write {path.name}")


def _check_sizes(rig: Any, pictures: dict[str, Any], paths: dict[str, Path]) -> None:
    """Raise CAL-005 for a picture of another size, naming swapped cameras as such."""
    from rigsight.calibration import codes

    sizes = {name: (picture.shape[1], picture.shape[0]) for name, picture in pictures.items()}
    wrong = [name for name, size in sizes.items() if size != rig.cameras[name].size]
    if not wrong:
        return
    first, second = pictures
    if sizes[first] == rig.cameras[second].size and sizes[second] == rig.cameras[first].size:
        raise codes.PICTURE_OF_ANOTHER_CAMERA(
            f"the pictures are swapped: this one has the size of camera '{second}'",
            where=paths[first],
            fix=f"Give the picture of '{first}' first, then that of '{second}'.",
        )
    name = wrong[0]
    width, height = rig.cameras[name].size
    raise codes.PICTURE_OF_ANOTHER_CAMERA(
        f"the picture is {sizes[name][0]}x{sizes[name][1]}, camera '{name}' is {width}x{height}",
        where=paths[name],
    )


def _eight_bit_colour(picture: Any) -> Any:
    """uint8 BGR [H,W,3] of any picture."""
    import cv2

    from rigsight.calibration.detection.grey import stretched

    if picture.dtype != "uint8":
        picture = stretched(picture)
    return _to_bgr(picture) if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)


def _to_bgr(picture: Any) -> Any:
    return picture[..., ::-1] if picture.ndim == 3 else picture
