"""The seven published frames, sequence numbers that need stuffing, and what is no frame."""

from __future__ import annotations

import pytest

from rigsight.edge.protocols.boson import (
    REQUEST_STATUS,
    BosonDecoder,
    CciFrame,
    CciFunction,
    encode_frame,
    encode_request,
    status_words,
)

# Published in github.com/thurberdog/ghostCommand.
PUBLISHED = {
    "8E 00 00000001 00050007 FFFFFFFF 225C AE": CciFrame(1, 0x00050007, REQUEST_STATUS),
    "8E 00 00000001 00050007 00000000 BB93 AE": CciFrame(1, 0x00050007, 0),
    "8E 00 00000001 00050002 FFFFFFFF 010B AE": CciFrame(1, 0x00050002, REQUEST_STATUS),
    "8E 00 00000001 00050002 00000000 00016D94 3010 AE": CciFrame(1, 0x00050002, 0, b"\0\x01m\x94"),
    "8E 00 00000001 00050030 FFFFFFFF 4966 AE": CciFrame(1, 0x00050030, REQUEST_STATUS),
    "8E 00 00000001 00050030 00000000 017C BDCE AE": CciFrame(1, 0x00050030, 0, bytes.fromhex("017C")),
    "8E 00 000000C2 000E000D FFFFFFFF 00000002 C4F2 AE": CciFrame(
        0xC2, 0x000E000D, REQUEST_STATUS, bytes.fromhex("00000002")
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", list(PUBLISHED))
def test_published_frames(text: str) -> None:
    data, frame = bytes.fromhex(text), PUBLISHED[text]
    assert encode_frame(frame) == data
    decoder = BosonDecoder()
    assert decoder.feed(data) == [frame]
    assert (decoder.frames, decoder.discarded_bytes, decoder.pending_bytes) == (1, 0, 0)
    assert frame.is_request == ("FFFFFFFF" in text)


@pytest.mark.parametrize("sequence", [142, 158, 174, 0x8E9EAE8E, 0xFFFFFFFF])
def test_sequence_numbers_that_are_marks(sequence: int) -> None:
    """flirpy unpacks the header before it is unstuffed and fails at 142, 158 and 174."""
    request = encode_request(sequence, CciFunction.FPA_TEMPERATURE)
    inside = request[1:-1]
    assert not set(inside) & {0x8E, 0xAE}
    assert BosonDecoder().feed(request) == [CciFrame(sequence, 0x00050030, REQUEST_STATUS)]


def test_every_byte_is_carried_in_the_payload_and_in_the_checksum() -> None:
    stuffed_checksums = 0
    for value in range(0x10000):
        if value % 7 and value >> 8 not in (0x8E, 0x9E, 0xAE):
            continue
        frame = CciFrame(1, 0x00050030, 0, value.to_bytes(2, "big"))
        data = encode_frame(frame)
        stuffed_checksums += data[-3] == 0x9E
        assert BosonDecoder().feed(data) == [frame]
    assert stuffed_checksums


def test_sequence_numbers_wrap() -> None:
    assert encode_request(2**32 + 1, CciFunction.RUN_FFC) == encode_request(1, CciFunction.RUN_FFC)


def test_nothing_that_writes_to_the_flash_can_be_asked_for() -> None:
    for function in (0x00050018, 0x0005001B, 0x00050020, 0x00050021):
        with pytest.raises(ValueError, match="CciFunction"):
            encode_request(1, function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "8E 00 00000001 00050007 00000000 BB92 AE",  # checksum
        "8E 01 00000001 00050007 00000000 BB93 AE",  # channel
        "8E 00 AE",
        "8E 9E AE",  # an escape without a byte
        "8E 00 9E00 00000001 00050007 00000000 BB93 AE",  # an escape of nothing
    ],
)
def test_what_is_no_frame(text: str) -> None:
    decoder = BosonDecoder()
    assert decoder.feed(bytes.fromhex(text)) == []
    assert decoder.discarded_bytes == len(bytes.fromhex(text))


def test_results_in_words() -> None:
    assert status_words(0x0161) == "the camera does not know this function (0x0161)"
    assert status_words(0x1234) == "the camera reports an error (0x1234)"
