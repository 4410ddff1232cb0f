"""The shipped profiles: what they say in comments about the real vehicle is right too."""

from __future__ import annotations

from pathlib import Path

import pytest

from rigsight.cli.run import _devices
from rigsight.edge.cameras.driver import is_camera, make_driver
from rigsight.edge.devices.open import open_device
from rigsight.edge.pipeline.runner import RunPlan
from rigsight.edge.profile import CameraSettings, Profile

PROFILES = sorted(Path("profiles").glob("*.yaml"))


def on_the_vehicle(path: Path, folder: Path) -> Path:
    """The profile with its comment in place of the simulated source."""
    text, _, comment = path.read_text().partition("\n\n# ")
    lines = [line for line in text.splitlines() if not line.startswith("source:")]
    real = [line.removeprefix("# ") for line in comment.splitlines()[1:]]
    out = folder / path.name
    out.write_text("\n".join([*lines, *real]) + "\n")
    return out


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_the_cameras_and_devices_of_the_comment_can_be_made(path: Path, tmp_path: Path) -> None:
    plan = RunPlan.of_profile(on_the_vehicle(path, tmp_path))
    assert plan.source is None
    assert set(plan.cameras) == {"rgb", "thermal"}
    for role, uri in plan.cameras.items():
        assert is_camera(uri)
        if not uri.startswith("gst:"):  # its library may not be here
            make_driver(uri, role)
    assert plan.devices
    for uri in plan.devices.values():
        open_device(uri)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_the_simulated_vehicle_needs_nothing_else(path: Path) -> None:
    profile = Profile.load(path)
    assert profile.source is not None
    assert profile.heat.gives != "nothing"


def test_options_and_pipeline_become_one_uri() -> None:
    camera = CameraSettings(uri="v4l2:/dev/video0?fps=5", options={"format": "Y16"})
    assert camera.whole_uri() == "v4l2:/dev/video0?fps=5&format=Y16"
    text = "videotestsrc pattern=1 ! video/x-raw,format=RGB & more"
    whole = CameraSettings(uri="gst:front", pipeline=text).whole_uri()
    assert whole.count("&") == 0
    assert whole.startswith("gst:front?pipeline=videotestsrc%20pattern%3D1")


def test_a_flag_takes_the_place_of_the_profiles_range_finder() -> None:
    profile = {"gnss": "nmea:/dev/b", "range": "tfmini:/dev/a"}
    found = _devices(profile, "lightware:/dev/c", ["boson:/dev/d"])
    assert found == {
        "range": "lightware:/dev/c",
        "gnss": "nmea:/dev/b",
        "boson:/dev/d": "boson:/dev/d",
    }
    assert next(iter(found)) == "range", "of two range finders the first counts"
    assert _devices(profile, None, []) == profile
