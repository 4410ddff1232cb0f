"""One radiometric picture: everything that its file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rigsight.edge import codes
from rigsight.edge.devices.navigation import Position
from rigsight.edge.devices.rotation import Angles
from rigsight.edge.frames import UInt8
from rigsight.edge.radiometry.embedded_visible import visible_picture, visible_size
from rigsight.edge.radiometry.exif import exif_of
from rigsight.edge.radiometry.flir_camera import (
    FactoryAlignment,
    FlirCamera,
    alignment_of,
    camera_of,
    palette_name,
)
from rigsight.edge.radiometry.flir_segments import (
    ALIGNMENT,
    CAMERA,
    GPS,
    PALETTE,
    RAW,
    VISIBLE,
    Damaged,
    Record,
    flir_file,
    records,
)
from rigsight.edge.radiometry.jpeg import ends_early
from rigsight.edge.radiometry.planck import PlanckToKelvin, to_kelvin
from rigsight.edge.radiometry.position import flight_attitude_of, gimbal_of, position_of, utc_ns_of, xmp_of
from rigsight.edge.radiometry.raw_thermal import UInt16, thermal_counts
from rigsight.edge.radiometry.vendors import refusal

MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class RadiometricPhoto:
    """What a FLIR file holds.

    ``counts`` uint16 [H,W]; ``visible_size`` (width, height) of the visible picture or None;
    ``alignment`` where the thermal camera looks in it, None where unknown; ``position`` WGS 84;
    ``gimbal`` and ``flight`` (roll, pitch, yaw) in radians; ``taken_ns`` nanoseconds since 1970 or None.
    """

    path: Path
    counts: UInt16
    camera: FlirCamera
    visible_size: tuple[int, int] | None
    alignment: FactoryAlignment | None
    palette: str
    position: Position | None
    gimbal: Angles | None
    flight: Angles | None
    taken_ns: int | None
    visible_record: Record | None = None

    @property
    def to_kelvin(self) -> PlanckToKelvin:
        """What the counts mean in the scene that the camera was set to."""
        return to_kelvin(self.camera.constants, self.camera.scene, self.camera.air)

    def visible(self) -> UInt8 | None:
        """The visible picture, BGR uint8 [H,W,3], None where there is none.

        Raises:
            RigsightError: SRC-003 where it is damaged.
        """
        if self.visible_record is None or self.visible_size is None:
            return None
        try:
            return visible_picture(self.visible_record)
        except Damaged as error:
            raise codes.PICTURE_UNREADABLE(str(error), where=self.path) from error


def read_photo(path: str | Path, scene: Mapping[str, float] | None = None) -> RadiometricPhoto:
    """Read a FLIR radiometric JPEG.

    ``scene`` overrides what the camera was set to: fields of ``planck.Conditions``.

    Raises:
        RigsightError: SRC-002 missing, SRC-003 cut off or damaged, SRC-007 another maker's file, or one
            without temperatures.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise codes.PICTURE_UNREADABLE(f"it has more than {MOST_BYTES >> 20} MiB", where=path)
        data = path.read_bytes()
    except OSError as error:
        raise codes.SOURCE_MISSING(error.strerror or str(error), where=path) from error
    try:
        return parse_photo(data, path, scene)
    except Damaged as error:
        raise codes.PICTURE_UNREADABLE(str(error), where=path) from error


def parse_photo(data: bytes, path: Path, scene: Mapping[str, float] | None = None) -> RadiometricPhoto:
    """The same of a file's bytes. Raises Damaged, and RigsightError SRC-007."""
    fff = flir_file(data)
    if fff is None:
        raise refusal(data, path)
    if ends_early(data):
        raise Damaged("the JPEG ends too early")
    found = records(fff)
    camera, exif, xmp = camera_of(found.get(CAMERA), scene), exif_of(data), xmp_of(data)
    size = visible_size(found.get(VISIBLE))
    return RadiometricPhoto(
        path=path,
        counts=thermal_counts(found.get(RAW)),
        camera=camera,
        visible_size=size,
        alignment=alignment_of(found.get(ALIGNMENT)),
        palette=palette_name(found.get(PALETTE)),
        position=position_of(exif, found.get(GPS), xmp),
        gimbal=gimbal_of(xmp),
        flight=flight_attitude_of(xmp),
        taken_ns=camera.taken_ns if camera.taken_ns is not None else utc_ns_of(exif),
        visible_record=None if size is None else found[VISIBLE],
    )
