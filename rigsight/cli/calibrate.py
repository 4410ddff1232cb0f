"""``rigsight calibrate``: board pictures of two cameras (or one) -> rig.yaml."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.boards import Board
    from rigsight.calibration.result import Calibration

    Pictures = dict[str, dict[str, Path]]

app = typer.Typer(add_completion=False, rich_markup_mode=None)

JUDGED_AT = (0.5, 1.0, 2.0)  # times the reference distance, unless --distances says
SPECTRA = ("rgb", "thermal", "nir")
MODELS = ("pinhole-radtan", "fisheye")


@app.command(
    epilog="Examples: rigsight calibrate rgb/ thermal/ --board board.yaml --out rig.yaml --distance 12; "
    "rigsight calibrate 'boards/left*.jpg' 'boards/right*.jpg' --board board.yaml --out rig.yaml "
    "--names left,right --spectra rgb,rgb; "
    "rigsight calibrate --live sim:street --board board.yaml --out rig.yaml"
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
    distances: Annotated[
        str | None,
        typer.Option(help="Where the rig will be used, metres, as in 5,10,50; around --distance without."),
    ] = None,
    tolerance_px: Annotated[
        float, typer.Option(help="Largest bearable alignment error, pixels of the reference camera.")
    ] = 1.0,
    homography: Annotated[
        bool, typer.Option("--homography", help="Align by a RANSAC homography of the matched points.")
    ] = False,
    fix_intrinsics: Annotated[
        bool, typer.Option("--fix-intrinsics", help="Do not refine the intrinsics jointly with the pose.")
    ] = False,
    bend: Annotated[bool, typer.Option("--bend", help="Estimate how the board deviates from flat.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write a report to look at (one HTML file) here.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the rig although the verdict is 'not usable'.")
    ] = False,
    live: Annotated[
        str | None,
        typer.Option(help="Guided capture from a source with both cameras, as in sim:street, on a web page."),
    ] = None,
    target_px: Annotated[
        float, typer.Option(help="--live ends when the alignment error stays below this (95 %), pixels.")
    ] = 0.3,
    keep: Annotated[
        Path | None, typer.Option(help="--live: folder for the views; an earlier capture's are taken up.")
    ] = None,
    host: Annotated[str, typer.Option(help="--live: address of the page.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="--live: port of the page, 0 for any free one.")] = 8420,
    no_web: Annotated[bool, typer.Option("--no-web", help="--live: in the terminal alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Calibrate two cameras, or one, from pictures of a board.

    Both cameras must see the board in at least 6 pairs, better 15, near and far, tilted in all directions.
    The verdict rests on the predicted alignment error at your distances, with its 95 % band: a small
    reprojection error alone proves nothing. A rig that is not usable is not written (exit code 2).
    """
    from rigsight.calibration import codes
    from rigsight.calibration.boards import Board
    from rigsight.cli.calibrate_summary import show, summarise

    if not (0 < distance < math.inf and 0 < tolerance_px < math.inf):
        raise BAD_USAGE("--distance and --tolerance-px must be positive", where="rigsight calibrate")
    judged = _distances(distances, distance)
    chosen = Board.load(board)
    job = _Job(chosen, names, spectra, models, bend, as_json)
    if live is not None:
        if a_dir or single is not None or names != "rgb,thermal" or not 0 < target_px < math.inf:
            raise BAD_USAGE(
                "--live takes no folders or names, and a positive --target-px", where="rigsight calibrate"
            )
        from rigsight.cli.calibrate_live import LiveOptions, capture

        options = LiveOptions(
            distance_m=distance,
            distances_m=tuple(judged if distances else [distance]),
            judged_m=tuple(judged),
            target_px=target_px,
            tolerance_px=tolerance_px,
            models=_pair_of("--models", models, MODELS),
            bend=bend,
            keep=keep,
            host=host,
            port=None if no_web else port,
            shown=not as_json,
        )
        result, pictures = capture(live, chosen, options)
    elif single is not None:
        if a_dir or b_dir:
            raise BAD_USAGE("--single takes no other folders", where="rigsight calibrate")
        result, pictures = job.one(single)
    elif a_dir is None or b_dir is None:
        raise BAD_USAGE("two folders are needed, or --single with one", where="rigsight calibrate")
    else:
        surface: Any = "homography" if homography else distance
        result, pictures = job.two((a_dir, b_dir), surface, not fix_intrinsics, judged, tolerance_px)
    taken = [picture for seen in pictures.values() for picture in seen.values()]
    inputs = [board, *(picture for picture in taken if isinstance(picture, Path))]
    _keep_inputs(out, "--out", inputs)
    _keep_inputs(report, "--report", inputs)
    usable = result.verdict is None or result.verdict.grade != "not usable"
    written = []
    if out is not None and (usable or force):
        result.rig.save(out)
        written.append(out)
    if report is not None:
        from rigsight.calibration.report.report import write_report

        write_report(report, result, chosen, pictures, judged, tolerance_px)
        written.append(report)
    summary = summarise(result, judged)
    print(json.dumps(summary, indent=2)) if as_json else show(result, summary, written)
    if not usable and not force and result.verdict is not None:
        raise codes.NOT_USABLE("; ".join(result.verdict.reasons), where=out)
    return 0


def _distances(text: str | None, reference_m: float) -> list[float]:
    """--distances as numbers; around the reference distance without it."""
    if text is None:
        return [round(reference_m * factor, 6) for factor in JUDGED_AT]
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not all(0 < value < 1e5 for value in found):
        raise BAD_USAGE(f"--distances takes metres such as 5,10,50, not '{text}'", where="rigsight calibrate")
    return found


@dataclass(frozen=True)
class _Job:
    """The options that one and two cameras share."""

    board: Board
    names: str
    spectra: str | None
    models: str
    bend: bool
    quiet: bool

    def two(
        self,
        folders: tuple[str, str],
        surface: Any,
        refine: bool,
        distances_m: list[float],
        tolerance_px: float,
    ) -> tuple[Calibration, Pictures]:
        """The calibration, and view -> camera -> picture."""
        from rigsight.calibration.calibrate import calibrate_pair
        from rigsight.calibration.pictures import find_pictures, pair_pictures
        from rigsight.calibration.rig import Plane

        pairs, alone = pair_pictures(*(find_pictures(folder) for folder in folders))
        names = _pair_of("--names", self.names, None)
        sides = [[first for _, first, _ in pairs], [second for _, _, second in pairs]]
        with _progress(self.quiet) as progress:
            result = calibrate_pair(
                sides[0],
                sides[1],
                self.board,
                names=names,
                spectra=_pair_of("--spectra", self.spectra or "rgb,thermal", SPECTRA),  # type: ignore[arg-type]
                models=_pair_of("--models", self.models, MODELS),  # type: ignore[arg-type]
                surface=surface if surface == "homography" else Plane(distance_m=surface),
                view_names=[pair[0] for pair in pairs],
                refine_intrinsics=refine,
                bend=self.bend,
                distances_m=distances_m,
                tolerance_px=tolerance_px,
                provenance=_provenance([path for side in sides for path in side]),
                progress=progress,
            )
        pictures = {view: {names[0]: first, names[1]: second} for view, first, second in pairs}
        return replace(result, views_rejected=result.views_rejected | alone), pictures

    def one(self, folder: str) -> tuple[Calibration, Pictures]:
        """The calibration, and view -> camera -> picture."""
        from rigsight.calibration.calibrate import calibrate_single
        from rigsight.calibration.pictures import find_pictures

        paths = find_pictures(folder)
        name = self.names.split(",")[0]
        _check_name(name)
        alike = len({path.stem for path in paths}) < len(paths)
        views = {path.name if alike else path.stem: {name: path} for path in paths}
        spectrum = _pair_of("--spectra", (self.spectra or "rgb").split(",")[0], SPECTRA)[0]
        model = _pair_of("--models", self.models.split(",")[0], MODELS)[0]
        with _progress(self.quiet) as progress:
            result = calibrate_single(
                paths,
                self.board,
                name=name,
                spectrum=spectrum,  # type: ignore[arg-type]
                model=model,  # type: ignore[arg-type]
                view_names=list(views),
                bend=self.bend,
                provenance=_provenance(paths),
                progress=progress,
            )
        return result, views


def _pair_of(option: str, text: str, allowed: tuple[str, ...] | None) -> tuple[str, str]:
    """Two comma-separated words; one word stands for both, except for names."""
    words = [word.strip() for word in text.split(",")]
    if len(words) == 1 and allowed is not None:
        words *= 2
    if len(words) != 2 or not all(words) or (allowed is None and words[0] == words[1]):
        raise BAD_USAGE(f"{option} needs two different words, as in rgb,thermal", where="rigsight calibrate")
    for word in words:
        if allowed is None:
            _check_name(word)
        elif word not in allowed:
            raise BAD_USAGE(
                f"{option} does not know '{word}'; it takes {', '.join(allowed)}", where="rigsight calibrate"
            )
    return words[0], words[1]


def _check_name(name: str) -> None:
    """Names become keys of rig.yaml and parts of file names."""
    from rigsight.calibration.rig import CAMERA_NAME

    if not re.fullmatch(CAMERA_NAME, name):
        problem = f"--names takes letters, digits and _.- only, not '{name}'"
        raise BAD_USAGE(problem, where="rigsight calibrate")


def _keep_inputs(target: Path | None, option: str, inputs: Iterable[Path]) -> None:
    """An output must not take the place of what the calibration rests on."""
    if target is not None and target.resolve() in {path.resolve() for path in inputs}:
        raise BAD_USAGE(f"{option} would overwrite the input {target}", where="rigsight calibrate")


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
