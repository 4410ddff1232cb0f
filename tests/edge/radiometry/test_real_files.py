"""Every value that ExifTool prints of three cameras' files, and where their visible pictures really lie."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.calibration.align import Aligner
from rigsight.edge.radiometry.factory_rig import factory_rig, thermal_of_visible
from rigsight.edge.radiometry.flir_camera import FactoryAlignment, local_time
from rigsight.edge.radiometry.photo import RadiometricPhoto, read_photo

NAMES = ("DJI_XTR", "FLIR", "FLIR_AX8")
Sample = Callable[[str], Path]


def printed(path: Path) -> dict[str, str]:
    """What ExifTool 12.35 said of the file, name -> value; the last of equal names counts."""
    lines = path.read_bytes().decode("utf-16").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def number(text: str) -> float:
    found = re.match(r"[+-]?[\d.]+", text)
    assert found
    return float(found[0])


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_exiftools(sample: Sample, name: str) -> None:
    photo, said = read_photo(sample(f"{name}.jpg")), printed(sample(f"{name}.txt"))
    camera, scene, air = photo.camera, photo.camera.scene, photo.camera.air
    zero = 273.15
    values: dict[str, float] = {
        "Planck R1": camera.constants.R1,
        "Planck B": camera.constants.B,
        "Planck F": camera.constants.F,
        "Planck O": camera.constants.O,
        "Planck R2": camera.constants.R2,
        "Emissivity": scene.emissivity,
        "Object Distance": scene.distance_m,
        "Reflected Apparent Temperature": scene.reflected_k - zero,
        "Atmospheric Temperature": scene.air_k - zero,
        "IR Window Temperature": scene.window_k - zero,
        "IR Window Transmission": scene.window_transmission,
        "Relative Humidity": scene.humidity * 100,
        "Atmospheric Trans Alpha 1": air.alpha_1,
        "Atmospheric Trans Alpha 2": air.alpha_2,
        "Atmospheric Trans Beta 1": air.beta_1,
        "Atmospheric Trans Beta 2": air.beta_2,
        "Atmospheric Trans X": air.X,
        "Raw Value Median": camera.raw_median or 0,
        "Raw Thermal Image Width": photo.counts.shape[1],
        "Raw Thermal Image Height": photo.counts.shape[0],
        "Focus Distance": camera.focus_distance_m or 0.0,
        "Field Of View": camera.field_of_view_deg or 0.0,
    }
    if camera.range_k is not None:
        values |= {"Camera Temperature Range Min": camera.range_k[0] - zero}
        values |= {"Camera Temperature Range Max": camera.range_k[1] - zero}
    if photo.alignment is not None:
        values |= {"Real 2 IR": photo.alignment.real_to_ir, "Offset X": photo.alignment.offset_px[0]}
        values |= {"Offset Y": photo.alignment.offset_px[1], "PiP X2": photo.alignment.pip_px[2]}
    if photo.visible_size is not None:
        values |= {"Embedded Image Width": photo.visible_size[0]}
        values |= {"Embedded Image Height": photo.visible_size[1]}
    for key, ours in values.items():
        digits = len(said[key].split()[0].partition(".")[2])
        assert ours == pytest.approx(number(said[key]), rel=1e-6, abs=0.51 * 10.0**-digits), key
    print(f"{name}: {len(values)} values as ExifTool prints them")
    texts = {"Camera Model": camera.identity.model, "Camera Serial Number": camera.identity.serial_number}
    texts |= {"Lens Model": camera.identity.lens, "Palette Name": photo.palette}
    for key, text in texts.items():
        assert text == said.get(key, ""), key
    when = local_time(camera)
    assert when is not None
    zone_s = (
        said["Date/Time Original"] if "+" in said["Date/Time Original"] else "2018:05:16 10:22:57.045+00:00"
    )
    assert f"{when:%Y:%m:%d %H:%M:%S}.{when.microsecond // 1000:03d}" == zone_s[:23]
    if "GPS Latitude" in said:
        for key, ours in zip(("Latitude", "Longitude"), where(photo), strict=True):
            degrees, minutes, seconds, side = re.findall(
                r"[\d.]+|[NSEW]", said[f"GPS {key}"].replace("deg", "")
            )
            theirs = float(degrees) + float(minutes) / 60 + float(seconds) / 3600
            assert ours == pytest.approx(-theirs if side in "SW" else theirs, abs=0.006 / 3600)


def where(photo: RadiometricPhoto) -> tuple[float, float]:
    assert photo.position is not None
    return photo.position.latitude_deg, photo.position.longitude_deg


def test_the_drones_own_words(sample: Sample) -> None:
    photo, said = read_photo(sample("DJI_XTR.jpg")), printed(sample("DJI_XTR.txt"))
    assert photo.gimbal is not None
    assert photo.flight is not None
    assert photo.position is not None
    for angles, who in ((photo.gimbal, "Gimbal"), (photo.flight, "Flight")):
        theirs = [float(said[f"{who} {axis} Degree"]) for axis in ("Roll", "Pitch", "Yaw")]
        assert np.degrees(angles) == pytest.approx(theirs)
    assert photo.position.altitude_m == pytest.approx(863.5, abs=0.05)
    assert photo.position.above_home_m == 1.5


def details(picture: np.ndarray) -> np.ndarray:
    """What is finer than about 3 px, without its sign."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 3))


def likeness(photo: RadiometricPhoto, screen: np.ndarray, alignment: FactoryAlignment) -> float:
    """Correlation of the fine details of two pictures.

    One is the camera's own, which holds the visible picture's details (MSX), the other the visible picture
    brought there by an alignment.
    """
    visible, thermal = photo.visible(), (photo.counts.shape[1], photo.counts.shape[0])
    assert visible is not None
    assert photo.visible_size is not None
    height, width = screen.shape[:2]
    scale = thermal[0] / width
    to_thermal = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
    back = np.linalg.inv(thermal_of_visible(alignment, photo.visible_size, thermal)) @ to_thermal
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(details(visible), back, (width, height), flags=flags)
    inner = np.s_[height // 8 : -height // 8, width // 10 : -width // 10]  # not its logo and scale
    return float(np.corrcoef(warped[inner].ravel(), screen[inner].ravel())[0, 1])


@pytest.mark.parametrize("name", ["FLIR", "FLIR_AX8"])
def test_the_cameras_own_overlay_lies_where_the_factory_rig_puts_it(sample: Sample, name: str) -> None:
    path = sample(f"{name}.jpg")
    photo = read_photo(path)
    own = photo.alignment
    assert own is not None
    screen = details(cv2.imread(str(path)))
    x, y = own.offset_px
    found = likeness(photo, screen, own)
    others = {
        "whole pictures on each other": replace(own, real_to_ir=1.0, offset_px=(0, 0)),
        "the ratio without the offset": replace(own, offset_px=(0, 0)),
        "the offset the other way": replace(own, offset_px=(-x, -y)),
        "the offset in thermal pixels": replace(own, offset_px=(round(1.42 * x), round(1.42 * y))),
    }
    print(f"{name}: {found:.3f} with the factory alignment")
    for what, alignment in others.items():
        print(f"  {likeness(photo, screen, alignment):.3f} {what}")
        if alignment != own:
            assert likeness(photo, screen, alignment) < found / 2
    reach = range(-6, 7, 1)
    best = max(
        (likeness(photo, screen, replace(own, offset_px=(x + i, y + j))), i, j) for i in reach for j in reach
    )
    print(f"  best within 6 px: {best[1]:+d}, {best[2]:+d} px")
    assert max(abs(best[1]), abs(best[2])) <= 1


def edges(picture: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 4)
    return np.sqrt(np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))


def test_thermal_and_visible_edges_fit_better_than_without(sample: Sample) -> None:
    """A cup at arm's length, nearer than the offset is meant for: better, not perfect."""
    photo = read_photo(sample("FLIR.jpg"))
    rig, why = factory_rig(photo)
    visible = photo.visible()
    assert rig is not None, why
    assert visible is not None
    grey = cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY)
    rgb, thermal = Aligner(rig, "rgb"), Aligner(rig, "thermal")
    valid = (rgb.valid & thermal.valid) > 0
    assert valid.mean() > 0.9
    pair = edges(rgb(grey))[valid], edges(thermal(photo.counts) / 30)[valid]
    with_rig = float(np.corrcoef(*pair)[0, 1])
    stretched = cv2.resize(photo.counts, grey.shape[::-1])
    without = float(np.corrcoef(edges(grey).ravel(), edges(stretched / 30).ravel())[0, 1])
    print(f"edges of both pictures: {with_rig:.3f} with the factory rig, {without:.3f} without")
    assert with_rig > 1.5 * without
