"""What a run says of cameras and devices while it goes on."""

from __future__ import annotations

from rigsight.edge.devices.state import Change, DeviceState
from rigsight.edge.pipeline.runner import _Teller


def test_nothing_is_said_twice_in_a_row_and_every_return_is() -> None:
    said: list[str] = []
    tell = _Teller(said.append)
    for _ in range(5):
        tell("rgb", Change(DeviceState.OPENING, 0, "try 2"))
        tell("rgb", Change(DeviceState.LOST, 0, "no such device"))
    tell("thermal", Change(DeviceState.SILENT, 0, "no frame for 0.5 s"))
    tell("rgb", Change(DeviceState.STREAMING, 0, ""))
    tell("rgb", Change(DeviceState.LOST, 0, "no such device"))
    assert said == [
        "rgb: lost, no such device",
        "thermal: silent, no frame for 0.5 s",
        "rgb: streaming",
        "rgb: lost, no such device",
    ]
