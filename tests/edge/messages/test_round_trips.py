"""What is written is what is read, and what the wire rounds is rounded when a message is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from hypothesis import given, settings

from rigsight.edge.messages import TYPES, Message, deserialise, serialise, type_named
from rigsight.edge.messages.fields import Floats, UInt8
from rigsight.edge.messages.types.sensor_msgs import Image, Range
from tests.edge.messages.strategies import any_message


@dataclass(frozen=True, slots=True)
class Odd(Message):
    """Doubles at the end of other places than multiples of eight; no type of ours has any."""

    values: Annotated[Floats, "float64[]"] = ()
    last: UInt8 = 7


@settings(max_examples=400, deadline=None)
@given(message=any_message())
def test_every_message_comes_back(message: Message) -> None:
    data = serialise(message)
    again = deserialise(data, type(message))
    assert again == message
    assert serialise(again) == data


def test_defaults_come_back_for_every_type() -> None:
    for name, cls in TYPES.items():
        assert type_named(name) is cls
        assert deserialise(serialise(cls()), cls) == cls()


def test_nan_and_infinity_travel() -> None:
    made = deserialise(serialise(Range(max_range=math.inf, range=math.nan)), Range)
    assert math.isinf(made.max_range)
    assert math.isnan(made.range)


def test_pixels_are_read_without_a_copy() -> None:
    data = bytearray(serialise(Image(height=1, width=4, encoding="mono8", step=4, data=b"abcd")))
    image = deserialise(data, Image)
    data[-1] = ord("z")
    assert bytes(image.data) == b"abcz"


def test_up_to_three_bytes_of_padding_may_follow() -> None:
    data = serialise(TYPES["std_msgs/msg/Header"](frame_id="rgb"))
    for extra in range(4):
        assert deserialise(data + bytes(extra), TYPES["std_msgs/msg/Header"]).frame_id == "rgb"


def test_only_doubles_that_are_there_are_aligned() -> None:
    assert serialise(Odd()).hex(" ") == "00 01 00 00 00 00 00 00 07"
    one = "00 01 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 f0 3f 07"
    assert serialise(Odd((1.0,))).hex(" ") == one
    for message in (Odd(), Odd((1.0, -2.5), 9)):
        assert deserialise(serialise(message), Odd) == message
