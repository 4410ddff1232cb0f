"""``rigsight check-rig``: have the cameras moved since the calibration?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.calibration.drift.estimate import Drift
    from rigsight.calibration.drift.session import Session
    from rigsight.calibration.rig import Rig

HELP = """Have the cameras moved since the calibration? No board is needed, and rig.yaml is never changed.

Edges that both cameras see are compared over at least 50 pairs. Take a baseline right after calibrating:
with it, drift along the line that joins the cameras can be told from depth as well.

Exit code 0: fine; 3: drifted (CAL-044); 4: the pictures do not tell (CAL-045).

Examples:

  rigsight check-rig rig.yaml --source pairs:rgb,thermal --baseline

  rigsight check-rig rig.yaml --rgb video:rgb.mkv --thermal video:thermal.mkv --json
"""
PLACE = "rigsight check-rig"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help=HELP)
def check_rig(
    rig: Annotated[Path, typer.Argument(metavar="RIG", help="rig.yaml of the two cameras.")],
    source: Annotated[str | None, typer.Option(help="URI of one source of both cameras.")] = None,
    rgb: Annotated[str | None, typer.Option(help="URI of the RGB camera, or a folder.")] = None,
    thermal: Annotated[str | None, typer.Option(help="URI of the thermal camera, or a folder.")] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Keep this session as the reference of the calibration.")
    ] = False,
    baseline_file: Annotated[
        Path | None, typer.Option(help="Where the baseline is; beside the rig as <name>.drift.yaml without.")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Drift that is still fine, pixels of the output.")] = 0.75,
    pairs: Annotated[int, typer.Option(min=50, help="Pairs to look at.")] = 200,
    every: Annotated[int, typer.Option(min=1, help="Use every n-th pair only.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Look for drift."""
    from rigsight.calibration import codes
    from rigsight.calibration.drift.baseline import DriftBaseline, geometry_sha256
    from rigsight.calibration.drift.estimate import MIN_PAIRS, estimate, take_baseline
    from rigsight.calibration.rig import Rig

    if tolerance <= 0:
        raise BAD_USAGE("--tolerance must be positive", where=PLACE)
    if (source is None) == (rgb is None and thermal is None) or (rgb is None) != (thermal is None):
        raise BAD_USAGE("give --source, or --rgb and --thermal", where=PLACE)
    loaded = Rig.load(rig)
    other = other_camera(loaded, rig)
    place = baseline_file or rig.with_name(f"{rig.stem}.drift.yaml")
    session = new_session(loaded)
    reference = None
    if not baseline and (baseline_file is not None or place.exists()):
        reference = DriftBaseline.load(
            place, geometry_sha256(loaded), session.size, len(session.tiles.boxes)
        )  # fmt: skip
    with _Progress(as_json, pairs) as progress:
        collect(session, loaded, other, open_cameras(source, rgb, thermal), pairs, every, progress)
    if baseline:
        taken = take_baseline(session, loaded, other, geometry_sha256(loaded))
        if taken is None:
            what = f"{len(session)} pairs (at least {MIN_PAIRS} are needed) with too few common edges"
            raise codes.DRIFT_UNKNOWN(f"no baseline was written: {what}")
        taken.save(place)
        facts: dict[str, Any] = {"baseline": str(place), "pairs": len(session)}
        print(
            json.dumps(facts, indent=2) if as_json else f"{place} holds the baseline of {taken.pairs} pairs"
        )
        return 0
    found = estimate(session, loaded, other, reference, tolerance)
    if as_json:
        print(json.dumps(as_facts(found, tolerance), indent=2))
    else:
        _show(found)
    if found.verdict == "drifted":
        raise codes.RIG_DRIFTED(found.reason, where=rig)
    if found.verdict == "cannot tell":
        raise codes.DRIFT_UNKNOWN(found.reason)
    return 0


def other_camera(rig: Rig, path: Path) -> str:
    """The camera that is aligned to the reference. Raises CAL-043 without an RGB and a thermal camera."""
    from rigsight.calibration import codes

    names = {spectrum: rig.camera_of(spectrum) for spectrum in ("rgb", "thermal")}
    missing = [spectrum for spectrum, name in names.items() if name is None]
    if missing:
        raise codes.RIG_NOT_CHECKABLE(f"it has no {missing[0]} camera", where=path)
    others = [name for name in names.values() if name is not None and name != rig.reference]
    if len(others) != 1:
        raise codes.RIG_NOT_CHECKABLE("its reference is neither its RGB nor its thermal camera", where=path)
    return others[0]


def new_session(rig: Rig) -> Session:
    """An empty session on the rig's output grid."""
    from rigsight.calibration.drift.session import Session

    return Session(rig.output.width, rig.output.height)


def open_cameras(source: str | None, rgb: str | None, thermal: str | None) -> Any:
    """The source, or both cameras' sources as one. A plain folder stands for ``images:folder``."""
    from rigsight.edge.sources.base import open_source
    from rigsight.edge.sources.merged import MergedSource

    if source is not None:
        return open_source(source)
    uris = [f"images:{uri}" if Path(uri).is_dir() else uri for uri in (rgb or "", thermal or "")]
    return MergedSource(open_source(uris[0], "rgb"), open_source(uris[1], "thermal"))


def collect(
    session: Session, rig: Rig, other: str, source: Any, pairs: int, every: int, progress: Any
) -> None:
    """Align pairs of the source and add them to the session, until there are enough or it ends."""
    from rigsight.calibration.align import Aligner
    from rigsight.edge.pairing import Pairer, frame_sets

    roles = {"rgb": rig.camera_of("rgb"), "thermal": rig.camera_of("thermal")}
    aligners = {role: Aligner(rig, name) for role, name in roles.items() if name is not None}
    valid = aligners["rgb"].valid & aligners["thermal"].valid
    offsets = {role: rig.time_offset_s.get(name or "", 0.0) for role, name in roles.items()}
    sets = frame_sets(source, Pairer(source, time_offset_s=offsets))
    try:
        complete = 0
        for each in sets:
            try:
                if len(each.frames) == 2:
                    complete += 1
                    if complete % every == 0:
                        pictures = [aligners[role](each.frames[role].data) for role in ("rgb", "thermal")]
                        session.add(pictures[0], pictures[1], valid)
                        progress(len(session))
            finally:
                each.release()
            if len(session) >= pairs:
                break
    finally:
        source.close()


def as_facts(found: Drift, tolerance: float) -> dict[str, Any]:
    """What ``--json`` prints; pixels are those of the rig's output grid."""
    facts = {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in dataclasses.asdict(found).items()
    }
    if found.rotation_deg is not None:
        facts["rotation_deg"] = [round(value, 4) for value in found.rotation_deg]
    return facts | {"tolerance_px": tolerance}


def _show(found: Drift) -> None:
    print(f"{found.verdict}: {found.reason}")
    print(f"  from {found.pairs} pairs, {found.tiles} parts of the picture")
    if found.across_px is not None:
        print(f"  across the baseline {found.across_px:+.2f} px (standard error {found.across_sigma_px:.2f})")
        if found.baseline:
            print(
                f"  along it            {found.along_px:+.2f} px (standard error "
                f"{found.along_sigma_px:.2f}), if the scene is as far away as when the baseline was taken"
            )
        else:
            print(
                f"  along it            {found.apparent_along_px:+.2f} px, of which depth may be the cause; "
                "a baseline (--baseline) would tell more"
            )
        print(f"  about the axis      {found.roll_px:+.2f} px at the corner")


class _Progress:
    """Pairs compared, on standard error; silent when quiet or not on a terminal."""

    def __init__(self, quiet: bool, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
        self._task = self._bar.add_task("pairs", total=total)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda done: self._bar.update(self._task, completed=done)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
