"""``rigsight time-offset``: clips of a waved board -> how far the cameras' clocks are apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.clip_motion import Clip
    from rigsight.calibration.rig import Rig

app = typer.Typer(add_completion=False, rich_markup_mode=None)

PLACE = "rigsight time-offset"


@app.command(
    epilog="Examples: rigsight time-offset rgb.mkv thermal.mkv --board board.yaml --rig rig.yaml "
    "--out new.yaml; "
    "rigsight time-offset rgb/ thermal/ --rate 30,9"
)
def time_offset(
    a: Annotated[
        Path,
        typer.Argument(metavar="A", help="The reference camera's clip: a video, or a folder with stamps."),
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other camera's clip of the same time.")],
    board: Annotated[
        Path | None,
        typer.Option(help="board.yaml; without it the change of the pictures is compared, less exactly."),
    ] = None,
    rig: Annotated[
        Path | None, typer.Option(help="rig.yaml that names the cameras and their lenses.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the rig with the offset here (may be --rig itself).")
    ] = None,
    names: Annotated[
        str, typer.Option(help="The cameras of A and B in the rig; decides how files are read too.")
    ] = "rgb,thermal",
    rate: Annotated[
        str | None, typer.Option(help="Pictures a second (one, or one each), in place of recorded stamps.")
    ] = None,
    max_offset: Annotated[float, typer.Option(help="Largest offset looked for, seconds.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Measure the fixed time offset of two cameras from clips of a waved board.

    Wave the board for about 20 s where both cameras see it: fast, in changing directions, without rhythm.
    Positive: the same instant bears a later stamp in B than in A.
    """
    from rigsight.calibration.boards import Board
    from rigsight.calibration.clip_motion import motions
    from rigsight.calibration.rig import Rig
    from rigsight.calibration.time_offset import estimate_offset

    if not 0 < max_offset <= 10:
        raise BAD_USAGE("--max-offset must lie between 0 and 10 s", where=PLACE)
    if out is not None and rig is None:
        raise BAD_USAGE("--out needs --rig: the offset is written into it", where=PLACE)
    cameras = tuple(name.strip() for name in names.split(","))
    if len(cameras) != 2 or not all(cameras) or cameras[0] == cameras[1]:
        raise BAD_USAGE("--names needs two different cameras, as in rgb,thermal", where=PLACE)
    loaded = None if rig is None else Rig.load(rig)
    _check_cameras(loaded, rig, cameras, out)
    rates = _rates(rate)
    chosen = None if board is None else Board.load(board)

    with _Progress(as_json) as progress:
        clips = [
            _boil_down(path, name, loaded, chosen, hz, progress)
            for path, name, hz in zip((a, b), cameras, rates, strict=True)
        ]
    signals = motions(*clips)
    found = estimate_offset(*signals, max_offset_s=max_offset, names=(str(a), str(b)))
    facts: dict[str, Any] = {
        "offset_s": round(found.offset_s, 7),
        "sigma_s": round(found.sigma_s, 7),
        "camera": cameras[1],
        "reference": cameras[0],
        "signal": "board" if signals[0].tracked else "change of the pictures",
        "explained": round(found.explained, 4),
        "rival_explained": round(found.rival, 4),
        "samples": found.samples,
        "board_found": {name: round(clip.found, 3) for name, clip in zip(cameras, clips, strict=True)},
        "out": None if out is None else str(out),
    }
    if out is not None and loaded is not None:
        offsets = loaded.time_offset_s | {cameras[1]: facts["offset_s"]}
        loaded.model_copy(update={"time_offset_s": offsets}).save(out)
    print(json.dumps(facts, indent=2)) if as_json else _show(facts)
    return 0


def _check_cameras(rig: Rig | None, path: Path | None, cameras: tuple[str, ...], out: Path | None) -> None:
    if rig is None:
        return
    for name in cameras:
        if name not in rig.cameras:
            raise BAD_USAGE(
                f"the rig has no camera '{name}', only {', '.join(rig.cameras)}",
                where=str(path),
                fix="Name the cameras of A and B with --names.",
            )
    if out is not None and cameras[0] != rig.reference:
        raise BAD_USAGE(
            f"A must be the rig's reference camera, '{rig.reference}', for its offset to be written",
            where=str(path),
        )


def _rates(text: str | None) -> tuple[float | None, float | None]:
    if text is None:
        return None, None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 2) or not all(0 < value < 1e4 for value in values):
        raise BAD_USAGE("--rate takes one or two rates in hertz, as in 30,9", where=PLACE)
    return values[0], values[-1]


def _boil_down(path: Path, name: str, rig: Rig | None, board: Any, rate: float | None, progress: Any) -> Clip:
    from rigsight.calibration import codes
    from rigsight.calibration.clip_motion import read_clip
    from rigsight.edge.clips import open_clip

    camera = None if rig is None else rig.cameras[name]
    spectrum = camera.spectrum if camera is not None else ("thermal" if name == "thermal" else "rgb")
    role = "thermal" if spectrum == "thermal" else "rgb"
    clip = read_clip(open_clip(path, role, rate), board, camera, progress)
    if len(clip.stamps_ns) < 2:
        raise codes.CLIP_UNUSABLE("it holds fewer than two pictures", where=path)
    return clip


def _show(facts: dict[str, Any]) -> None:
    print(
        f"{facts['camera']} is {1e3 * facts['offset_s']:+.2f} ms from {facts['reference']} "
        f"(standard error {1e3 * facts['sigma_s']:.2f} ms): "
        f"t_{facts['camera']} = t_{facts['reference']} + offset"
    )
    print(
        f"from the {facts['signal']}, {facts['samples']} samples, {facts['explained']:.0%} of the motion "
        f"explained, {max(facts['rival_explained'], 0):.0%} by the next best offset"
    )
    if facts["out"]:
        print(f"written to {facts['out']}")


class _Progress:
    """Pictures read, on standard error; silent when quiet or not on a terminal."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress, TextColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.completed} pictures"), console=console, transient=True,
            disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda done: self._bar.update(self._task, completed=done)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
