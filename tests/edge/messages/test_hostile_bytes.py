"""Bytes that nobody checked: one error, or a message that holds; memory in proportion to the bytes."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import TYPES, Message, deserialise, serialise
from rigsight.edge.messages.types.diagnostic_msgs import DiagnosticArray
from rigsight.edge.messages.types.sensor_msgs import CameraInfo, Image, RegionOfInterest
from rigsight.edge.messages.types.std_msgs import Header
from rigsight.edge.messages.types.vision_msgs import LabelInfo
from tests.edge.messages.golden import MESSAGES

MUTATIONS = 100  # of each of the 14 golden messages
# The smallest element is a VisionClass of 8 bytes, of which Python makes an object with two fields.
BYTES_OF_MEMORY_A_BYTE, FIXED = 64, 65536


def read(data: bytes, cls: type[Message]) -> Message | None:
    try:
        return deserialise(data, cls)
    except RigsightError as error:
        refusal = error
    assert refusal.code == "MSG-001"
    assert "\n" not in str(refusal)
    assert cls.type_name() in str(refusal)
    return None


def damaged(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found)) if found else 0
        kind = chance.randrange(5)
        if kind == 0:
            found[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            found[at : at + 4] = chance.choice(
                [b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\1\0"]
            )
        elif kind == 2:
            del found[at : at + chance.randint(1, 9)]
        elif kind == 3:
            found[at:at] = chance.randbytes(chance.randint(1, 9))
        else:
            del found[at:]
    return bytes(found)


@pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: entry["name"])
def test_damaged_bytes_are_one_error_or_a_message(entry: dict[str, str]) -> None:
    cls, data = TYPES[entry["type"]], bytes.fromhex(entry["cdr_hex"])
    chance = random.Random(entry["name"])
    outcomes = []
    for _ in range(MUTATIONS):
        bad = damaged(data, chance)
        message = read(bad, cls)
        outcomes.append(message is None)
        if message is not None:
            written = serialise(message)
            assert serialise(deserialise(written, cls)) == written
    assert any(outcomes), "nothing was refused"


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(TYPES)), data=st.binary(max_size=200), begin=st.booleans())
def test_any_bytes_are_one_error_or_a_message(name: str, data: bytes, begin: bool) -> None:
    read(b"\x00\x01\x00\x00" + data if begin else data, TYPES[name])


def test_any_cut_of_a_message_is_refused() -> None:
    for entry in MESSAGES:
        cls, data = TYPES[entry["type"]], bytes.fromhex(entry["cdr_hex"])
        for end in range(0, len(data) - 1, 7):
            assert read(data[:end], cls) is None, (entry["name"], end)


def test_a_count_is_not_believed_further_than_bytes_follow() -> None:
    data = serialise(LabelInfo()).ljust(4096, b"\0")
    claims = data[:16] + b"\xff\xff\xff\xff" + data[20:]
    for cls in (LabelInfo, DiagnosticArray, Image, CameraInfo):
        tracemalloc.start()
        try:
            assert read(claims, cls) is None
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < BYTES_OF_MEMORY_A_BYTE * len(claims) + FIXED


def test_memory_stays_in_proportion_to_the_bytes() -> None:
    count = 20_000
    data = serialise(LabelInfo())[:20] + count.to_bytes(4, "little") + bytes(8 * count) + bytes(4)
    tracemalloc.start()
    try:
        message = read(data, LabelInfo)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(message, LabelInfo)
    assert len(message.class_map) == count
    assert peak < BYTES_OF_MEMORY_A_BYTE * len(data) + FIXED


@pytest.mark.parametrize(
    ("data", "cls", "what"),
    [
        (b"", Header, "encapsulation"),
        (b"\x00\x03\x00\x00" + bytes(16), Header, "encapsulation 00 03 00 00"),
        (b"\x00\x01\x00\x00" + bytes(8) + b"\x02\0\0\0ab", Header, "has no end"),
        (b"\x00\x01\x00\x00" + bytes(8) + b"\x03\0\0\0a\0\0", Header, "NUL"),
        (b"\x00\x01\x00\x00" + bytes(8) + b"\x03\0\0\0\xff\xfe\0", Header, "UTF-8"),
        (b"\x00\x01\x00\x00" + bytes(16) + b"\x02", RegionOfInterest, "neither true nor false"),
        (serialise(Header(frame_id="rgb")) + bytes(4), Header, "4 bytes follow"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, cls: type[Message], what: str) -> None:
    with pytest.raises(RigsightError, match=what):
        deserialise(data, cls)
