"""Everything a demo leaves in its folder, which appears whole or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rigsight.base.files import cannot_write, make_folder, write_bytes, write_text
from rigsight.edge import codes
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.demo.pictures import contact_sheet
from rigsight.edge.demo.report import render
from rigsight.edge.demo.run import DemoRun
from rigsight.edge.frames import Prediction
from rigsight.edge.sinks.masks import MasksSink
from rigsight.edge.sinks.video import VideoSink

VIDEO = "overlay.webm"  # VP8: browsers and VLC play it, and the wheels of OpenCV can write it
Progress = Callable[[str, int, int], None]
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


class PictureWriter:
    """Writes masks and the video in a thread of its own, while the predictions are being judged."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder, self._progress = folder, progress
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> PictureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the end, not for the rest where the demo has failed. Raises IO-001 or RUN-004."""
        if kind is not None:
            self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def start(self, predictions: Sequence[Prediction], classes: Sequence[ClassEntry]) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, args=(predictions, classes), name="pictures")
        self._thread.start()

    def _run(self, predictions: Sequence[Prediction], classes: Sequence[ClassEntry]) -> None:
        try:
            masks, video = MasksSink(self._folder / "masks"), VideoSink(self._folder / VIDEO, classes)
            try:
                for number, prediction in enumerate(predictions):
                    if self._stop.is_set():
                        break
                    masks.write(prediction)
                    video.write(prediction)
                    self._progress("write masks and video", number + 1, len(predictions))
            finally:
                video.close()
        except BaseException as error:
            self._error = error


def write_report(folder: Path, run: DemoRun) -> None:
    """Write rig.yaml, report, summary and preview into an existing folder. Raises IO-001."""
    result = replace(run.result, files={"video": VIDEO})
    run.rig.save(folder / "rig.yaml")
    if result.samples:
        preview = contact_sheet(result.samples, result.classes, result.scene_classes)
        write_bytes(folder / "preview.png", preview)
    write_text(folder / "report.html", render(result))
    write_text(folder / "summary.json", json.dumps(result.summary(), indent=2) + "\n")
