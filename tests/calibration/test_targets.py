"""Drawings of every kind in every format, rasterised from the file and detected again at exact scale."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.boards import Board, Float64
from rigsight.calibration.detection.detect import detect
from rigsight.calibration.markers import dictionary_of
from rigsight.calibration.targets.dxf import to_dxf
from rigsight.calibration.targets.ink import marker_ink
from rigsight.calibration.targets.layout import lay_out, page_size
from rigsight.calibration.targets.pdf import to_pdf
from rigsight.calibration.targets.raster import to_picture
from rigsight.calibration.targets.shapes import Drawing, outlines
from rigsight.calibration.targets.svg import to_svg
from rigsight.calibration.targets.write import write_drawing

CHARUCO = Board(kind="charuco", columns=7, rows=5, square_m=0.03, marker_m=0.022)
BOARDS = [
    Board(kind="chessboard", columns=8, rows=5, square_m=0.02),
    CHARUCO,
    Board(kind="aprilgrid", columns=4, rows=3, tag_m=0.04, spacing=0.3),
    Board(kind="circles", columns=7, rows=5, pitch_m=0.025, diameter_m=0.015),
    Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.02, diameter_m=0.017),
    Board(kind="asymmetric_circles", columns=4, rows=9, pitch_m=0.02, diameter_m=0.017, cutout=True),
]
names = [f"{board.kind}{'-cut' if board.cutout else ''}" for board in BOARDS]
PIXELS_A_MM = 2.5
FINE = 8


@dataclass
class Page:
    """What a file says, in mm, y down: filled areas (loops, even-odd), hole outlines, open lines, words."""

    width: float
    height: float
    filled: list[list[Float64]] = field(default_factory=list)
    holes: list[list[Float64]] = field(default_factory=list)
    lines: list[Float64] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def picture(self) -> np.ndarray:
        """Rasterised independently of the package: even-odd at the centres of fine pixels, area means."""
        size = round(self.width * PIXELS_A_MM), round(self.height * PIXELS_A_MM)
        scale = PIXELS_A_MM * FINE
        toggles = np.zeros((size[1] * FINE, size[0] * FINE + 1), np.int64)
        rim = self.width * self.height * 0.9
        for loops in self.filled + [h for h in self.holes if abs(area(h[0])) < rim]:
            for loop in loops:
                for (x0, y0), (x1, y1) in pairwise([*(loop * scale - 0.5), loop[0] * scale - 0.5]):
                    rows = np.arange(np.ceil(min(y0, y1)), np.ceil(max(y0, y1))).astype(int)
                    if len(rows):
                        x = x0 + (rows - y0) / (y1 - y0) * (x1 - x0)
                        toggles[rows, np.ceil(x).astype(int)] += 1
        fine = np.where(np.cumsum(toggles, axis=1)[:, :-1] % 2 == 1, 0, 255).astype(np.uint8)
        return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)


def area(loop: Float64) -> float:
    x, y = loop.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def circle(x: float, y: float, radius: float) -> Float64:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def read_svg(text: str) -> Page:
    root = ElementTree.fromstring(text)
    width, height = (float(root.attrib[key].removesuffix("mm")) for key in ("width", "height"))
    assert root.attrib["width"].endswith("mm")
    assert [float(v) for v in root.attrib["viewBox"].split()] == [0, 0, width, height]
    page = Page(width, height)
    for element in root:
        tag = element.tag.split("}")[1]
        if tag == "text":
            page.words.append(element.text or "")
            continue
        if tag == "circle":
            loops = [circle(*(float(element.attrib[key]) for key in ("cx", "cy", "r")))]
        else:
            parts = element.attrib["d"].replace("Z", "").split("M")[1:]
            loops = [np.array(part.replace("L", "").split(), float).reshape(-1, 2) for part in parts]
        if element.attrib["fill"] == "none":
            closed = tag == "circle" or "Z" in element.attrib["d"]
            page.holes.append(loops) if closed else page.lines.append(loops[0])
        else:
            page.filled.append(loops)
    return page


def read_pdf(data: bytes) -> Page:
    """The objects by the cross-reference table, then the few operators of the content stream."""
    start = int(re.search(rb"startxref\s+(\d+)\s+%%EOF\s*$", data)[1])  # type: ignore[index]
    table = data[start:].split(b"trailer")[0].split(b"\n")
    places = [int(line.split()[0]) for line in table if line.strip().endswith(b"n")]
    objects = [data[place:].split(b"endobj")[0] for place in places]
    for number, body in enumerate(objects, 1):
        assert body.startswith(b"%d 0 obj" % number)
    assert b"/PrintScaling /None" in objects[0]
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", objects[2])
    assert box
    mm = 25.4 / 72
    page = Page(float(box[1]) * mm, float(box[2]) * mm)
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", objects[3], re.DOTALL)
    assert stream
    assert int(stream[1]) == len(stream[2])
    frame = np.eye(3)
    loops: list[list[Float64]] = []
    closed = False
    for line in stream[2].decode("cp1252").splitlines():
        text = re.match(r"BT .* Tm \((.*)\) Tj ET$", line)
        if text:
            page.words.append(re.sub(r"\\(.)", r"\1", text[1]))
            continue
        stack: list[float] = []
        for word in line.split():
            if re.fullmatch(r"-?[\d.]+", word):
                stack.append(float(word))
                continue
            values = np.array(stack)
            if word == "cm":
                frame = np.array([[*values[:2], 0], [*values[2:4], 0], [*values[4:], 1]])
            elif word == "m":
                loops.append([values])
            elif word == "l":
                loops[-1].append(values)
            elif word == "c":
                t = np.linspace(0, 1, 16)[1:, None]
                a, b, c, d = loops[-1][-1], values[:2], values[2:4], values[4:]
                curve = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t * t * (1 - t) * c + t**3 * d
                loops[-1].extend(curve)
            elif word == "h":
                closed = True
            elif word in ("f", "f*", "S"):
                done = []
                for loop in loops:
                    points = np.column_stack([np.array(loop), np.ones(len(loop))]) @ frame
                    done.append(np.stack([points[:, 0], box_height(box) - points[:, 1]], axis=1) * mm)
                if word != "S":
                    page.filled.append(done)
                elif closed:
                    page.holes.append(done)
                else:
                    page.lines.extend(done)
                loops, closed = [], False
            else:
                assert word in ("w", "RG"), word
            stack = []
    return page


def box_height(box: re.Match[bytes]) -> float:
    return float(box[2])


def read_dxf(text: str) -> Page:
    rows = text.splitlines()
    pairs = [(int(code), value) for code, value in zip(rows[::2], rows[1::2], strict=True)]
    assert pairs[-1] == (0, "EOF")
    extent = pairs.index((9, "$EXTMAX"))
    page = Page(float(pairs[extent + 1][1]), float(pairs[extent + 2][1]))
    entities = pairs[pairs.index((2, "ENTITIES")) + 1 :]
    starts = [n for n, (code, _) in enumerate(entities) if code == 0]
    points: list[tuple[float, float]] = []
    outer: dict[int, str] = {}
    for n, end in pairwise(starts):
        values = dict(entities[n:end])
        kind = values[0]
        at = float(values.get(10, 0)), page.height - float(values.get(20, 0))
        if kind == "CIRCLE":
            loop = [circle(*at, float(values[40]))]
            page.holes.append(loop) if values[8] == "CUT" else page.filled.append(loop)
        elif kind == "TEXT":
            page.words.append(values[1])
        elif kind == "POLYLINE":
            points, outer = [], values
        elif kind == "VERTEX":
            points.append(at)
        elif kind == "SEQEND":
            loop = [np.array(points)]
            if outer[70] == "0":
                page.lines.append(loop[0])
            elif outer[8] == "CUT":
                page.holes.append(loop)
            else:
                page.filled.append(loop)
    # R12 knows no areas: what lies inside another outline of the layer is left out of it.
    if page.filled:
        page.filled = [[loop for loops in page.filled for loop in loops]]
    return page


READERS: dict[str, Callable[[Drawing], Page]] = {
    "svg": lambda drawing: read_svg(to_svg(drawing)),
    "pdf": lambda drawing: read_pdf(to_pdf(drawing)),
    "dxf": lambda drawing: read_dxf(to_dxf(drawing)),
}


def worst_px(picture: np.ndarray, drawing: Drawing, board: Board, pixels_a_mm: float) -> float:
    """Largest distance of a detected point from its place on the page."""
    # No lens is as sharp as the raster; sub-pixel corners need slopes.
    found = detect(cv2.GaussianBlur(picture, (0, 0), 1.0), board, deadline_s=20.0)
    assert found is not None
    assert len(found.ids) == board.count
    expected = drawing.to_page(board.object_points()) * pixels_a_mm - 0.5
    return min(
        float(np.linalg.norm(found.points - expected[order][found.ids], axis=1).max())
        for order in board.orders()
    )


@pytest.mark.parametrize("board", BOARDS, ids=names)
@pytest.mark.parametrize("suffix", [*READERS])
def test_what_a_file_draws_is_the_board(board: Board, suffix: str) -> None:
    drawing = lay_out(board)
    page = READERS[suffix](drawing)
    assert (page.width, page.height) == pytest.approx((drawing.width, drawing.height), abs=1e-3)
    assert worst_px(page.picture(), drawing, board, PIXELS_A_MM) < 0.1
    bar = max(page.lines, key=len)
    assert np.ptp(bar[:, 0]) == pytest.approx(100, abs=1e-3)
    assert any("100 mm" in words for words in page.words)
    assert any(board.kind.split("_")[0] in words for words in page.words)
    if board.cutout:
        assert not page.filled
        assert len(page.holes) == board.count + 1, "holes and the rim of the plate"


@pytest.mark.parametrize("board", BOARDS, ids=names)
def test_a_png_knows_its_scale(board: Board, tmp_path: Path) -> None:
    drawing = lay_out(board, "A3")
    path = tmp_path / "board.png"
    write_drawing(drawing, path, dpi=72)
    data = path.read_bytes()
    at = data.index(b"pHYs")
    a_metre = int.from_bytes(data[at + 4 : at + 8], "big")
    assert a_metre == 2835
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture.shape == tuple(np.ceil(np.array([drawing.height, drawing.width]) * 2.835))
    assert worst_px(picture, drawing, board, 2.835) < 0.1


def test_charuco_is_drawn_as_opencv_draws_it() -> None:
    theirs = cv2.aruco.CharucoBoard((7, 5), 0.03, 0.021, dictionary_of("DICT_5X5_100")).generateImage(
        (700, 500)
    )
    board = CHARUCO.model_copy(update={"marker_m": 0.021})
    drawing = lay_out(board)
    ours = to_picture(drawing, 100 / 30)
    left, top = (round(v * 100 / 30 - 100) for v in drawing.origin)
    ours = ours[top : top + 500, left : left + 700]
    assert (
        (ours > 127) == (theirs > 127)
    ).mean() > 0.98  # releases of OpenCV round the markers' places differently


@pytest.mark.parametrize("board", BOARDS[1:3], ids=names[1:3])
def test_simulated_ink_is_the_drawn_one(board: Board) -> None:
    drawing = lay_out(board)
    picture = to_picture(drawing, 4.0)
    x0, y0, x1, y1 = board.outline_m
    x, y = np.random.default_rng(0).uniform((x0, y0), (x1, y1), (4000, 2)).T
    at = np.rint(drawing.to_page(np.stack([x, y], axis=1)) * 4 - 0.5).astype(int)
    drawn = picture[at[:, 1], at[:, 0]]
    clear = (drawn < 5) | (drawn > 250)
    agree = marker_ink(board)(x, y)[clear] == (drawn[clear] < 128)
    assert clear.mean() > 0.9
    assert agree.mean() > 0.99  # the rest lies within half a pixel of an edge


def test_outlines_enclose_exactly_the_cells() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        cells = rng.random((7, 6)) < 0.5
        loops = outlines(cells)
        fine = np.zeros((70, 60), np.uint8)
        # A tenth of a cell inwards of the pixel's edge: filling includes the outline.
        cv2.fillPoly(fine, [np.rint((10 * loop - 0.5) * 256).astype(np.int32) for loop in loops], 1, 8, 8)
        np.testing.assert_array_equal(fine[5::10, 5::10].astype(bool), cells)
        assert sum(area(loop) for loop in loops) == pytest.approx(cells.sum())


@pytest.mark.parametrize(
    ("page", "size"),
    [
        ("A3", (297, 420)),
        ("a4", (210, 297)),
        ("600x400", (600, 400)),
        ("55.5x70mm", (55.5, 70)),
        ("fit", None),
    ],
)
def test_pages(page: str, size: tuple[float, float] | None) -> None:
    assert page_size(page) == size


@pytest.mark.parametrize("page", ["A9", "", "x", "0x10", "10x", "-5x5", "nanxnan", "1e9x1"])
def test_unknown_pages(page: str) -> None:
    with pytest.raises(RigsightError, match="CAL-021"):
        page_size(page)


def test_a_board_that_does_not_fit_is_refused_with_the_size_that_does() -> None:
    big = Board(kind="chessboard", columns=9, rows=6, square_m=0.04)
    with pytest.raises(
        RigsightError, match=r"CAL-020.*480 x 374 mm.*A4.*squares of at most (\S+) mm"
    ) as caught:
        lay_out(big, "A4")
    fits = float(re.search(r"at most (\S+) mm", caught.value.line())[1])  # type: ignore[index]
    lay_out(big.model_copy(update={"square_m": fits / 1000}), "A4")
    with pytest.raises(RigsightError, match="CAL-020"):
        lay_out(big.model_copy(update={"square_m": (fits + 0.2) / 1000}), "A4")


def test_formats_that_end_before_the_page(tmp_path: Path) -> None:
    huge = lay_out(Board(kind="circles", columns=7, rows=5, pitch_m=1.0))
    for name in ("board.pdf", "board.png"):
        with pytest.raises(RigsightError, match="CAL-020"):
            write_drawing(huge, tmp_path / name)
    with pytest.raises(RigsightError, match="CAL-022"):
        write_drawing(huge, tmp_path / "board.bmp")
    assert not list(tmp_path.iterdir())
    write_drawing(huge, tmp_path / "board.svg")
