"""Everything a demo leaves in its folder, which appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rigsight.base.files import cannot_write, make_folder, write_bytes, write_text
from rigsight.edge import codes
from rigsight.edge.demo.pictures import contact_sheet
from rigsight.edge.demo.report import render
from rigsight.edge.demo.run import DemoRun
from rigsight.edge.sinks.masks import MasksSink
from rigsight.edge.sinks.video import VideoSink

VIDEO = "overlay.webm"  # VP8: browsers and VLC play it, and the wheels of OpenCV can write it
OURS = frozenset({"rig.yaml", "masks", VIDEO, "report.html", "summary.json", "preview.png"})


def check_folder(folder: Path) -> None:
    """Refuse early what could not be written, or would replace somebody's files.

    Raises:
        RigsightError: IO-001 for a folder that cannot be written, DEM-001 for one that holds other files.
    """
    make_folder(folder.parent)
    if not folder.exists():
        return
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise cannot_write(error, folder) from error
    foreign = [name for name in names if name not in OURS]
    if foreign:
        raise codes.DEMO_FOLDER(f"the folder holds '{foreign[0]}'", where=folder)


def write_outputs(folder: Path, run: DemoRun, progress: Callable[[str, int, int], None]) -> None:
    """Write rig.yaml, masks, video, report, summary and preview into an existing folder. Raises IO-001."""
    result = replace(run.result, files={"video": VIDEO})
    run.rig.save(folder / "rig.yaml")
    masks, video = MasksSink(folder / "masks"), VideoSink(folder / VIDEO, result.classes)
    try:
        for number, prediction in enumerate(run.predictions):
            masks.write(prediction)
            video.write(prediction)
            progress("write masks and video", number + 1, len(run.predictions))
    finally:
        video.close()
    if result.samples:
        write_bytes(
            folder / "preview.png", contact_sheet(result.samples, result.classes, result.scene_classes)
        )
    write_text(folder / "report.html", render(result))
    write_text(folder / "summary.json", json.dumps(result.summary(), indent=2) + "\n")
