"""What thermal cameras put into a frame, against rows built word by word after the data sheet."""

from __future__ import annotations

import numpy as np
import pytest

from rigsight.edge.cameras.lepton import LeptonFfc, parse_telemetry
from rigsight.edge.cameras.thermal_frames import PROFILES, Boson, InfiRay, Lepton
from rigsight.edge.frames import Flag


def lepton_frame(
    counter: int, status: int = 0x30, tlinear: tuple[int, int] = (1, 1), rows: int = 120, columns: int = 160
) -> np.ndarray:
    """A frame as a PureThermal gives it; words by the data sheet's table of telemetry rows A to C."""
    words = np.zeros((2 if columns == 160 else 3) * columns, np.uint16)
    a, c = words[:80], words[160:240]
    a[0] = 0x0E0E  # revision
    a[1:3] = 0x5678, 0x0001  # uptime, low word first
    a[3:5] = status & 0xFFFF, status >> 16
    a[20:22] = counter & 0xFFFF, counter >> 16
    a[24], a[26], a[29] = 30815, 30500, 30700
    a[30:32] = 0x1234, 0x0001
    c[48:50] = tlinear
    picture = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns)
    return np.vstack([picture, words.reshape(-1, columns)])


def test_lepton_telemetry_is_what_the_data_sheet_says() -> None:
    found = parse_telemetry(lepton_frame(0x00020003, status=1 << 20 | 1 << 15 | 0x10 | 0x08)[120:])
    assert found is not None
    assert (found.uptime_ms, found.last_ffc_ms, found.frame_counter) == (0x15678, 0x11234, 0x20003)
    assert (found.sensor_kelvin, found.housing_kelvin, found.sensor_at_ffc_kelvin) == (308.15, 305.0, 307.0)
    assert found.ffc is LeptonFfc.IMMINENT
    assert (found.ffc_desired, found.shutter_locked, found.overheating) == (True, True, True)


@pytest.mark.parametrize(("rows", "columns", "height"), [(120, 160, 122), (60, 80, 63)])
def test_lepton_rows_are_taken_off_and_counts_are_kelvin(rows: int, columns: int, height: int) -> None:
    raw = lepton_frame(1, rows=rows, columns=columns)
    assert raw.shape[0] == height
    part = Lepton().take_apart(raw)
    assert part is not None
    assert part.counts.shape == (rows, columns)
    np.testing.assert_array_equal(part.counts, raw[:rows])
    assert part.scale is not None
    assert part.scale(np.array([[30015]])) == pytest.approx(300.15)
    assert part.telemetry["sensor_kelvin"] == 308.15


def test_lepton_says_its_scale_itself() -> None:
    tenths = Lepton().take_apart(lepton_frame(1, tlinear=(1, 0)))
    assert tenths is not None
    assert tenths.scale is not None
    assert tenths.scale(np.array([[3001]])) == pytest.approx(300.1)
    off = Lepton().take_apart(lepton_frame(1, tlinear=(0, 1)))
    assert off is not None
    assert off.scale is None


def test_lepton_shutter_and_repeats() -> None:
    lepton = Lepton()
    states = {0x00: set(), 0x10: set(), 0x20: {Flag.SHUTTER}, 0x30: set()}
    for counter, (status, flags) in enumerate(states.items()):
        part = lepton.take_apart(lepton_frame(counter, status))
        assert part is not None
        assert part.flags == flags
        assert lepton.take_apart(lepton_frame(counter, status)) is None, "the same picture again"
    back = lepton.take_apart(lepton_frame(0))
    assert back is not None, "a counter that starts again is a new picture"


def test_rows_that_are_no_telemetry_are_told() -> None:
    raw = lepton_frame(1)
    raw[120:] = 29500  # pixels of a scene at 295 K
    raw[120, 24] = 7
    part = Lepton().take_apart(raw)
    assert part is not None
    assert part.telemetry == {"telemetry": "not understood"}
    assert part.scale is None
    plain = Lepton().take_apart(raw[:120])
    assert plain is not None
    assert plain.scale is not None
    assert plain.counts.shape == (120, 160)


def test_infirays_lower_half_is_64ths_of_a_kelvin() -> None:
    raw = np.zeros((384, 256), np.uint16)
    raw[:192] = 0x8040  # the view: grey
    raw[192:] = round(36.6 * 64 + 273.15 * 64)
    part = InfiRay().take_apart(raw)
    assert part is not None
    assert part.counts.shape == (192, 256)
    assert part.scale is not None
    np.testing.assert_allclose(part.scale(part.counts) - 273.15, 36.6, atol=1 / 64)
    assert InfiRay().raw_size((256, 192)) == InfiRay().raw_size((256, 384)) == ((256, 384),)


def test_bosons_counts_have_no_scale() -> None:
    raw = np.full((512, 640), 16000, np.uint16)
    part = Boson().take_apart(raw)
    assert part is not None
    assert part.counts is raw
    assert part.scale is None
    assert not part.telemetry


def test_profiles_have_names() -> None:
    assert set(PROFILES) == {"boson", "lepton", "infiray"}
    assert Lepton().raw_size((160, 120)) == ((160, 122), (160, 120))
