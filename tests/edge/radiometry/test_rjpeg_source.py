"""``rjpeg:`` as a source: frames, kelvin, places, the factory rig, and whole runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.spec import Geometry, Preprocessing
from rigsight.edge.frames import FrameSet, PixelFormat
from rigsight.edge.pairing import Pairer, frame_sets
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.radiometry.planck import Conditions, PlanckConstants, to_kelvin
from rigsight.edge.sources.base import open_source
from rigsight.edge.sources.merged import MergedSource

Scene = tuple[np.ndarray, np.ndarray]
Flir = Callable[..., Any]
CAMERA = PlanckConstants(16951.796875, 1435.0999755859375, 1.0, -7142, 0.014294867403805256)
ROOT = Path(__file__).parents[3]


def write(folder: Path, flir: Flir, scene: Scene, count: int = 3, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    counts, visible = scene
    settings = {"visible": visible, "alignment": (1.25, 4, -6), "gps": (49.0, 8.4, 120.0)} | changes
    for number in range(count):
        made = flir((counts + number).astype(np.uint16), **settings)
        (folder / f"IR_{number:04d}.jpg").write_bytes(made.bytes())
    return folder


def sets(uri: str) -> list[FrameSet]:
    source = open_source(uri)
    return list(frame_sets(source, Pairer(source)))


def test_one_set_a_file_with_kelvin_place_and_time(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    folder = write(tmp_path, flir, scene, xmp='<a drone-dji:RelativeAltitude="3.5"/>')
    found = sets(f"rjpeg:{folder}?fps=2")
    assert [made.name for made in found] == ["IR_0000", "IR_0001", "IR_0002"]
    assert [made.captured_ns for made in found] == [0, 500_000_000, 1_000_000_000]
    for number, made in enumerate(found):
        thermal, rgb = made.frames["thermal"], made.frames["rgb"]
        assert thermal.pixel_format is PixelFormat.MONO16
        assert (thermal.data == scene[0] + number).all()
        assert rgb.data.shape == (120, 160, 3)
        assert np.abs(rgb.data[..., ::-1].astype(int) - scene[1]).mean() < 4, "RGB"
        assert thermal.epoch_ns == rgb.epoch_ns == 1_700_000_000_250_000_000
        assert thermal.counts_to_kelvin is not None
        expected = to_kelvin(CAMERA, Conditions())(thermal.data)
        assert thermal.counts_to_kelvin(thermal.data) == pytest.approx(expected, abs=1e-3)
        assert json.dumps(thermal.counts_to_kelvin.as_json())
        assert made.readings is not None
        assert made.readings.as_json()["utc"]["utc_ns"] == thermal.epoch_ns
        plain = json.loads(json.dumps(made.readings.as_json()))["position"]
        assert (plain["latitude_deg"], plain["longitude_deg"], plain["how"]) == (49.0, 8.4, "held")
        assert (plain["altitude_m"], plain["above_home_m"], plain["staleness_s"]) == (120.0, 3.5, 0.0)


def test_an_attitude_can_be_written(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    xmp = " ".join(
        f'drone-dji:{who}{axis}Degree="{value}"'
        for who, values in (("Gimbal", (0, -90, 30)), ("Flight", (1, 2, 3)))
        for axis, value in zip(("Roll", "Pitch", "Yaw"), values, strict=True)
    )
    made = sets(f"rjpeg:{write(tmp_path, flir, scene, 1, xmp=xmp)}")[0]
    assert made.readings is not None
    plain = json.loads(json.dumps(made.readings.as_json()))
    assert plain["gimbal"]["pitch_rad"] == pytest.approx(-np.pi / 2)
    assert plain["attitude"]["yaw_rad"] == pytest.approx(np.radians(3))


def test_settings_of_the_scene_can_be_corrected(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    folder = write(tmp_path, flir, scene, 2)
    options = "emissivity=0.8&reflected=5&distance=30&air=10&humidity=70"
    for made in sets(f"rjpeg:{folder}?{options}"):
        thermal = made.frames["thermal"]
        assert thermal.counts_to_kelvin is not None
        right = Conditions(0.8, 30.0, 278.15, 283.15, 0.7)
        assert thermal.counts_to_kelvin(thermal.data) == pytest.approx(
            to_kelvin(CAMERA, right)(thermal.data), abs=2e-3
        )


def test_what_a_camera_never_set_can_be_given(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    folder = write(tmp_path, flir, scene, 1, camera={"emissivity": 0.0, "window_transmission": 0.0})
    with pytest.raises(RigsightError, match="SRC-003.*emissivity is 0"):
        open_source(f"rjpeg:{folder}")
    thermal = sets(f"rjpeg:{folder}?emissivity=0.9")[0].frames["thermal"]
    assert thermal.counts_to_kelvin is not None
    expected = to_kelvin(CAMERA, Conditions(emissivity=0.9))(thermal.data)
    assert thermal.counts_to_kelvin(thermal.data) == pytest.approx(expected, abs=2e-3)


def test_readings_come_through_two_sources(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    folder = write(tmp_path / "ir", flir, scene, 1)
    (tmp_path / "rgb").mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "a.png"), scene[1])
    source = MergedSource(
        open_source(f"images:{tmp_path}/rgb", "rgb"), open_source(f"rjpeg:{folder}", "thermal")
    )
    made = next(iter(frame_sets(source, Pairer(source))))
    assert made.readings is not None
    assert made.readings.as_json()["position"]["latitude_deg"] == 49.0


def test_kelvin_on_the_grid_is_exact_for_planck(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    """A uniform picture keeps its temperature through the warp, on every valid pixel."""
    kelvin = 330.0
    black = to_kelvin(CAMERA, Conditions(emissivity=0.9, reflected_k=280.0))
    counts = np.full((60, 80), round(black.counts(kelvin)), np.uint16)
    folder = write(tmp_path, flir, (counts, scene[1]), 1, camera={"emissivity": 0.9, "reflected": 280.0})
    source = open_source(f"rjpeg:{folder}")
    made = next(iter(frame_sets(source, Pairer(source))))
    prepare = Preprocessor(Preprocessing(geometry=Geometry(kind="resize")), (64, 48), source.rig)
    aligned = prepare(made)
    found = aligned.kelvin()
    assert found is not None
    assert (aligned.valid > 0).mean() > 0.9
    assert found[aligned.valid > 0] == pytest.approx(kelvin, abs=0.01)


def test_the_factory_rig_brings_the_pictures_together(flir: Flir, tmp_path: Path) -> None:
    """A disc drawn at one place of the thermal picture, and where the formula puts it in the visible one."""
    ratio, x, y = 1.25, 9, -7
    scale = 160 / (ratio * 80)
    v, u = np.mgrid[:60, :80]
    counts = (15000 + 3000 * (np.hypot(u - 52, v - 21) < 6)).astype(np.uint16)
    cx, cy = 79.5 + x + (52 - 39.5) * scale, 59.5 + y + (21 - 29.5) * scale
    v, u = np.mgrid[:120, :160]
    visible = np.dstack([np.where(np.hypot(u - cx, v - cy) < 6 * scale, 230, 40)] * 3).astype(np.uint8)
    folder = write(tmp_path, flir, (counts, visible), 1, alignment=(ratio, x, y))
    source = open_source(f"rjpeg:{folder}")
    assert source.rig is not None
    assert source.rig.output.size == (128, 96)
    made = next(iter(frame_sets(source, Pairer(source))))
    prepare = Preprocessor(Preprocessing(geometry=Geometry(kind="resize")), (128, 96), source.rig)
    before = prepare(made)
    for distance in (None, 3.0):  # a distance changes nothing: the file knows no baseline
        if distance is not None:
            prepare.retarget(distance)
        aligned = prepare(made)
        centres = [middle(picture > 128) for picture in (aligned.rgb[..., 0], aligned.thermal)]
        assert centres[0] == pytest.approx(centres[1], abs=0.3)
        assert (aligned.thermal == before.thermal).all()


def middle(spot: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(spot)
    return float(columns.mean()), float(rows.mean())


def test_an_offset_that_changes_moves_the_visible_picture(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    counts, _ = scene
    v, u = np.mgrid[:120, :160]
    for number, offset in enumerate((0, 12)):
        visible = np.dstack([np.where(np.hypot(u - 70 - offset, v - 60) < 9, 230, 40)] * 3).astype(np.uint8)
        write(tmp_path / str(number), flir, (counts, visible), 1, alignment=(1.25, offset, 0))
        (tmp_path / str(number) / "IR_0000.jpg").rename(tmp_path / f"{number}.jpg")
    first, second = sets(f"rjpeg:{tmp_path}")
    spots = [middle(made.frames["rgb"].data[..., 0] > 128) for made in (first, second)]
    assert spots[0] == pytest.approx(spots[1], abs=0.2)


def test_thermal_alone_and_visible_alone(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    folder = write(tmp_path, flir, scene, 1)
    for uri, role, cameras in (
        (f"rjpeg:{folder}?camera=thermal", None, ("thermal",)),
        (f"rjpeg:{folder}", "thermal", ("thermal",)),
        (f"rjpeg:{folder}", "rgb", ("rgb",)),
        (f"rjpeg:{folder / 'IR_0000.jpg'}", None, ("rgb", "thermal")),
    ):
        source = open_source(uri, role)
        assert source.cameras == cameras
        assert (source.rig is not None) == (len(cameras) == 2)
        assert sorted(frame.camera for frame in source.frames()) == sorted(cameras)
        source.close()
    with pytest.raises(RigsightError, match="SRC-001"):
        open_source(f"rjpeg:{folder}?camera=rgb", "thermal")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"visible": None, "alignment": None}, "no visible picture"),
        ({"alignment": None}, "only one of it"),
        ({"visible": np.zeros((60, 80, 3), np.uint8)}, "size"),
    ],
)
def test_files_of_two_cameras_in_one_folder(
    flir: Flir, scene: Scene, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    write(tmp_path, flir, scene, 1)
    other = {"visible": scene[1], "alignment": (1.25, 4, -6)} | changes
    (tmp_path / "IR_9.jpg").write_bytes(flir(scene[0], **other).bytes())
    with pytest.raises(RigsightError) as caught:
        sets(f"rjpeg:{tmp_path}")
    assert caught.value.code == "SRC-008"
    assert said in caught.value.what
    assert len(sets(f"rjpeg:{tmp_path}?match=IR_0*")) == 1


def test_missing_empty_and_foreign(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(RigsightError, match="SRC-002"):
            open_source(f"rjpeg:{path}")
    folder = write(tmp_path / "mixed", flir, scene, 1)
    cv2.imwrite(str(folder / "IR_0001.jpg"), scene[1])
    with pytest.raises(RigsightError, match="SRC-007"):
        sets(f"rjpeg:{folder}")
    for option in ("emissivity=0", "emissivity=2", "humidity=120", "emisivity=0.9", "camera=ir"):
        with pytest.raises(RigsightError, match="SRC-001"):
            open_source(f"rjpeg:{folder}?{option}")


def test_a_run_of_two_cameras_by_the_factory_rig(
    flir: Flir, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts, visible = scene
    big = (cv2.resize(counts, (320, 240)), cv2.resize(visible, (640, 480)))
    folder, out = write(tmp_path / "photos", flir, big, 3), tmp_path / "out"
    words = ["run", "--bundle", str(ROOT / "bundles/sim_street"), "--source", f"rjpeg:{folder}"]
    words += ["--sink", f"masks:{out}/masks", "--sink", f"jsonl:{out}/run.jsonl?temperatures=yes", "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pairs"] == 3
    assert report["aligned"] == "by the geometry that the source itself knows"
    assert len(list((out / "masks").glob("IR_*.png"))) == 3
    for line in (out / "run.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert row["readings"]["position"]["latitude_deg"] == 49.0
        assert set(row["temperatures"]) == set(row["class_px"])
        for found in row["temperatures"].values():
            assert 250 < found["min_k"] <= found["mean_k"] <= found["max_k"] < 400


def test_a_run_of_the_thermal_camera_alone(
    flir: Flir, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "photos", flir, scene, 2, visible=None, alignment=None)
    words = ["run", "--bundle", str(ROOT / "bundles/sim_street"), "--thermal", f"rjpeg:{folder}", "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pairs"] == 2
    assert report["aligned"] == "only the thermal camera: nothing to align"


def test_both_pictures_without_alignment_need_a_rig(
    flir: Flir, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "photos", flir, scene, 1, alignment=None)
    code = main(["run", "--bundle", str(ROOT / "bundles/sim_street"), "--source", f"rjpeg:{folder}"])
    assert code == 2
    assert "RUN-002" in capsys.readouterr().err
