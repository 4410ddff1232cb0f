"""What a FLIR file says of camera, scene and alignment (layout: ExifTool's FLIR tables)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from rigsight.edge.radiometry.fields import Fields
from rigsight.edge.radiometry.flir_segments import Damaged, Record
from rigsight.edge.radiometry.planck import Air, Conditions, PlanckConstants

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
LEAST_TRANSMISSION = 0.01
RATIOS = (0.5, 20.0)  # of a visible picture's width to what the thermal camera sees of it


@dataclass(frozen=True, slots=True)
class Identity:
    """Which camera and lens; empty where the file does not say."""

    model: str = ""
    part_number: str = ""
    serial_number: str = ""
    software: str = ""
    lens: str = ""
    lens_serial_number: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class FactoryAlignment:
    """Where the thermal camera looks in the visible picture.

    ``real_to_ir`` is the width of the visible picture over the part of it that the thermal camera sees;
    ``offset_px`` (x right, y down; pixels of the visible picture) leads from its centre to that part's;
    ``pip_px`` is the camera's picture-in-picture window x1, y1, x2, y2 in pixels of the thermal picture.
    """

    real_to_ir: float
    offset_px: tuple[int, int]
    pip_px: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FlirCamera:
    """Everything of the camera record.

    ``range_k`` are the temperatures that the camera measures; ``raw_range`` counts; ``field_of_view_deg`` of
    the thermal picture's width, None where unknown; ``taken_ns`` nanoseconds since 1970, UTC;
    ``utc_offset_min`` what the camera's own clock was ahead of that.
    """

    identity: Identity
    constants: PlanckConstants
    scene: Conditions
    air: Air
    range_k: tuple[float, float] | None
    raw_range: tuple[int, int] | None
    raw_median: int | None
    field_of_view_deg: float | None
    focus_distance_m: float | None
    taken_ns: int | None
    utc_offset_min: int | None


def camera_of(record: Record | None, scene: Mapping[str, float] | None = None) -> FlirCamera:
    """Read the camera record; ``scene`` overrides fields of :class:`Conditions`.

    Raises:
        Damaged: it is missing, or no temperature can follow from what it holds.
    """
    if record is None:
        raise Damaged("there is no camera record, so that counts cannot become temperatures")
    fields = Fields(record.data)
    constants = PlanckConstants(*(_needed(fields, *place) for place in _CONSTANTS))
    if not (1 < constants.B < 1e5 and constants.R1 > 0 and constants.R2 > 0 and 0 < constants.F < 100):
        raise Damaged(f"the calibration constants cannot be: {constants}")
    seen, air = _scene(fields, scene or {}), Air(*(_needed(fields, "f", p) for p in range(0x70, 0x84, 4)))
    if not LEAST_TRANSMISSION < air.transmission(seen.distance_m, seen.air_k, seen.humidity) <= 1:
        raise Damaged("the air of the scene would let nothing through")
    low, high = fields.integer("H", 0x310), fields.integer("H", 0x312)
    angle, focus = fields.number("f", 0x1B4), fields.number("f", 0x45C)
    taken_ns, ahead = _taken(fields)
    return FlirCamera(
        identity=_identity(fields),
        constants=constants,
        scene=seen,
        air=air,
        range_k=_pair(fields.number("f", 0x94), fields.number("f", 0x90)),
        raw_range=None if low is None or high is None or low >= high else (low, high),
        raw_median=fields.integer("H", 0x338),
        field_of_view_deg=angle if angle is not None and 0.1 < angle < 170 else None,
        focus_distance_m=focus if focus is not None and 0 < focus < 1e6 else None,
        taken_ns=taken_ns,
        utc_offset_min=ahead,
    )


def alignment_of(record: Record | None) -> FactoryAlignment | None:
    """The visible camera's place; None where the file does not tell, or tells what cannot be."""
    if record is None:
        return None
    fields = Fields(record.data, big=False)
    ratio = fields.number("f", 0)
    if ratio is None or not RATIOS[0] <= ratio <= RATIOS[1]:
        fields = Fields(record.data, big=True)
        ratio = fields.number("f", 0)
    words = [fields.integer("h", place) for place in range(4, 16, 2)]
    if ratio is None or not RATIOS[0] <= ratio <= RATIOS[1] or any(word is None for word in words):
        return None
    x, y, left, right, top, bottom = (int(word or 0) for word in words)
    return FactoryAlignment(ratio, (x, y), (left, top, right, bottom))


def palette_name(record: Record | None) -> str:
    """Of the colours that the picture was shown in; empty where the file does not say."""
    return "" if record is None else Fields(record.data, big=False).text(0x50, 32)


# R1, B, F, O, R2
_CONSTANTS = (("f", 0x58), ("f", 0x5C), ("f", 0x60), ("i", 0x308), ("f", 0x30C))


def _scene(fields: Fields, overrides: Mapping[str, float]) -> Conditions:
    humidity = _needed(fields, "f", 0x3C)
    scene = Conditions(
        emissivity=_needed(fields, "f", 0x20),
        distance_m=_needed(fields, "f", 0x24),
        reflected_k=_needed(fields, "f", 0x28),
        air_k=_needed(fields, "f", 0x2C),
        humidity=humidity / 100 if humidity > 2 else humidity,  # some cameras write percent
        window_k=_needed(fields, "f", 0x30),
        window_transmission=_needed(fields, "f", 0x34) or 1.0,  # never set: no window
    )
    scene = replace(scene, **overrides)
    problem = scene.problem()
    if problem:
        raise Damaged(problem)
    return scene


def _identity(fields: Fields) -> Identity:
    places = ((0xD4, 32), (0xF4, 16), (0x104, 16), (0x114, 16), (0x170, 32), (0x1A0, 16), (0x1EC, 16))
    return Identity(*(fields.text(*place) for place in places))


def _taken(fields: Fields) -> tuple[int | None, int | None]:
    """Seconds since 1970 in UTC, milliseconds, and minutes that the local clock is behind UTC."""
    seconds, ms, behind = fields.integer("I", 0x384), fields.integer("I", 0x388), fields.integer("h", 0x38C)
    if not seconds or ms is None:
        return None, None
    whole = seconds * NS_PER_S + (ms & 0xFFFF) % 1000 * NS_PER_MS
    return whole, None if behind is None or abs(behind) > 14 * 60 else -behind


def local_time(camera: FlirCamera) -> datetime | None:
    """When the picture was taken by the camera's own clock, None where the file does not say."""
    if camera.taken_ns is None:
        return None
    zone = timezone(timedelta(minutes=camera.utc_offset_min or 0))
    return datetime.fromtimestamp(camera.taken_ns // NS_PER_MS / 1000, zone)


def _needed(fields: Fields, kind: str, place: int) -> float:
    value = fields.number(kind, place)
    if value is None:
        raise Damaged(f"the camera record ends before byte {place}, or holds no number there")
    return value


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None or not 0 < low < high else (low, high)
