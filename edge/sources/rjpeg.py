"""``rjpeg:DIR`` or ``rjpeg:FILE``: radiometric JPEGs of FLIR cameras, thermal counts and visible picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np

from rigsight.edge import codes
from rigsight.edge.devices.instruments import Readings
from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.track import Lookup
from rigsight.edge.devices.utc import Utc
from rigsight.edge.frames import Frame, Image
from rigsight.edge.radiometry.factory_rig import factory_rig, thermal_of_visible
from rigsight.edge.radiometry.photo import RadiometricPhoto, read_photo
from rigsight.edge.radiometry.planck import ZERO_CELSIUS_K
from rigsight.edge.sources.base import ROLES
from rigsight.edge.sources.files import DEFAULT_FPS, NS_PER_S, FileSource, is_live
from rigsight.edge.sources.uri import Uri

SUFFIXES = (".jpg", ".jpeg")
CAMERAS = ("auto", "thermal", "rgb")


def _celsius(value: float) -> float:
    return value + ZERO_CELSIUS_K


@dataclass(frozen=True, slots=True)
class _Setting:
    """An option in place of what the camera was set to: field, range, and how it becomes its unit."""

    field: str
    low: float
    high: float
    unit: Callable[[float], float] = float


SCENE = {
    "emissivity": _Setting("emissivity", 0.01, 1.0),
    "distance": _Setting("distance_m", 0.0, 10_000.0),
    "reflected": _Setting("reflected_k", -100.0, 1000.0, _celsius),
    "air": _Setting("air_k", -100.0, 100.0, _celsius),
    "humidity": _Setting("humidity", 0.0, 100.0, lambda percent: percent / 100),
}


class RadiometricSource(FileSource):
    """One instant a file: ``thermal`` as uint16 counts with their meaning in kelvin, and ``rgb``.

    ``rig`` is the factory alignment of the first file, ``why`` says how it was had or why there is none. A
    camera whose alignment changes from file to file (with its focus) has the visible pictures of the others
    moved to where the first file's lies. What does not fit stops the run: no file is left out.
    """

    def __init__(
        self,
        path: str | Path,
        camera: str = "auto",
        fps: float = DEFAULT_FPS,
        live: bool = False,
        match: str = "*",
        scene: Mapping[str, float] | None = None,
    ) -> None:
        """``camera`` is ``thermal``, ``rgb`` or ``auto``: both where the first file holds both. ``scene``
        overrides what the cameras were set to (fields of ``Conditions``: kelvin, metres, shares).

        Raises:
            RigsightError: SRC-002 for a missing path or a folder without such pictures, SRC-003, SRC-007 and
                SRC-008 for the first file.
        """
        self._files = find_files(path, match)
        self._scene = dict(scene or {})
        self._first = read_photo(self._files[0], self._scene)
        if camera == "auto":
            cameras = ROLES if self._first.visible_size is not None else ("thermal",)
        else:
            cameras = (camera,)
        super().__init__(cameras, live)
        self._check(self._first)
        self.rig, self.why = factory_rig(self._first) if len(cameras) == 2 else (None, "one camera")
        self.count = len(self._files)
        self._period_ns = NS_PER_S / fps
        self._readings: dict[int, Readings] = {}

    @classmethod
    def from_uri(cls, uri: Uri, role: str | None) -> RadiometricSource:
        """Options: ``camera`` (auto, thermal, rgb), ``match`` (*), ``fps`` (stamps; 10), ``pace``.

        In place of what the camera was set to: ``emissivity``, ``distance`` (m), ``reflected`` and ``air``
        (degrees Celsius), ``humidity`` (percent). Raises SRC-001.
        """
        uri.check(("camera", "match", "fps", "pace", *SCENE))
        scene = {
            setting.field: setting.unit(uri.number(name, 0.0, setting.low, setting.high))
            for name, setting in SCENE.items()
            if name in uri.options
        }
        camera = uri.choice("camera", CAMERAS, role or "auto")
        if role is not None and camera != role:
            raise uri.bad("camera", f"'{role}', which it is given for")
        fps = uri.number("fps", DEFAULT_FPS, low=0.01)
        return cls(uri.path, camera, fps, is_live(uri), uri.options.get("match", "*"), scene)

    def frames(self) -> Iterator[Frame]:
        """Yield what every file holds, RGB first. Raises SRC-003, SRC-007, SRC-008."""
        for sequence, path in enumerate(self._files):
            photo = self._first if sequence == 0 else self._check(read_photo(path, self._scene))
            self._readings[sequence] = readings_of(photo)
            for camera in self.cameras:
                frame = self._frame(camera, photo, sequence)
                if frame is not None:
                    yield frame

    def name(self, sequence: int) -> str | None:
        """The file's stem."""
        return self._files[sequence].stem if sequence < len(self._files) else None

    def readings(self, sequence: int) -> Readings | None:
        """Position and attitudes that the file holds, of frames that were yielded."""
        return self._readings.get(sequence)

    def _frame(self, camera: str, photo: RadiometricPhoto, sequence: int) -> Frame | None:
        pixels: Image = photo.counts if camera == "thermal" else self._visible(photo)
        frame = self.maker.make(camera, pixels, round(sequence * self._period_ns), sequence)
        if frame is None:
            return None
        scale = photo.to_kelvin if camera == "thermal" else None
        return replace(frame, epoch_ns=photo.taken_ns, counts_to_kelvin=scale)

    def _visible(self, photo: RadiometricPhoto) -> Image:
        picture, size, first = photo.visible(), photo.visible_size, self._first
        assert picture is not None  # checked with the file
        assert size is not None
        if self.rig is None or photo.alignment == first.alignment:
            return picture
        assert photo.alignment is not None
        assert first.alignment is not None
        thermal = (photo.counts.shape[1], photo.counts.shape[0])
        own = thermal_of_visible(photo.alignment, size, thermal)
        back = np.linalg.inv(own) @ thermal_of_visible(first.alignment, size, thermal)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(picture, back[:2], size, flags=flags)

    def _check(self, photo: RadiometricPhoto) -> RadiometricPhoto:
        """Raises SRC-008 where it does not go with the first file."""
        first = self._first
        if "rgb" in self.cameras and photo.visible_size is None:
            raise codes.PHOTO_UNLIKE("it holds no visible picture", where=photo.path)
        if photo.counts.shape != first.counts.shape or (
            "rgb" in self.cameras and photo.visible_size != first.visible_size
        ):
            raise codes.PHOTO_UNLIKE("its pictures are not of the first one's size", where=photo.path)
        if len(self.cameras) == 2 and (photo.alignment is None) != (first.alignment is None):
            raise codes.PHOTO_UNLIKE(
                "only one of it and the first one tells how its pictures lie", where=photo.path
            )
        return photo


def find_files(path: str | Path, match: str = "*") -> list[Path]:
    """The file itself, or a folder's JPEGs by name whose names fit ``match``; hidden files are left out.

    Raises:
        RigsightError: SRC-002.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise codes.SOURCE_MISSING("there is no such folder or picture", where=path)
    found = sorted(
        entry
        for entry in path.iterdir()
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and fnmatch(entry.name, match)
    )
    if not found:
        what = "no JPEG" if match == "*" else f"no JPEG called {match}"
        raise codes.SOURCE_MISSING(f"the folder holds {what}", where=path)
    return found


def readings_of(photo: RadiometricPhoto) -> Readings:
    """Place and attitudes of the instant of the picture."""
    place: Lookup[Position] = Lookup(None, "unknown", None, "the file holds none")
    if photo.position is not None:
        place = Lookup(photo.position, "held", 0.0)
    return Readings(
        position=place,
        utc=None if photo.taken_ns is None else Utc(photo.taken_ns, None, "file"),
        attitude=None if photo.flight is None else Lookup(photo.flight, "held", 0.0),
        gimbal=None if photo.gimbal is None else Lookup(photo.gimbal, "held", 0.0),
    )
