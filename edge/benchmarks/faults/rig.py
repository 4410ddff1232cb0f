"""Two test cards, a range finder and a bundle, running as ``rigsight run`` runs them."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from types import TracebackType

from rigsight.edge.benchmarks.faults.serial import PtyRangeFinder
from rigsight.edge.benchmarks.faults.watcher import Watcher
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.capture.camera import Camera
from rigsight.edge.devices.instruments import Instruments
from rigsight.edge.pairing import Pairer
from rigsight.edge.pipeline.build import build_chain
from rigsight.edge.pipeline.summary import RunSummary
from rigsight.edge.pipeline.threaded import ThreadedPipeline
from rigsight.edge.profile import Pairing, Queues
from rigsight.edge.sources.cameras import CameraSource

SIZE = "320x240"


class CardRig:
    """Use it as a context manager; ``summary`` is there at the end."""

    def __init__(self, bundle: Bundle, fps: float, threads: int | None = None) -> None:
        self.fps, self._bundle, self._threads = fps, bundle, threads
        self.watcher = Watcher()
        self.summary: RunSummary | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> CardRig:
        self._folder = tempfile.TemporaryDirectory(prefix="rigsight-faults-")
        self.serial = PtyRangeFinder()
        uris = {role: f"card:{SIZE}?fps={self.fps:g}&gone={self.plug(role)}" for role in ("rgb", "thermal")}
        self.source = CameraSource(uris)
        self.instruments = Instruments({"range finder": f"tfmini:{self.serial.path}"})
        self.instruments.start()
        # Half a period and a little: the two cards are not triggered together.
        pairing = Pairing(max_skew_ms=550 / self.fps, wait_ms=1500 / self.fps)
        self.pipeline = ThreadedPipeline(
            self.source,
            Pairer(self.source, pairing),
            build_chain(self._bundle, threads=self._threads),
            [self.watcher],
            Queues(),
            instruments=self.instruments,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pipeline.stop()
        self._thread.join()
        self.instruments.stop()
        self.serial.close()
        self._folder.cleanup()
        if self._error is not None and error is None:
            raise self._error

    def camera(self, role: str) -> Camera:
        """One of the cameras."""
        return self.source.live_cameras[role]

    def pid(self, role: str) -> int | None:
        """Of its capture process, None between two of them."""
        return self.camera(role).pid

    def plug(self, role: str) -> Path:
        """The file that unplugs a card while it is there."""
        return Path(self._folder.name) / f"{role}-is-out"

    def alive(self) -> bool:
        """Whether the run still goes on."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.summary = self.pipeline.run()
        except BaseException as error:
            self._error = error
