"""FLIR files that a writer made: every field comes back, in both byte orders, and bad bytes are refused."""

from __future__ import annotations

import json
import math
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.edge.radiometry.factory_rig import factory_rig
from rigsight.edge.radiometry.flir_camera import local_time
from rigsight.edge.radiometry.flir_segments import Damaged, flir_file, records
from rigsight.edge.radiometry.jpeg import jpeg_size, segments
from rigsight.edge.radiometry.photo import parse_photo, read_photo
from rigsight.edge.radiometry.raw_thermal import roughness
from rigsight.edge.sources.rjpeg import readings_of

HERE = Path("photo.jpg")
Scene = tuple[np.ndarray, np.ndarray]
Flir = Callable[..., Any]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("header_big", [False, True])
@pytest.mark.parametrize("raw", ["png-swapped", "png", "plain"])
def test_counts_come_back_in_every_layout(
    flir: Flir, scene: Scene, big: bool, header_big: bool, raw: str
) -> None:
    counts, _ = scene
    made = flir(counts, big=big, header_big=header_big, raw=raw, chunk=777)
    photo = parse_photo(made.bytes(), HERE)
    assert photo.counts.dtype == np.uint16
    assert (photo.counts == counts).all()
    assert photo.visible_size is None
    assert photo.visible() is None


@pytest.mark.parametrize("big", [False, True])
def test_the_camera_record_is_read_whole(flir: Flir, scene: Scene, big: bool) -> None:
    values = {"emissivity": 0.93, "distance": 12.5, "humidity": 0.4, "O": -1143, "angle": 24.0, "focus": 3.0}
    photo = parse_photo(flir(scene[0], big=big, camera=values).bytes(), HERE)
    camera = photo.camera
    assert (camera.identity.model, camera.identity.serial_number, camera.identity.lens) == (
        "Test T1",
        "SN-42",
        "FOL18",
    )
    first, offset = camera.constants.R1, camera.constants.O
    assert (first, offset) == pytest.approx((16951.797, -1143))
    assert (camera.scene.emissivity, camera.scene.distance_m) == pytest.approx((0.93, 12.5))
    assert camera.scene.humidity == pytest.approx(0.4)
    assert (camera.field_of_view_deg, camera.focus_distance_m) == pytest.approx((24.0, 3.0))
    assert camera.range_k == pytest.approx((253.15, 423.15))
    assert (camera.raw_range, camera.raw_median) == ((8556, 59303), 16804)
    assert camera.taken_ns == 1_700_000_000_250_000_000
    when = local_time(camera)
    assert when is not None
    assert when.isoformat() == "2023-11-15T00:13:20.250000+02:00"


def test_humidity_may_be_percent(flir: Flir, scene: Scene) -> None:
    photo = parse_photo(flir(scene[0], camera={"humidity": 45.0}).bytes(), HERE)
    assert photo.camera.scene.humidity == pytest.approx(0.45)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_visible_picture_comes_back(flir: Flir, scene: Scene, kind: str) -> None:
    counts, visible = scene
    made = flir(counts, visible=visible, visible_kind=kind, alignment=(1.5, 7, -3))
    photo = parse_photo(made.bytes(), HERE)
    assert photo.visible_size == (160, 120)
    assert photo.alignment is not None
    assert (photo.alignment.real_to_ir, photo.alignment.offset_px) == (1.5, (7, -3))
    assert photo.alignment.pip_px == (0, 0, 79, 59)
    back = photo.visible()
    assert back is not None
    assert np.abs(back.astype(int) - visible).mean() < 4, "BGR, not Y Cb Cr"


def test_an_alignment_that_cannot_be_is_none(flir: Flir, scene: Scene) -> None:
    for ratio in (0.0, 0.01, -1.0, 1e9, float("nan")):
        made = flir(scene[0], visible=scene[1], alignment=(ratio, 0, 0))
        assert parse_photo(made.bytes(), HERE).alignment is None
    wide = np.zeros((8, 12000, 3), np.uint8)
    photo = parse_photo(flir(scene[0], visible=wide, alignment=(0.5, 30000, -30000)).bytes(), HERE)
    rig, why = factory_rig(photo)
    assert rig is None
    assert "too large" in why
    lying = parse_photo(flir(scene[0].T.copy(), visible=scene[1], alignment=(1.2, 0, 0)).bytes(), HERE)
    assert factory_rig(lying) == (None, "one of the two pictures stands upright, the other lies")


def test_exif_in_both_byte_orders(flir: Flir, scene: Scene, make_tiff: Any) -> None:
    gps = {1: "S", 2: [(20, 1), (13, 1), (5807, 100)], 3: "W", 4: [(43, 1), (29, 1), (2895, 100)]}
    gps |= {6: [(8635, 10)]}
    for big in (False, True):
        exif = make_tiff(big, {0x010F: "FLIR Systems AB"}, {0x9003: "2018:05:16 10:22:57"}, gps)
        photo = parse_photo(flir(scene[0], exif=exif).bytes(), HERE)
        assert photo.position is not None
        assert photo.position.latitude_deg == pytest.approx(-(20 + 13 / 60 + 58.07 / 3600))
        assert photo.position.longitude_deg == pytest.approx(-(43 + 29 / 60 + 28.95 / 3600))
        assert photo.position.altitude_m == pytest.approx(863.5)
        assert photo.position.fix == "exif"


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: [(0, 0), (13, 1), (1, 1)], 3: "E", 4: [(8, 1), (0, 1), (0, 1)]},
        {1: "N", 2: [(95, 1), (0, 1), (0, 1)], 3: "E", 4: [(8, 1), (0, 1), (0, 1)]},
        {1: "N", 2: [(0, 1), (0, 1), (0, 1)], 3: "E", 4: [(0, 1), (0, 1), (0, 1)]},
        {1: "N", 2: [(49, 1), (0, 1), (0, 1)]},
    ],
    ids=["no number", "beyond the pole", "never had a fix", "no longitude"],
)
def test_a_place_that_is_none_is_not_believed(flir: Flir, scene: Scene, make_tiff: Any, gps: Any) -> None:
    photo = parse_photo(flir(scene[0], exif=make_tiff(False, {}, {}, gps)).bytes(), HERE)
    assert photo.position is None


@pytest.mark.parametrize("big", [False, True])
def test_flirs_own_gps_record(flir: Flir, scene: Scene, big: bool) -> None:
    photo = parse_photo(flir(scene[0], big=big, gps=(-33.9, 18.4, 120.0)).bytes(), HERE)
    assert photo.position is not None
    assert (photo.position.latitude_deg, photo.position.longitude_deg) == (-33.9, 18.4)
    assert (photo.position.altitude_m, photo.position.fix) == (120.0, "flir")
    unknown = parse_photo(flir(scene[0], big=big, gps=(49.0, 8.4, -1.0)).bytes(), HERE)
    assert unknown.position is not None
    assert unknown.position.altitude_m is None


def test_a_drones_xmp(flir: Flir, scene: Scene) -> None:
    xmp = (
        '<rdf:Description drone-dji:RelativeAltitude="+12.50" drone-dji:GimbalRollDegree="0.00" '
        'drone-dji:GimbalYawDegree="-90.0" drone-dji:FlightRollDegree="1" drone-dji:FlightYawDegree="2" '
        'drone-dji:FlightPitchDegree="3"><drone-dji:GimbalPitchDegree>-90.00</drone-dji:GimbalPitchDegree>'
    )
    photo = parse_photo(flir(scene[0], xmp=xmp, gps=(1.0, 2.0, 3.0)).bytes(), HERE)
    assert photo.gimbal == pytest.approx((0.0, -math.pi / 2, -math.pi / 2))
    assert photo.flight == pytest.approx(tuple(map(math.radians, (1, 3, 2))))
    assert photo.position is not None
    assert photo.position.above_home_m == 12.5


def test_satellite_time_and_zones(flir: Flir, scene: Scene, make_tiff: Any) -> None:
    from rigsight.edge.radiometry.exif import parse_tiff
    from rigsight.edge.radiometry.position import utc_ns_of

    gps = {0x1D: "2018:05:16", 7: [(10, 1), (22, 1), (575, 10)]}
    whole = 1_526_466_177_500_000_000
    assert utc_ns_of(parse_tiff(memoryview(make_tiff(False, {}, {}, gps)))) == whole
    local = {0x9003: "2018:05:16 07:22:57", 0x9011: "-03:00", 0x9291: "5"}
    assert utc_ns_of(parse_tiff(memoryview(make_tiff(True, {}, local, {})))) == whole
    without_zone = {0x9003: "2018:05:16 07:22:57"}
    assert utc_ns_of(parse_tiff(memoryview(make_tiff(True, {}, without_zone, {})))) is None


def impossible(**camera: float) -> dict[str, Any]:
    return {"camera": camera}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (impossible(emissivity=0.0), "emissivity"),
        (impossible(emissivity=1.2), "emissivity"),
        (impossible(window_transmission=-1.0), "window"),
        (impossible(air=0.0), "air's temperature"),
        (impossible(distance=-1.0), "distance"),
        (impossible(R1=0.0), "constants"),
        (impossible(B=float("nan")), "no number"),
        (impossible(a1=50.0, a2=50.0, distance=100.0, humidity=0.0), "nothing through"),
    ],
)
def test_what_cannot_be_is_said(
    flir: Flir, scene: Scene, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(flir(scene[0], **changes).bytes())
    with pytest.raises(RigsightError) as caught:
        read_photo(path)
    assert caught.value.code == "SRC-003"
    assert said in caught.value.what


def test_parts_that_are_missing_or_double(flir: Flir, scene: Scene) -> None:
    data = flir(scene[0], raw="plain", chunk=3000).bytes()
    place = data.index(b"FLIR\0\1\1")
    length = struct.unpack_from(">H", data, place - 2)[0]
    segment = data[place - 4 : place - 2 + length]
    with pytest.raises(Damaged, match="missing"):
        flir_file(data.replace(segment, b""))
    with pytest.raises(Damaged, match="twice"):
        flir_file(data.replace(segment, segment + segment))


def test_a_png_that_would_fill_the_memory_is_refused_before_it_is_decoded(flir: Flir, scene: Scene) -> None:
    made = flir(scene[0])
    record = bytearray(made.raw_record())
    for width, height in ((65535, 65535), (4096, 4096)):
        struct.pack_into("<HH", record, 2, width, height)
        struct.pack_into(">II", record, 32 + 16, width, height)
        made.raw_record = lambda: bytes(record)
        tracemalloc.start()
        with pytest.raises(Damaged):
            parse_photo(made.bytes(), HERE)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
        tracemalloc.stop()


def test_a_visible_picture_of_another_size_than_it_says(flir: Flir, scene: Scene, tmp_path: Path) -> None:
    made = flir(scene[0], visible=scene[1])
    data = bytearray(made.visible_record())
    for marker, payload in segments(bytes(data[32:])):
        if marker == 0xC0:
            place = bytes(data).index(bytes(payload))
            struct.pack_into(">HH", data, place + 1, 60000, 60000)
    made.visible_record = lambda: bytes(data)
    assert jpeg_size(bytes(data[32:])) == (60000, 60000)
    with pytest.raises(Damaged, match="cannot be"):
        parse_photo(made.bytes(), HERE)


def outcome(data: bytes) -> str:
    """``photo``, or the code of the one line that the file is refused with; anything else fails the test."""
    try:
        photo = parse_photo(data, HERE)
        kelvin = photo.to_kelvin(photo.counts)
        assert kelvin.shape == photo.counts.shape
        photo.visible()
        factory_rig(photo)
        json.dumps(readings_of(photo).as_json())
        local_time(photo.camera)
    except Damaged:
        return "SRC-003"
    except RigsightError as error:
        return error.code
    return "photo"


def assert_survives(data: bytes, seed: int) -> None:
    """Cut at every percent and changed a thousand times: one line or a photo, in bounded memory."""
    assert outcome(data) == "photo"
    tracemalloc.start()
    cuts = [outcome(data[: len(data) * percent // 100]) for percent in range(100)]
    assert "photo" not in cuts
    draw = np.random.default_rng(seed)
    head = min(len(data), 4096)
    for number in range(1000):
        changed = bytearray(data)
        reach = head if number % 2 else len(data)  # half of them where the structure is
        for place in draw.integers(0, reach, 1 + number % 8):
            changed[place] = draw.integers(0, 256)
        outcome(bytes(changed))
    assert tracemalloc.get_traced_memory()[1] < 256 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("raw", ["png-swapped", "plain"])
def test_cut_and_changed_files_never_crash(flir: Flir, scene: Scene, make_tiff: Any, raw: str) -> None:
    gps = {1: "N", 2: [(20, 1), (13, 1), (58, 1)], 3: "E", 4: [(43, 1), (29, 1), (28, 1)], 6: [(8, 1)]}
    exif = make_tiff(False, {0x010F: "FLIR"}, {0x9003: "2018:05:16 10:22:57", 0x9011: "+02:00"}, gps)
    made = flir(scene[0], raw=raw, visible=scene[1], alignment=(1.2, 3, 4), exif=exif, chunk=9000)
    made.xmp = '<a drone-dji:RelativeAltitude="1.5"/>'
    assert_survives(made.bytes(), seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FLIR.jpg", "FLIR_AX8.jpg", "DJI_XTR.jpg"])
def test_real_files_cut_and_changed_never_crash(sample: Callable[[str], Path], name: str) -> None:
    assert_survives(sample(name).read_bytes(), seed=7)


OTHERS = {
    "dji.jpg": ("DJI", b"\xff\xe3\x00\x06\x01\x02\x03\x04", "dji_irp"),
    "hik.jpg": ("HIKMICRO", b"", "HIKMICRO Analyzer"),
    "hik2.jpg": ("", b"\xff\xe2\x00\x08HDRI\x00\x01", "HIKMICRO Analyzer"),
    "testo.jpg": ("Testo SE & Co. KGaA", b"", "IRSoft"),
    "plain.jpg": ("Canon", b"", "R-JPEG"),
}


@pytest.mark.parametrize("name", list(OTHERS))
def test_other_makers_are_named_with_their_tool(make_tiff: Any, tmp_path: Path, name: str) -> None:
    make, extra, tool = OTHERS[name]
    shown = bytes(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1])
    body = b"Exif\0\0" + make_tiff(False, {0x010F: make}, {}, {})
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    path = tmp_path / name
    path.write_bytes(shown[:2] + segment + extra + shown[2:])
    with pytest.raises(RigsightError) as caught:
        read_photo(path)
    assert caught.value.code == "SRC-007"
    assert tool in caught.value.fix


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("a.is2", b"PK\3\4rest", "SmartView"),
        ("a.bmt", b"BM" + bytes(60), "IRSoft"),
        ("a.seq", b"FFF\0" + bytes(60), "FLIR Thermal Studio"),
        ("a.tif", b"II*\0" + bytes(60), "images:DIR"),
        ("a.jpg", b"", "Copy it again"),
        ("a.jpg", b"\x89PNG", "R-JPEG"),
    ],
)
def test_no_jpeg_at_all(tmp_path: Path, name: str, data: bytes, word: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RigsightError) as caught:
        read_photo(path)
    assert caught.value.code == "SRC-007"
    assert word in caught.value.fix


def test_the_smoother_byte_order_is_the_right_one(scene: Scene) -> None:
    counts = scene[0]
    assert roughness(counts) < roughness(counts.byteswap())


def test_a_directory_that_points_outside(flir: Flir, scene: Scene) -> None:
    fff = bytearray(flir(scene[0]).fff())
    struct.pack_into(">I", fff, 64 + 12, 1 << 31)
    with pytest.raises(Damaged, match="outside"):
        records(bytes(fff))
    struct.pack_into(">I", fff, 28, 1 << 20)
    with pytest.raises(Damaged, match="directory"):
        records(bytes(fff))
