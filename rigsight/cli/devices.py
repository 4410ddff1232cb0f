"""``rigsight devices``: serial ports and what is likely on them; what a device says, live."""

from __future__ import annotations

import dataclasses
import json
import math
import queue
import sys
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rigsight.cli.main import BAD_USAGE

if TYPE_CHECKING:
    from rigsight.edge.devices.open import Device
    from rigsight.edge.devices.reader import Stamped

app = typer.Typer(add_completion=False, rich_markup_mode=None)

WAITING_EVENTS = 4096
POLL_S = 0.1
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line when watching.")]


@app.callback(invoke_without_command=True, epilog="Example: rigsight devices")
def devices(context: typer.Context, as_json: AsJson = False) -> None:
    """List the serial ports, with what is likely on each; 'watch' shows what a device says."""
    if context.invoked_subcommand is not None:
        if as_json:
            where = "rigsight devices"
            raise BAD_USAGE("--json stands before the command", where=where, fix="Write it at the end.")
        return
    from rigsight.edge.devices.listing import list_ports

    ports = list_ports()
    if as_json:
        print(json.dumps([dataclasses.asdict(port) for port in ports], indent=2))
        return
    if not ports:
        print("No serial ports. Plug a device in; on a Jetson enable its UART with jetson-io.")
        return
    for port in ports:
        kernel = "" if port.port == port.device else f" ({port.device})"
        usb = "" if port.usb is None else f" [{port.usb}]"
        print(f"{port.port}{kernel}: {port.likely}{usb}")
        if port.uri is not None:
            print(f"    rigsight devices watch {port.uri}")


@app.command(epilog="Example: rigsight devices ffc /dev/serial/by-id/usb-FLIR_Boson_12345-if00")
def ffc(
    port: Annotated[str, typer.Argument(metavar="PORT", help="The control port of a FLIR Boson.")],
    as_json: AsJson = False,
) -> None:
    """Have a Boson correct itself now (flat-field correction), while the robot is idle.

    The shutter closes and the picture stands still for up to a second.
    """
    from rigsight.edge.devices.boson import BosonControl
    from rigsight.edge.devices.open import BAUDS
    from rigsight.edge.devices.port import open_port

    opened = open_port(port, BAUDS["boson"])
    try:
        camera = BosonControl(opened)
        begun = monotonic()
        camera.run_ffc()
        camera.wait_for_ffc()
        found = {"seconds": round(monotonic() - begun, 2), "fpa_temperature_c": camera.fpa_temperature_c()}
    finally:
        opened.close()
    if as_json:
        print(json.dumps(found))
        return
    print(f"corrected in {found['seconds']} s; the sensor is at {found['fpa_temperature_c']:.1f} C")


@app.command(epilog="Example: rigsight devices watch tfmini:/dev/ttyUSB0 --count 10")
def watch(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="tfmini:, lightware:, nmea:, mavlink: or boson:.")
    ],
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many values.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a device that is not there yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a device says, decoded, as it comes; its state goes to the error output.

    Stops by itself with --count or --seconds, and then fails when nothing was understood.
    """
    from rigsight.edge.devices import codes
    from rigsight.edge.devices.open import open_device

    device = open_device(uri)
    waiting: queue.Queue[Stamped[Any]] = queue.Queue(WAITING_EVENTS)
    device.listen(waiting.put_nowait)  # what does not fit is dropped; the reader counts it
    device.start(wait_for_device=wait)
    try:
        printed = _print_events(device, waiting, count, seconds, as_json)
    finally:
        status = device.status().line(monotonic_ns())
        device.stop()
        print(f"# {status}", file=sys.stderr)
    if not printed:
        raise codes.SILENT("nothing was understood", where=uri)


def _print_events(
    device: Device,
    waiting: queue.Queue[Stamped[Any]],
    count: int | None,
    seconds: float | None,
    as_json: bool,
) -> int:
    start_ns, deadline = monotonic_ns(), math.inf if seconds is None else monotonic() + seconds
    printed, state = 0, None
    while printed != count and monotonic() < deadline:
        change = device.status().change
        if change.state != state:
            state = change.state
            print(f"# {state.value}{': ' + change.reason if change.reason else ''}", file=sys.stderr)
        try:
            stamped = waiting.get(timeout=POLL_S)
        except queue.Empty:
            continue
        fields = described(stamped.event)
        if as_json:
            print(json.dumps({"arrival_ns": stamped.arrival_ns, **fields}), flush=True)
        else:
            kind = fields.pop("event")
            words = " ".join(f"{name}={_text(value)}" for name, value in fields.items() if value is not None)
            print(f"{(stamped.arrival_ns - start_ns) / 1e9:9.3f} s  {kind}  {words}", flush=True)
        printed += 1
    return printed


def described(event: Any) -> dict[str, Any]:
    """An event as plain values; numbers that are none become None.

    >>> from rigsight.edge.protocols.ranges import Distance
    >>> described(Distance(3.45, 500))["distance_m"]
    3.45
    """
    message = getattr(event, "message", None)
    if message is not None:  # MAVLink
        sender = {"system": event.system, "component": event.component, "sequence": event.sequence}
        return {**described(message), "from": sender}
    values = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    return {"event": type(event).__name__, **values}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.name.lower() if hasattr(value, "name") else value


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dict):
        return "/".join(str(part) for part in value.values())
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
