"""Recorded frames of MAVLink 1 and 2, and every message against pymavlink."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from rigsight.edge.protocols import mavlink_messages as m
from rigsight.edge.protocols.crc import crc16_mcrf4xx
from rigsight.edge.protocols.mavlink import MavlinkDecoder, Received

ATTITUDE = m.Attitude(123456, *(pytest.approx(v, rel=1e-6) for v in (0.1, -0.2, 3.0, 0.01, -0.02, 0.03)))
# Written by pymavlink 2.4.50: sequence 250, system 7, component 1.
RECORDED: dict[str, m.Message] = {
    "fe09fa07010005000000020351040346f8": m.Heartbeat(5, 2, 3, 81, 4),
    "fd090000fa0701000000050000000203510403da26": m.Heartbeat(5, 2, 3, 81, 4),
    "fe0cfa07010240021a9887420600cd810100394b": m.SystemTime(1762000000123456, 98765),
    "fd0b0000fa070102000040021a9887420600cd81017246": m.SystemTime(1762000000123456, 98765),
    "fe1cfa07011e40e20100cdcccc3dcdcc4cbe000040400ad7233c0ad7a3bc8fc2f53c869c": ATTITUDE,
    "fd1c0000fa07011e000040e20100cdcccc3dcdcc4cbe000040400ad7233c0ad7a3bc8fc2f53c0b78": ATTITUDE,
    "fd1c0100fa07011e000040e20100cdcccc3dcdcc4cbe000040400ad7233c0ad7a3bc8fc2f53c54c2"
    "01010000000000f4406dd25c9e": ATTITUDE,
    "fd1c0000fa070121000040e201004a52401c44f41705bd720700393000006aff1900fdff8769111d": m.GlobalPosition(
        123456, pytest.approx(47.3977418), pytest.approx(8.545594), pytest.approx(488.125),
        pytest.approx(12.345), pytest.approx((-1.5, 0.25, -0.03)), pytest.approx(270.15),
    ),
    "fd090000fa070170000015cd5b07000000002aaa1c": m.CameraTrigger(123456789, 42),
    "fe0efa07018440e201001400b0045901000119ff2ecc": m.DistanceSensor(
        123456, pytest.approx(0.2), pytest.approx(12.0), pytest.approx(3.45), 0, 1, 25, None, None
    ),
    "fd0e0000fa070184000040e201001400b0045901000119ffab2c": m.DistanceSensor(
        123456, pytest.approx(0.2), pytest.approx(12.0), pytest.approx(3.45), 0, 1, 25, None, None
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", list(RECORDED))
def test_recorded_frames(text: str) -> None:
    decoder = MavlinkDecoder()
    assert decoder.feed(bytes.fromhex(text)) == [Received(7, 1, 250, RECORDED[text])]
    assert (decoder.discarded_bytes, decoder.pending_bytes) == (0, 0)


def test_unknown_is_none() -> None:
    text = (
        "fd28000000070118000001000000000000004a52401c44f41705bd7207007900ffff08022923030cd8290800"
        "dc050000c4096f8d"
    )
    [received] = MavlinkDecoder().feed(bytes.fromhex(text))
    gps = received.message
    assert isinstance(gps, m.GpsRaw)
    assert gps.vdop is None
    assert gps.hdop == pytest.approx(1.21)
    assert (gps.fix_type, gps.satellites) == (3, 12)
    assert (gps.speed_m_per_s, gps.course_deg) == (pytest.approx(5.2), pytest.approx(90.01))
    assert (gps.horizontal_accuracy_m, gps.vertical_accuracy_m) == (pytest.approx(1.5), pytest.approx(2.5))


def test_flags_that_are_not_understood_are_discarded() -> None:
    for flags, events in ((0x00, 1), (0x02, 0), (0x80, 0)):
        body = bytearray.fromhex("090000fa070170000015cd5b07000000002a")
        body[1] = flags
        data = b"\xfd" + body + crc16_mcrf4xx(bytes(body) + bytes((174,))).to_bytes(2, "little")
        decoder = MavlinkDecoder()
        assert len(decoder.feed(data)) == events
        assert decoder.discarded_bytes == (0 if events else len(data))


def test_a_message_with_extensions_of_the_future_is_read() -> None:
    body = bytes((20, 0, 0, 1, 7, 1, 112, 0, 0)) + (5).to_bytes(8, "little") + b"\x2a\0\0\0" + b"\x01" * 8
    data = b"\xfd" + body + crc16_mcrf4xx(body + bytes((174,))).to_bytes(2, "little")
    [received] = MavlinkDecoder().feed(data)
    assert received.message == m.CameraTrigger(5, 42)


# What follows compares with pymavlink.


def common(version: int) -> Any:
    pytest.importorskip("pymavlink", reason="pymavlink is not installed: no comparison with it")
    return importlib.import_module(f"pymavlink.dialects.v{version}0.common")


def whole(draw: Random, bits: int, signed: bool) -> int:
    """Any value of the type, often an extreme one."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return draw.choice([low, high, 0, 1, draw.randint(low, high)])


BITS = {"uint8_t": 8, "int8_t": 8, "uint16_t": 16, "int16_t": 16, "uint32_t": 32, "int32_t": 32,
        "uint64_t": 64, "int64_t": 64}  # fmt: skip


def random_message(draw: Random, kind: Any) -> Any:
    """A message of pymavlink's class with random fields."""
    values: list[Any] = []
    for name, type_ in zip(kind.fieldnames, kind.fieldtypes, strict=True):
        length = kind.array_lengths[kind.ordered_fieldnames.index(name)]
        if type_ == "char":
            values.append(b"http://camera/%d" % draw.randrange(1000))
        elif type_ in ("float", "double"):
            floats = [float(np.float32(draw.gauss(0, 100))) for _ in range(max(length, 1))]
            values.append(floats if length else floats[0])
        else:
            numbers = [whole(draw, BITS[type_], type_.startswith("int")) for _ in range(max(length, 1))]
            values.append(numbers if length else numbers[0])
    return kind(*values)


def unless(value: int, unknown: int, unit: float) -> Any:
    return None if value == unknown else pytest.approx(value * unit)


EXPECTED: dict[int, Callable[[Any], m.Message]] = {
    0: lambda p: m.Heartbeat(p.custom_mode, p.type, p.autopilot, p.base_mode, p.system_status),
    2: lambda p: m.SystemTime(p.time_unix_usec or None, p.time_boot_ms),
    24: lambda p: m.GpsRaw(
        p.time_usec, p.fix_type, pytest.approx(p.lat / 1e7), pytest.approx(p.lon / 1e7),
        pytest.approx(p.alt / 1e3), unless(p.eph, 65535, 0.01), unless(p.epv, 65535, 0.01),
        unless(p.vel, 65535, 0.01), unless(p.cog, 65535, 0.01),
        None if p.satellites_visible == 255 else p.satellites_visible,
        unless(getattr(p, "h_acc", 0), 0, 1e-3), unless(getattr(p, "v_acc", 0), 0, 1e-3),
    ),
    30: lambda p: m.Attitude(p.time_boot_ms, p.roll, p.pitch, p.yaw, p.rollspeed, p.pitchspeed, p.yawspeed),
    33: lambda p: m.GlobalPosition(
        p.time_boot_ms, pytest.approx(p.lat / 1e7), pytest.approx(p.lon / 1e7), pytest.approx(p.alt / 1e3),
        pytest.approx(p.relative_alt / 1e3), pytest.approx((p.vx / 100, p.vy / 100, p.vz / 100)),
        unless(p.hdg, 65535, 0.01),
    ),
    111: lambda p: m.TimeSync(p.tc1, p.ts1),
    112: lambda p: m.CameraTrigger(p.time_usec, p.seq),
    132: lambda p: m.DistanceSensor(
        p.time_boot_ms, pytest.approx(p.min_distance / 100), pytest.approx(p.max_distance / 100),
        pytest.approx(p.current_distance / 100), p.type, p.id, p.orientation,
        unless(p.covariance, 255, 1e-4), getattr(p, "signal_quality", 0) or None,
    ),
    263: lambda p: m.CameraImageCaptured(
        p.time_utc or None, p.time_boot_ms, pytest.approx(p.lat / 1e7), pytest.approx(p.lon / 1e7),
        pytest.approx(p.alt / 1e3), pytest.approx(p.relative_alt / 1e3), tuple(p.q), p.image_index,
        p.camera_id, p.capture_result == 1, p.file_url,
    ),
}  # fmt: skip


@pytest.mark.parametrize("number", list(EXPECTED))
def test_every_message_as_pymavlink_writes_it(number: int) -> None:
    dialect = common(2)
    kind = dialect.mavlink_map[number]
    layout = m.LAYOUTS[number]
    assert layout.crc_extra == kind.crc_extra
    assert layout.fields.size == kind.unpacker.size
    draw, decoder = Random(number), MavlinkDecoder()
    sender = dialect.MAVLink(None, srcSystem=3, srcComponent=191)
    for sequence in range(100):
        message = random_message(draw, kind)
        sender.seq = sequence
        [received] = decoder.feed(message.pack(sender))
        assert received == Received(3, 191, sequence, EXPECTED[number](message))
    assert decoder.discarded_bytes == 0


@pytest.mark.parametrize("number", [number for number in EXPECTED if number < 256])
def test_version_1_as_pymavlink_writes_it(number: int) -> None:
    dialect = common(1)
    kind = dialect.mavlink_map[number]
    draw, decoder = Random(number), MavlinkDecoder()
    sender = dialect.MAVLink(None, srcSystem=3, srcComponent=1)
    for _ in range(50):
        message = random_message(draw, kind)
        [received] = decoder.feed(message.pack(sender, force_mavlink1=True))
        assert received.message == EXPECTED[number](message)


def test_every_other_message_is_passed_over_and_hides_none() -> None:
    """All messages of the dialect in a row, each followed by one that is known."""
    dialect = common(2)
    draw, decoder = Random(1), MavlinkDecoder()
    sender = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    trigger = m.CameraTrigger(5, 42)
    for number, kind in dialect.mavlink_map.items():
        if number in EXPECTED:
            continue
        data = random_message(draw, kind).pack(sender) + dialect.MAVLink_camera_trigger_message(5, 42).pack(
            sender
        )
        assert [r.message for r in decoder.feed(data + b"\0" * 300)] == [trigger], kind
