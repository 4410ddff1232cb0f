"""numpy <-> Image: every encoding, step and endianness, views where possible, hostile sizes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.edge.messages import deserialise, image_of, picture_of, rgb_of, serialise
from rigsight.edge.messages.images import ENCODINGS
from rigsight.edge.messages.types.sensor_msgs import Image
from rigsight.edge.messages.types.std_msgs import Header
from tests.edge.messages.golden import golden

H, W = 3, 5


def noise(encoding: str, height: int = H, width: int = W) -> np.ndarray:
    kind, channels = ENCODINGS[encoding]
    shape = (height, width) if channels == 1 else (height, width, channels)
    values = np.random.default_rng(7).integers(0, 60000, shape)
    return values.astype(kind)


def packed(encoding: str, picture: np.ndarray, step: int, bigendian: bool, last_padded: bool = True) -> Image:
    """A message as any publisher may make it: rows of ``step`` bytes with rubbish behind them."""
    height, width = picture.shape[:2]
    samples = picture.astype(picture.dtype.newbyteorder(">" if bigendian else "<"))
    rows = [samples[y].tobytes() for y in range(height)]
    data = b"".join(row + b"\xee" * (step - len(row)) for row in rows)
    if not last_padded:
        data = data[: (height - 1) * step + len(rows[-1])]
    return Image(Header(), height, width, encoding, int(bigendian), step, data)


@pytest.mark.parametrize("bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 2, 3, 7, 64])
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_any_step_and_endianness_gives_the_same_picture(encoding: str, padding: int, bigendian: bool) -> None:
    picture = noise(encoding)
    step = picture[0].nbytes + padding
    for last_padded in (True, False):
        found = picture_of(packed(encoding, picture, step, bigendian, last_padded))
        assert found.dtype == picture.dtype
        assert found.dtype.isnative
        assert found.flags.aligned
        assert (found == picture).all()
        assert not found.flags.writeable


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(sorted(ENCODINGS)),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    padding=st.integers(0, 9),
    bigendian=st.booleans(),
)
def test_pictures_of_any_size_come_back(
    encoding: str, height: int, width: int, padding: int, bigendian: bool
) -> None:
    picture = noise(encoding, height, width)
    message = packed(encoding, picture, picture[0].nbytes + padding, bigendian)
    assert (picture_of(message) == picture).all()
    again = deserialise(serialise(image_of(picture, Header(), encoding)), Image)  # type: ignore[arg-type]
    assert again.step == picture[0].nbytes
    assert (picture_of(again) == picture).all()


def test_golden_pictures() -> None:
    thermal, _ = golden("thermal_mono16_4x2")
    assert picture_of(thermal).tolist() == [[29315, 29322, 29329, 29336], [29343, 29350, 29357, 29364]]  # type: ignore[arg-type]
    padded, _ = golden("rgb8_3x2_padded_step12")
    assert picture_of(padded)[:, :, 0].tolist() == [[0, 3, 6], [12, 15, 18]]  # type: ignore[arg-type]


def test_the_usual_encodings_follow_from_shape_and_type() -> None:
    for encoding in ("mono8", "mono16", "32FC1", "rgb8", "rgba8"):
        assert image_of(noise(encoding), Header()).encoding == encoding
    assert image_of(noise("16UC1"), Header(), "16UC1").encoding == "16UC1"
    assert image_of(noise("bgr8"), Header(), "bgr8").encoding == "bgr8"


def test_dense_pictures_are_seen_not_copied_both_ways() -> None:
    picture = noise("rgb8")
    message = image_of(picture, Header())
    assert np.shares_memory(np.frombuffer(message.data, np.uint8), picture)
    assert np.shares_memory(picture_of(message), picture)
    counts = noise("mono16").astype("<u2")
    message = image_of(counts, Header())
    assert np.shares_memory(np.frombuffer(message.data, np.uint8), counts)
    if sys.byteorder == "little":
        assert np.shares_memory(picture_of(message), counts)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_strided_read_only_and_swapped_arrays_are_sent_right(encoding: str) -> None:
    big = noise(encoding, 2 * H, 2 * W)
    views = [big[::2, ::2], big[::-1, ::-1], big[1:4, 2:6], np.asfortranarray(big), big.swapaxes(0, 1)]
    views.append(big.astype(big.dtype.newbyteorder(">")))
    for view in views:
        view.flags.writeable = False
        message = image_of(view, Header(), encoding)  # type: ignore[arg-type]
        assert message.is_bigendian == 0
        assert (picture_of(message) == view).all()
        assert len(message.data) == view.nbytes


def test_rgb_of_every_8_bit_picture() -> None:
    colour = noise("rgb8")
    assert (rgb_of(image_of(colour, Header())) == colour).all()
    assert (rgb_of(image_of(colour[:, :, ::-1], Header(), "bgr8")) == colour).all()
    alpha = np.dstack([colour, np.full((H, W), 9, np.uint8)])
    assert (rgb_of(image_of(alpha, Header())) == colour).all()
    assert (rgb_of(image_of(alpha[:, :, [2, 1, 0, 3]], Header(), "bgra8")) == colour).all()
    grey = noise("mono8")
    assert (rgb_of(image_of(grey, Header())) == grey[:, :, None]).all()
    padded = packed("bgr8", np.ascontiguousarray(colour[:, :, ::-1]), 3 * W + 5, False)
    assert (rgb_of(padded) == colour).all()


def test_counts_are_no_rgb_picture() -> None:
    with pytest.raises(RigsightError, match="MSG-003: a mono16 picture is no RGB picture"):
        rgb_of(image_of(noise("mono16"), Header()))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((2, 2), bool),
        np.zeros((2, 2), np.int16),
        np.zeros((2, 2), np.float64),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2, 3), np.uint16),
        np.zeros(4, np.uint8),
        np.zeros((1, 2, 2, 3), np.uint8),
    ],
)
def test_arrays_without_an_encoding_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(RigsightError, match="MSG-003: an array of .* cannot be sent"):
        image_of(picture, Header())


def test_an_encoding_must_fit_the_array() -> None:
    with pytest.raises(RigsightError, match="MSG-003: an array of uint8 .* cannot be mono16"):
        image_of(noise("mono8"), Header(), "mono16")
    with pytest.raises(RigsightError, match="cannot be yuyv"):
        image_of(noise("mono8"), Header(), "yuyv")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("height", "width", "step", "encoding", "size"),
    [
        (2, 4, 3, "mono8", 8),  # a row does not fit its step
        (2, 4, 4, "mono8", 7),  # a byte is missing
        (2, 4, 4, "mono8", 9),  # a byte too many
        (2**32 - 1, 2**32 - 1, 2**32 - 1, "rgb8", 12),
        (2**32 - 1, 1, 0, "mono8", 0),
        (0, 4, 4, "mono8", 1),
        (2, 4, 4, "yuv422", 8),
        (2, 4, 4, "", 8),
        (2, 4, 4, "x" * 10_000, 8),
    ],
)
def test_contradicting_sizes_are_refused(
    height: int, width: int, step: int, encoding: str, size: int
) -> None:
    with pytest.raises(RigsightError, match="MSG-003") as caught:
        picture_of(Image(Header(), height, width, encoding, 0, step, bytes(size)))
    assert len(str(caught.value)) < 400


def test_empty_pictures_stay_empty() -> None:
    for shape in ((0, 4), (4, 0), (0, 4, 3), (4, 0, 3)):
        picture = np.zeros(shape, np.uint8)
        found = picture_of(deserialise(serialise(image_of(picture, Header())), Image))
        assert found.shape == shape
        assert rgb_of(image_of(picture, Header())).shape == (*shape[:2], 3)
    assert picture_of(Image(Header(), 2**32 - 1, 0, "mono8")).shape == (2**32 - 1, 0)
