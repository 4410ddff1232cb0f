"""FLIR Boson's camera control interface (CCI) in its serial framing (FSLP).

A frame is ``8E``, channel 0, sequence, function and status as u32, the payload, CRC-16, ``AE``; all of it big
endian. In a request the status is FFFFFFFF; in a reply 0 stands for success. Between the two marks 8E, 9E
and AE are written as 9E followed by the byte less 0x0D; the CRC covers what lies before it, unstuffed.
Function numbers and result codes are those of FLIR's Boson SDK; the framing was checked against seven
published frames (github.com/thurberdog/ghostCommand).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum

from rigsight.edge.protocols.crc import crc16_aug_ccitt
from rigsight.edge.protocols.scan import BAD, WAIT, FrameScanner

START, ESCAPE, END = 0x8E, 0x9E, 0xAE
ESCAPED_BY = 0x0D
REQUEST_STATUS = 0xFFFFFFFF
LARGEST_PAYLOAD = 256
_HEADER = struct.Struct(">BIII")
_CRC_BYTES = 2
_SPECIAL = re.compile(b"[\x8e\x9e\xae]")
_ESCAPED = re.compile(b"\x9e(.)", re.DOTALL)
_BAD_ESCAPE = re.compile(b"\x9e(?![\x81\x91\xa1])")

STATUS_WORDS = {
    0x0150: "the camera could not receive the request",
    0x0160: "the camera could not dispatch the request",
    0x0161: "the camera does not know this function",
    0x0162: "the camera refuses the payload",
    0x0170: "the camera could not unpack the request",
    0x017D: "too few bytes in the request",
    0x017E: "too many bytes in the request",
    0x017F: "the camera's buffer overflows",
    0x0180: "the camera's function failed",
    0x0181: "the camera refuses the value",
    0x0190: "the camera could not send its reply",
    0x01B0: "this camera does not have the feature",
    0x0203: "the value is out of range",
}


class CciFunction(IntEnum):
    """What may be asked of the camera. Nothing that writes to its flash is among them, on purpose."""

    FRAME_COUNT = 0x00020002
    SERIAL_NUMBER = 0x00050002
    RUN_FFC = 0x00050007
    FFC_STATE = 0x0005000C
    SET_FFC_MODE = 0x00050012
    FFC_MODE = 0x00050013
    SET_GAIN_MODE = 0x00050014
    GAIN_MODE = 0x00050015
    FPA_TEMPERATURE = 0x00050030


class FfcState(IntEnum):
    """Whether the shutter is, or is about to be, before the sensor (flat-field correction)."""

    NONE = 0
    IMMINENT = 1
    IN_PROGRESS = 2
    COMPLETE = 3


class FfcMode(IntEnum):
    """Who starts a flat-field correction."""

    MANUAL = 0
    AUTO = 1
    EXTERNAL = 2


class GainMode(IntEnum):
    """Sensitivity: low gain sees hotter scenes, with more noise."""

    HIGH = 0
    LOW = 1
    AUTO = 2
    DUAL = 3
    MANUAL = 4


@dataclass(frozen=True, slots=True)
class CciFrame:
    """One frame, unstuffed and with a valid checksum. ``status`` is REQUEST_STATUS in a request."""

    sequence: int
    function: int
    status: int
    payload: bytes = b""

    @property
    def is_request(self) -> bool:
        """Sent by the host and not by the camera."""
        return self.status == REQUEST_STATUS


def encode_request(sequence: int, function: CciFunction, payload: bytes = b"") -> bytes:
    """The bytes of a request. ``sequence`` is taken modulo 2**32; ValueError for any other function.

    >>> encode_request(1, CciFunction.RUN_FFC).hex(" ").upper()
    '8E 00 00 00 00 01 00 05 00 07 FF FF FF FF 22 5C AE'
    """
    return encode_frame(CciFrame(sequence & 0xFFFFFFFF, CciFunction(function), REQUEST_STATUS, payload))


def encode_frame(frame: CciFrame) -> bytes:
    """The bytes of any frame, stuffed and marked."""
    body = _HEADER.pack(0, frame.sequence, frame.function, frame.status) + frame.payload
    body += crc16_aug_ccitt(body).to_bytes(_CRC_BYTES, "big")
    stuffed = _SPECIAL.sub(lambda found: bytes((ESCAPE, found[0][0] - ESCAPED_BY)), body)
    return bytes((START,)) + stuffed + bytes((END,))


def status_words(status: int) -> str:
    """What a reply's status means.

    >>> status_words(0x0203)
    'the value is out of range (0x0203)'
    """
    return f"{STATUS_WORDS.get(status, 'the camera reports an error')} (0x{status:04X})"


class BosonDecoder(FrameScanner[CciFrame]):
    """Decodes requests and replies. Marks cannot occur inside a frame, so garbage never hides one."""

    starts = re.compile(b"\x8e")
    longest_bytes = 2 + 2 * (_HEADER.size + LARGEST_PAYLOAD + _CRC_BYTES)

    def _take(self, buffer: bytearray, at: int) -> tuple[int, list[CciFrame]]:
        end = buffer.find(END, at + 1, at + self.longest_bytes)
        if end < 0:
            return WAIT, []
        frame = _unstuffed(bytes(buffer[at + 1 : end]))
        return (BAD, []) if frame is None else (end + 1 - at, [frame])


def _unstuffed(stuffed: bytes) -> CciFrame | None:
    """The frame between two marks, None where it is not one."""
    if _BAD_ESCAPE.search(stuffed):
        return None
    body = _ESCAPED.sub(lambda found: bytes((found[1][0] + ESCAPED_BY,)), stuffed)
    if len(body) < _HEADER.size + _CRC_BYTES or body[0] != 0:
        return None
    if crc16_aug_ccitt(body[:-_CRC_BYTES]) != int.from_bytes(body[-_CRC_BYTES:], "big"):
        return None
    _, sequence, function, status = _HEADER.unpack_from(body)
    return CciFrame(sequence, function, status, body[_HEADER.size : -_CRC_BYTES])
