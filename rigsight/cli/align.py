"""``rigsight align``: one RGB + thermal pair on one pixel grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

app = typer.Typer(add_completion=False, rich_markup_mode=None)

THERMAL_WEIGHT = 0.5


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
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> int:
    """Align one pair and write two pictures.

    OUT shows undistorted RGB, aligned thermal and an overlay side by side for people;
    OUT with '-thermal' added to its stem holds the aligned thermal picture in its own depth (16-bit
    counts stay counts) for programs.
    """
    import cv2
    import numpy as np

    from rigsight.base.files import atomic_path
    from rigsight.calibration.align import Aligner
    from rigsight.calibration.detection.grey import stretched, to_grey
    from rigsight.calibration.pictures import read_picture
    from rigsight.calibration.rig import Rig

    if distance is not None and distance <= 0:
        raise BAD_USAGE("--distance must be positive", where="rigsight align")
    if out.suffix.lower() != ".png":
        raise BAD_USAGE("--out must end in .png (16-bit counts need it)", where=str(out))
    loaded = Rig.load(rig)
    others = [name for name in loaded.cameras if name != loaded.reference]
    if not others:
        raise BAD_USAGE(
            "the rig holds one camera only", where=str(rig), fix="Calibrate both cameras together."
        )
    pictures = {loaded.reference: read_picture(rgb), others[0]: read_picture(thermal)}
    _check_sizes(loaded, pictures, {loaded.reference: rgb, others[0]: thermal})

    aligned: dict[str, Any] = {}
    for name, picture in pictures.items():
        aligner = Aligner(loaded, name)
        if distance is not None:
            aligner.retarget(distance)
        aligned[name] = aligner(picture)
    first, second = aligned[loaded.reference], aligned[others[0]]
    colour = _eight_bit_colour(first)
    heat = cv2.applyColorMap(stretched(to_grey(second)), cv2.COLORMAP_INFERNO)
    seen = aligner.valid > 0
    overlay = colour.copy()
    mixed = cv2.addWeighted(colour, 1 - THERMAL_WEIGHT, heat, THERMAL_WEIGHT, 0)
    overlay[seen] = mixed[seen]
    raw_path = out.with_name(f"{out.stem}-thermal.png")
    for path, picture in ((out, np.hstack([colour, heat, overlay])), (raw_path, _to_bgr(second))):
        with atomic_path(path) as temporary:
            if not cv2.imwrite(str(temporary), picture):
                raise OSError(f"OpenCV cannot write {path.name}")
    facts = {"out": str(out), "thermal": str(raw_path), "valid": round(float(seen.mean()), 4)}
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print(f"{out} shows the pair, {raw_path} holds the aligned thermal picture")
        print(f"{seen.mean():.0%} of the grid is seen by both cameras")
    return 0


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
