"""Bytes and hashes are those of a real ROS 2."""

from __future__ import annotations

from typing import Any

import pytest

from rigsight.edge.messages import deserialise, serialise, type_hash, type_named
from tests.edge.messages.golden import HASHES, MESSAGES, build


def test_the_file_has_what_was_measured() -> None:
    assert len(MESSAGES) == 14
    assert len(HASHES) == 9
    assert {entry["type"] for entry in MESSAGES} == set(HASHES)


@pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: entry["name"])
def test_a_message_has_the_bytes_of_a_real_ros(entry: dict[str, Any]) -> None:
    cls = type_named(entry["type"])
    message = build(cls, entry["fields"])
    assert serialise(message).hex() == entry["cdr_hex"]


@pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: entry["name"])
def test_the_bytes_of_a_real_ros_are_read(entry: dict[str, Any]) -> None:
    cls = type_named(entry["type"])
    assert deserialise(bytes.fromhex(entry["cdr_hex"]), cls) == build(cls, entry["fields"])


@pytest.mark.parametrize("name", sorted(HASHES))
def test_a_type_has_the_hash_of_a_real_ros(name: str) -> None:
    assert type_hash(type_named(name)) == HASHES[name]
