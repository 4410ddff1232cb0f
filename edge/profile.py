"""The profile: everything one vehicle needs for a run.

Paths of inputs are relative to the profile's folder, those of sinks to the working directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel, load_model
from rigsight.calibration.rig import Surface
from rigsight.edge import codes
from rigsight.edge.bundle.spec import AgcSpec

DropPolicy = Literal["block", "drop_oldest", "drop_newest"]


class CameraSettings(StrictModel):
    """One camera: a source URI and what the driver should set."""

    uri: str
    pipeline: str | None = Field(default=None, description="GStreamer text for gst: sources")
    options: dict[str, str | int | float | bool] = Field(default={}, description="those of its URI")

    def whole_uri(self) -> str:
        """The URI with the options and the pipeline text in it.

        >>> CameraSettings(uri="gst:front", pipeline="videotestsrc ! x=1").whole_uri()
        'gst:front?pipeline=videotestsrc%20%21%20x%3D1'
        """
        options = {key: quote(str(value), safe="/:.,") for key, value in self.options.items()}
        if self.pipeline is not None:
            options["pipeline"] = quote(self.pipeline, safe="")
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return self.uri + (("&" if "?" in self.uri else "?") + query if query else "")


class DeviceSettings(StrictModel):
    """A device on a serial port, or ``udp:PORT`` for MAVLink."""

    kind: Literal["boson", "tfmini", "lightware", "nmea", "mavlink"]
    port: str
    baud: int | None = Field(default=None, gt=0)
    options: dict[str, str | int | float] = Field(default={}, description="those of its URI, docs/devices.md")

    def uri(self) -> str:
        """As ``open_device`` takes it.

        >>> DeviceSettings(kind="tfmini", port="/dev/ttyUSB0", baud=9600, options={"max": 12}).uri()
        'tfmini:/dev/ttyUSB0?max=12&baud=9600'
        """
        options = {**self.options, **({} if self.baud is None else {"baud": self.baud})}
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return f"{self.kind}:{self.port}" + (f"?{query}" if query else "")


class Pairing(StrictModel):
    """How frames of two cameras become one set. Times in milliseconds.

    ``by: sequence`` is for cameras that one pulse triggers: their stamps may be late, their counts are not.
    """

    by: Literal["time", "sequence"] = "time"
    max_skew_ms: float = Field(default=20.0, gt=0)
    wait_ms: float = Field(default=60.0, gt=0)


class Queues(StrictModel):
    """The thread layer: what happens where a stage cannot follow."""

    depth: int = Field(default=2, ge=1, le=64)
    policy: DropPolicy = "drop_oldest"
    pace: Literal["step", "live"] = "step"
    stale_after_ms: float = Field(default=500.0, gt=0)


class HeatSettings(StrictModel):
    """What gives first when the board throttles, or is at ``above_c`` degrees Celsius or more."""

    gives: Literal["nothing", "rate", "model", "stop"] = "nothing"
    above_c: float = Field(default=95.0, gt=0)
    hysteresis_c: float = Field(default=5.0, ge=0)
    rate_hz: float = Field(default=2.0, gt=0, description="of gives: rate")
    bundle: str | None = Field(default=None, description="of gives: model; the same classes and size")

    @model_validator(mode="after")
    def _model_has_a_bundle(self) -> HeatSettings:
        if (self.gives == "model") != (self.bundle is not None):
            raise ValueError("a bundle belongs to 'gives: model', and to no other")
        return self


class DefectSettings(StrictModel):
    """Which classes are defects, and from which size on."""

    classes: tuple[str, ...] = ()
    min_area_px: int = Field(default=12, ge=1)


class SimulationSettings(StrictModel):
    """The scene that stands in for the cameras in ``rigsight demo``; ``distances_m`` are reported on."""

    scene: Literal["street", "facade", "pipe"]
    seed: int = Field(default=3, ge=0)
    width: int = Field(default=320, ge=32)
    height: int = Field(default=240, ge=32)
    distances_m: tuple[float, ...] = Field(min_length=1)


class Profile(StrictModel):
    """The whole file. Command-line flags override it; a ROS node takes the same file."""

    version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    rig: str | None = None
    bundle: str | None = Field(default=None, description="folder or zip, or installed:NAME")
    trust: str | None = Field(default=None, description="public key file; only a bundle signed with it runs")
    source: str | None = Field(default=None, description="one URI that yields both cameras, or use cameras")
    cameras: dict[Literal["rgb", "thermal"], CameraSettings] = {}
    devices: dict[str, DeviceSettings] = {}
    pairing: Pairing = Pairing()
    queues: Queues = Queues()
    surface: Surface | None = Field(default=None, description="overrides the rig's reference surface")
    agc: AgcSpec | None = Field(default=None, description="overrides the bundle's AGC")
    heat: HeatSettings = HeatSettings()
    defects: DefectSettings = DefectSettings()
    sinks: tuple[str, ...] = ()
    simulation: SimulationSettings | None = None

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read and check a profile. Raises RigsightError PRF-001."""
        return load_model(path, cls, codes.PROFILE_UNREADABLE)
