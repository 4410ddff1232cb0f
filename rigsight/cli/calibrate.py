"""``rigsight calibrate``: board pictures of two cameras (or one) -> rig.yaml."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.calibrate import Calibration

app = typer.Typer(add_completion=False, rich_markup_mode=None)

PARALLAX_AT = (0.5, 0.75, 1.0, 1.5, 2.0, 5.0)  # times the reference distance
SPECTRA = ("rgb", "thermal", "nir")
MODELS = ("pinhole-radtan", "fisheye")


@app.command(
    epilog="Examples: rigsight calibrate rgb/ thermal/ --board board.yaml --out rig.yaml --distance 12; "
    "rigsight calibrate 'boards/left*.jpg' 'boards/right*.jpg' --board board.yaml --out rig.yaml "
    "--names left,right --spectra rgb,rgb"
)
def calibrate(
    board: Annotated[Path, typer.Option(help="board.yaml: kind, columns, rows, square_m or pitch_m.")],
    a_dir: Annotated[
        str | None,
        typer.Argument(metavar="A_DIR", help="Reference camera's pictures: a folder or a quoted pattern."),
    ] = None,
    b_dir: Annotated[
        str | None,
        typer.Argument(
            metavar="B_DIR", help="Pictures of the other camera, paired by equal stem, else by last number."
        ),
    ] = None,
    single: Annotated[str | None, typer.Option(help="Calibrate one camera from this folder instead.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the rig; left out, nothing is written.")
    ] = None,
    names: Annotated[str, typer.Option(help="Names of the cameras, the reference first.")] = "rgb,thermal",
    spectra: Annotated[str | None, typer.Option(help="rgb, thermal or nir for each camera.")] = None,
    models: Annotated[str, typer.Option(help="pinhole-radtan or fisheye, one for all or each.")] = MODELS[0],
    distance: Annotated[float, typer.Option(help="Distance of the reference plane, metres.")] = 10.0,
    homography: Annotated[
        bool, typer.Option("--homography", help="Align by a RANSAC homography of the matched points.")
    ] = False,
    fix_intrinsics: Annotated[
        bool, typer.Option("--fix-intrinsics", help="Do not refine the intrinsics jointly with the pose.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Calibrate two cameras, or one, from pictures of a board.

    Both cameras must see the whole board in at least 6 pairs, better 15, tilted in all directions. The
    reprojection and epipolar errors say how well the model fits the views, not how well pictures will
    lie on each other far from the boards.
    """
    from rigsight.calibration.boards import Board

    if distance <= 0:
        raise BAD_USAGE("--distance must be positive", where="rigsight calibrate")
    chosen = Board.load(board)
    if single is not None:
        if a_dir or b_dir:
            raise BAD_USAGE("--single takes no other folders", where="rigsight calibrate")
        result = _one(single, chosen, names.split(",")[:1], spectra, models, as_json)
    elif a_dir is None or b_dir is None:
        raise BAD_USAGE("two folders are needed, or --single with one", where="rigsight calibrate")
    else:
        surface = "homography" if homography else distance
        result = _two((a_dir, b_dir), chosen, names, spectra, models, surface, not fix_intrinsics, as_json)
    if out is not None:
        result.rig.save(out)
    summary = summarise(result, distance)
    print(json.dumps(summary, indent=2)) if as_json else _show(result, summary, out)
    return 0


def summarise(result: Calibration, distance_m: float) -> dict[str, Any]:
    """What ``--json`` prints: figures of fit, views, and what one surface leaves at other distances."""
    from rigsight.calibration.accuracy import parallax_px

    cameras = list(result.rig.cameras)
    parallax: dict[str, float] = {}
    for camera in cameras[1:]:
        table = parallax_px(result.rig, camera, [round(distance_m * factor, 6) for factor in PARALLAX_AT])
        parallax = {f"{at:g}": round(error, 3) for at, error in table.items()}
    return {
        "verdict": f"solved from {len(result.views_used)} views; alignment uncertainty is not estimated",
        "rms_px": {name: round(value, 4) for name, value in result.rms_px.items()},
        "stereo_rms_px": _number(result.stereo_rms_px),
        "epipolar_px": _number(result.epipolar_px),
        "baseline_m": _number(result.baseline_m),
        "parallax_px": parallax,
        "views_used": list(result.views_used),
        "views_rejected": result.views_rejected,
        "views_reordered": list(result.views_reordered),
    }


def _number(value: float | None) -> float | None:
    """Six decimals; None for what does not exist (no epipolar lines where the cameras share a centre)."""
    return None if value is None or math.isnan(value) else round(value, 6)


def _two(
    folders: tuple[str, str],
    board: Any,
    names: str,
    spectra: str | None,
    models: str,
    surface: Any,
    refine: bool,
    quiet: bool,
) -> Calibration:
    from dataclasses import replace

    from rigsight.calibration.calibrate import calibrate_pair
    from rigsight.calibration.pictures import find_pictures, pair_pictures
    from rigsight.calibration.rig import Plane

    pairs, alone = pair_pictures(*(find_pictures(folder) for folder in folders))
    pictures = [[first for _, first, _ in pairs], [second for _, _, second in pairs]]
    with _progress(quiet) as progress:
        result = calibrate_pair(
            pictures[0],
            pictures[1],
            board,
            names=_pair_of("--names", names, None),
            spectra=_pair_of("--spectra", spectra or "rgb,thermal", SPECTRA),  # type: ignore[arg-type]
            models=_pair_of("--models", models, MODELS),  # type: ignore[arg-type]
            surface=surface if surface == "homography" else Plane(distance_m=surface),
            view_names=[pair[0] for pair in pairs],
            refine_intrinsics=refine,
            provenance=_provenance([path for side in pictures for path in side]),
            progress=progress,
        )
    return replace(result, views_rejected=result.views_rejected | alone)


def _one(
    folder: str, board: Any, names: list[str], spectra: str | None, models: str, quiet: bool
) -> Calibration:
    from rigsight.calibration.calibrate import calibrate_single
    from rigsight.calibration.pictures import find_pictures

    paths = find_pictures(folder)
    spectrum = _pair_of("--spectra", (spectra or "rgb").split(",")[0], SPECTRA)[0]
    model = _pair_of("--models", models.split(",")[0], MODELS)[0]
    with _progress(quiet) as progress:
        return calibrate_single(
            paths,
            board,
            name=names[0],
            spectrum=spectrum,  # type: ignore[arg-type]
            model=model,  # type: ignore[arg-type]
            view_names=[path.stem for path in paths],
            provenance=_provenance(paths),
            progress=progress,
        )


def _pair_of(option: str, text: str, allowed: tuple[str, ...] | None) -> tuple[str, str]:
    """Two comma-separated words; one word stands for both, except for names."""
    words = [word.strip() for word in text.split(",")]
    if len(words) == 1 and allowed is not None:
        words *= 2
    if len(words) != 2 or not all(words) or (allowed is None and words[0] == words[1]):
        raise BAD_USAGE(f"{option} needs two different words, as in rgb,thermal", where="rigsight calibrate")
    for word in words:
        if allowed is not None and word not in allowed:
            raise BAD_USAGE(
                f"{option} does not know '{word}'; it takes {', '.join(allowed)}", where="rigsight calibrate"
            )
    return words[0], words[1]


def _provenance(paths: list[Path]) -> Any:
    from rigsight import __version__
    from rigsight.calibration.pictures import sha256_of
    from rigsight.calibration.rig import Provenance

    return Provenance(tool_version=__version__, command="rigsight calibrate", images_sha256=sha256_of(paths))


class _progress:
    """A progress bar on standard error, none when quiet or not on a terminal."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self.bar = Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
        self.task = self.bar.add_task("finding the board", total=None)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda done, total: self.bar.update(self.task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def _show(result: Calibration, summary: dict[str, Any], out: Path | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{summary['verdict']}[/bold]")
    for name, value in result.rms_px.items():
        camera = result.rig.cameras[name]
        console.print(f"  {name:<10} reprojection error {value:.3f} px, focal length {camera.K[0][0]:.2f} px")
    if result.stereo_rms_px is not None and result.baseline_m is not None:
        console.print(
            f"  together   reprojection error {result.stereo_rms_px:.3f} px, epipolar error "
            f"{result.epipolar_px:.3f} px, baseline {1000 * result.baseline_m:.1f} mm"
        )
    for view, reason in result.views_rejected.items():
        console.print(f"  not used   {view}: {reason}")
    if summary["parallax_px"]:
        row = ", ".join(f"{at} m {error:.1f} px" for at, error in summary["parallax_px"].items())
        console.print(f"  what the one surface leaves at other distances: {row}")
    if out is not None:
        console.print(f"written to {out}")
