"""Field names, types, constants, bytes, hashes and definitions against rosbags, which wrote its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from rigsight.edge.messages import TYPES, Message, definition_of, deserialise, serialise, type_hash
from rigsight.edge.messages.fields import constants_of, fields_of
from tests.edge.messages.rosbags_types import in_rosbags, store
from tests.edge.messages.strategies import any_message

# What ROS 2 added after Humble, all that is: type -> fields, constants.
NEW_SINCE_HUMBLE: dict[str, tuple[set[str], set[str]]] = {
    "sensor_msgs/msg/Range": ({"variance"}, set()),
    "sensor_msgs/msg/NavSatStatus": (set(), {"STATUS_UNKNOWN", "SERVICE_UNKNOWN"}),
}


def described(types: Any, name: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, Any]]]:
    """Fields (wire type, name) and constants (type, name, value) of a type in rosbags' words."""
    constants, fields = types.fielddefs[name]
    return [(_wire(kind), field) for field, kind in fields], [(kind, c, v) for c, kind, v in constants]


def _wire(kind: Any) -> str:
    node, content = kind
    if node.name == "BASE":
        return str(content[0])
    if node.name == "NAME":
        return str(content).replace("/msg/", "/")
    inner, length = content
    return f"{_wire(inner)}[{length or ''}]"


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
@pytest.mark.parametrize("name", sorted(TYPES))
def test_fields_and_constants_are_those_of_the_distribution(name: str, distribution: str) -> None:
    fields, constants = described(store(distribution), name)
    new = NEW_SINCE_HUMBLE.get(name, (set(), set())) if distribution == "humble" else (set(), set())
    ours = [(field.wire_type, field.name) for field in fields_of(TYPES[name])]
    assert [each for each in ours if each[1] not in new[0]] == fields
    assert {name for _, name in ours} >= new[0]
    own = constants_of(TYPES[name])
    assert [each for each in own if each[1] not in new[1]] == constants
    assert {name for _, name, _ in own} >= new[1]


@pytest.mark.parametrize("name", sorted(TYPES))
def test_hashes_are_rosbags_hashes(name: str) -> None:
    assert type_hash(TYPES[name]) == store("jazzy").hash_rihs01(name)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_definitions_parse_to_the_same_types(name: str) -> None:
    types = store("jazzy")
    typesys = pytest.importorskip("rosbags.typesys", reason="rosbags is not installed: no comparison with it")
    parsed = typesys.get_types_from_msg(definition_of(TYPES[name]), name)
    assert name in parsed
    for other, (constants, fields) in parsed.items():
        assert [tuple(each) for each in constants] == [tuple(each) for each in types.fielddefs[other][0]]
        assert list(fields) == list(types.fielddefs[other][1])


@settings(max_examples=300, deadline=None)
@given(message=any_message())
def test_any_message_has_the_bytes_that_rosbags_gives(message: Message) -> None:
    types = store("jazzy")
    theirs = bytes(types.serialize_cdr(in_rosbags(message, types), message.type_name()))
    assert serialise(message) == theirs


@settings(max_examples=100, deadline=None)
@given(message=any_message())
def test_big_endian_bytes_are_read(message: Message) -> None:
    types = store("jazzy")
    swapped = bytes(types.serialize_cdr(in_rosbags(message, types), message.type_name(), little_endian=False))
    assert swapped[1] == 0
    assert deserialise(swapped, type(message)) == message
