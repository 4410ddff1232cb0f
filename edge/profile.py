"""The profile: everything one vehicle needs for a run.

Paths of inputs are relative to the profile's folder, those of sinks to the working directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from rigsight.base.schema import StrictModel, load_model
from rigsight.calibration.rig import Surface
from rigsight.edge import codes
from rigsight.edge.bundle.spec import AgcSpec

DropPolicy = Literal["block", "drop_oldest", "drop_newest"]


class CameraSettings(StrictModel):
    """One camera: a source URI and what the driver should set."""

    uri: str
    pipeline: str | None = Field(default=None, description="GStreamer text for gst: sources")
    options: dict[str, str | int | float | bool] = {}


class DeviceSettings(StrictModel):
    """A serial device."""

    kind: Literal["boson", "tfmini", "lightware", "nmea", "mavlink"]
    port: str
    baud: int | None = Field(default=None, gt=0)


class Pairing(StrictModel):
    """How frames of two cameras become one set. Times in milliseconds."""

    max_skew_ms: float = Field(default=20.0, gt=0)
    wait_ms: float = Field(default=60.0, gt=0)


class Queues(StrictModel):
    """The thread layer: what happens where a stage cannot follow."""

    depth: int = Field(default=2, ge=1, le=64)
    policy: DropPolicy = "drop_oldest"
    pace: Literal["step", "live"] = "step"
    stale_after_ms: float = Field(default=500.0, gt=0)


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
    defects: DefectSettings = DefectSettings()
    sinks: tuple[str, ...] = ()
    simulation: SimulationSettings | None = None

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read and check a profile. Raises RigsightError PRF-001."""
        return load_model(path, cls, codes.PROFILE_UNREADABLE)
