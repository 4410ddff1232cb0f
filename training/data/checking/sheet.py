"""One page of samples: what each camera sees, and the mask laid over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from rigsight.base.files import write_bytes
from rigsight.edge.agc import PercentileAgc
from rigsight.edge.frames import UNLABELLED, Image, UInt8
from rigsight.training import codes
from rigsight.training.data.checking.truth import CocoTruth
from rigsight.training.data.dataset import Dataset, Item
from rigsight.training.data.spec import DatasetClass

TILE_WIDTH = 300
LABEL_HEIGHT = 22
GAP = 6
LONGEST_NAME = 40
OVERLAY = 0.55
PAPER = (250, 250, 250)
INK = (20, 20, 20)


def draw_sheet(dataset: Dataset, split: str | None, count: int, seed: int) -> UInt8:
    """A page RGB uint8 [H,W,3] of ``count`` random samples, of one split or in turns of all.

    Raises:
        RigsightError: DAT-002 for an unknown split, DAT-003 to DAT-008 for what cannot be read.
    """
    chosen = list(itertools.islice(_draw(dataset, split, seed), count))
    truth = CocoTruth(dataset) if dataset.spec.labels.kind == "coco" else None
    cells = [_cell(name, item, dataset, truth) for name, item in chosen]
    columns = max(1, min(3, round(1500 / cells[0].shape[1])))
    page = _paged(cells, columns)
    legend = _legend(dataset.spec.classes, page.shape[1])
    return np.vstack([legend, page])


def write_sheet(path: str | Path, page: UInt8) -> None:
    """Write the page; the suffix names the format. Raises IO-001, DAT-012 for a suffix of no picture."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".jpg", ".jpeg", ".png"):
        raise codes.SHEET_FORMAT(f"'{suffix}' is no format of a sheet", where=path)
    _, data = cv2.imencode(suffix, cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    write_bytes(path, data.tobytes())


def _draw(dataset: Dataset, split: str | None, seed: int) -> Iterator[tuple[str, Item]]:
    random = np.random.default_rng(seed)
    names = [split] if split is not None else list(dataset.spec.splits)
    decks = []
    for name in names:
        items = dataset.items(name)
        decks.append([(name, items[i]) for i in random.permutation(len(items))])
    for turn in itertools.zip_longest(*decks):
        yield from (entry for entry in turn if entry is not None)


def _cell(split: str, item: Item, dataset: Dataset, truth: CocoTruth | None) -> UInt8:
    record = item.read()
    pictures: list[UInt8] = []
    if record.rgb is not None:
        pictures.append(record.rgb)
    if record.thermal is not None:
        pictures.append(np.dstack([_grey(record.thermal)] * 3))
    labels = record.labels
    if truth is not None:
        height, width = pictures[0].shape[:2]
        labels, _ = truth.labels(item, width, height)
    if labels is not None:
        pictures.append(overlaid(pictures[0], labels, dataset.spec.classes))
    height, width = int(pictures[0].shape[0]), int(pictures[0].shape[1])
    size = (TILE_WIDTH, max(1, round(height * TILE_WIDTH / width)))
    scaled = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    gap = np.full((size[1], 2, 3), PAPER, np.uint8)
    row = np.hstack([part for picture in scaled for part in (picture, gap)][:-1])
    strip = np.full((LABEL_HEIGHT, row.shape[1], 3), PAPER, np.uint8)
    stem = item.stem if len(item.stem) <= LONGEST_NAME else "..." + item.stem[-LONGEST_NAME:]
    _write(strip, f"{split}: {stem}", 4)
    return np.vstack([strip, row])


def overlaid(picture: UInt8, labels: UInt8, classes: Sequence[DatasetClass]) -> UInt8:
    """RGB with the classes but the first tinted and outlined in their colours, unlabelled pixels hatched.

    Args:
        picture: uint8 [H,W,3].
        labels: uint8 [H,W].
        classes: colours by id.
    """
    shown = picture.copy()
    for class_id, entry in enumerate(classes):
        inside = labels == class_id
        if class_id == 0 or not inside.any():
            continue
        tinted = (1 - OVERLAY) * shown[inside] + OVERLAY * np.array(entry.color)
        shown[inside] = (tinted + 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, entry.color, 1)
    height, width = labels.shape
    stripes = (np.arange(height)[:, None] + np.arange(width)) % 8 < 2
    shown[(labels == UNLABELLED) & stripes] = (150, 150, 150)
    return shown


def _grey(thermal: Image) -> UInt8:
    if thermal.dtype == np.uint8:
        return thermal
    low, high = (float(v) for v in np.percentile(thermal, (0.5, 99.5)))
    return PercentileAgc.apply(thermal, (low, max(high, low + 1)))


def _paged(cells: Sequence[UInt8], columns: int) -> UInt8:
    width = max(cell.shape[1] for cell in cells)
    rows = []
    for i in range(0, len(cells), columns):
        height = max(cell.shape[0] for cell in cells[i : i + columns])
        row = np.full((height + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8)
        for k, cell in enumerate(cells[i : i + columns]):
            left = GAP + k * (width + GAP)
            row[: cell.shape[0], left : left + cell.shape[1]] = cell
        rows.append(row)
    return np.vstack(rows)


def _legend(classes: Sequence[DatasetClass], width: int) -> UInt8:
    """The classes' colours and names, in as many lines as they need."""
    lines = [np.full((LABEL_HEIGHT, width, 3), PAPER, np.uint8)] if classes else []
    left = GAP
    for entry in classes:
        needed = 24 + 9 * len(entry.name)
        if left + needed > width and left > GAP:
            lines.append(np.full((LABEL_HEIGHT, width, 3), PAPER, np.uint8))
            left = GAP
        cv2.rectangle(lines[-1], (left, 4), (left + 14, 18), entry.color, -1)
        _write(lines[-1], entry.name, left + 18)
        left += needed
    return np.vstack(lines) if lines else np.zeros((0, width, 3), np.uint8)


def _write(strip: UInt8, text: str, left: int) -> None:
    printable = text.encode("ascii", "replace").decode()
    cv2.putText(strip, printable, (left, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
