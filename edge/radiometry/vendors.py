"""Files with temperatures that only their maker's own tools read: whose they are, and which tool."""

from __future__ import annotations

from pathlib import Path

from rigsight.base.errors import RigsightError
from rigsight.edge import codes
from rigsight.edge.radiometry.exif import exif_of
from rigsight.edge.radiometry.jpeg import APP2, APP3, is_jpeg, segments

_THEN = "then run on the 16-bit pictures: --thermal images:DIR"
_DJI = (
    "Convert it with the DJI Thermal SDK: 'dji_irp -s IN.jpg -a measure -o OUT.raw' (int16, 0.1 degrees "
    f"Celsius), {_THEN}."
)
_HIKMICRO = f"Export its temperatures with HIKMICRO Analyzer, {_THEN}."
_TESTO = f"Export its temperatures with testo IRSoft, {_THEN}."
_FLUKE = f"Export its temperatures with Fluke SmartView or Fluke Connect, {_THEN}."
_FLIR_FILM = "Export its pictures as radiometric JPEG with FLIR Thermal Studio."
_TIFF = "A 16-bit TIFF needs no conversion: use --thermal images:DIR."
_PLAIN = "Export radiometric JPEG (R-JPEG) from the camera; a coloured picture holds no temperatures."


def refusal(data: bytes, path: Path) -> RigsightError:
    """The error for a file without FLIR's records: what it is, and the tool that converts it."""
    what, fix = _kind(data, path.suffix.lower())
    return codes.NOT_RADIOMETRIC(what, where=path, fix=fix)


def _kind(data: bytes, suffix: str) -> tuple[str, str]:
    if not data:
        return "the file is empty", "Copy it again."
    if data[:2] == b"PK" and suffix in (".is2", ".is3"):
        return "it is a Fluke file", _FLUKE
    if data[:2] == b"BM":
        return "it is a Testo file" if suffix == ".bmt" else "it is a BMP", _TESTO
    if data[:3] == b"FFF":
        return "it is a FLIR sequence, not a picture", _FLIR_FILM
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "it is a TIFF", _TIFF
    if not is_jpeg(data):
        return "it is no JPEG", _PLAIN
    return _jpeg_kind(data)


def _jpeg_kind(data: bytes) -> tuple[str, str]:
    maker = exif_of(data).image.get(0x010F)
    make = maker.upper() if isinstance(maker, str) else ""
    for marker, payload in segments(data):
        head = bytes(payload[:64])
        if marker == APP3 and make.startswith("DJI"):
            return "it is a DJI R-JPEG, which only DJI's own library reads", _DJI
        if marker == APP2 and head.startswith(b"HDRI"):
            return "it is a Hikmicro file", _HIKMICRO
    if "HIKMICRO" in make or "HIKVISION" in make:
        return "it is a Hikmicro file", _HIKMICRO
    if "TESTO" in make:
        return "it is a Testo file", _TESTO
    if "FLUKE" in make:
        return "it is a Fluke file", _FLUKE
    return "it is a plain JPEG without temperatures", _PLAIN
