"""COCO instance files: read, checked, and their masks. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from rigsight.edge.frames import UInt8, as_uint8
from rigsight.training import codes

_PARTS = ("images", "annotations", "categories")
LEAST_POLYGON = 6


@dataclass(frozen=True)
class CocoAnnotation:
    """One thing: its file's ``category`` name, segmentation as COCO writes it, and whether it is a crowd."""

    number: int
    category: str
    segmentation: Any
    crowd: bool


@dataclass(frozen=True)
class CocoImage:
    """One picture: ``name`` without suffix, size in pixels, and what is in it."""

    name: str
    width: int
    height: int
    annotations: tuple[CocoAnnotation, ...]


class CocoFile:
    """A COCO file, every reference and every segmentation in it checked.

    Attributes:
        categories: names in the file's order.
    """

    def __init__(self, path: str | Path) -> None:
        """Read it.

        Raises:
            RigsightError: DAT-201 for a file that is not COCO's JSON, DAT-203 for an annotation of an unknown
                category, DAT-204 for a broken segmentation, DAT-206 for an annotation of an unknown picture.
        """
        self.path = Path(path)
        data = self._parsed()
        names = {self._integer(c, "id", "category"): str(c.get("name", "")) for c in data["categories"]}
        self.categories = tuple(names.values())
        images = {self._integer(i, "id", "picture"): i for i in data["images"]}
        if len(images) < len(data["images"]) or len(names) < len(data["categories"]):
            raise codes.COCO_UNREADABLE("two pictures or categories have the same id", where=self.path)
        sizes = {number: self._size(entry) for number, entry in images.items()}
        found: dict[int, list[CocoAnnotation]] = {number: [] for number in images}
        for entry in data["annotations"]:
            number = self._integer(entry, "id", "annotation")
            place, category = entry.get("image_id"), entry.get("category_id")
            if place not in images:
                raise codes.COCO_REFERENCE(
                    f"annotation {number} is of picture {place}, which the file does not have",
                    where=self.path,
                )
            if category not in names:
                raise codes.COCO_CATEGORY(
                    f"annotation {number} is of category {category}, which the file does not have",
                    where=self.path,
                )
            segmentation = entry.get("segmentation")
            problem = _problem(segmentation, sizes[place])
            if problem:
                raise codes.COCO_SEGMENTATION(f"annotation {number}: {problem}", where=self.path)
            found[place].append(
                CocoAnnotation(number, names[category], segmentation, bool(entry.get("iscrowd", 0)))
            )
        self._by_path: dict[str, CocoImage] = {}
        self._by_name: dict[str, list[CocoImage]] = {}
        for number, entry in images.items():
            self._enter(entry, sizes[number], tuple(found[number]))

    def image(self, stem: str) -> CocoImage:
        """The picture of a stem: the same path without suffix, or the only one with the same file name.

        Raises:
            RigsightError: DAT-202 where there is none, or several.
        """
        if stem in self._by_path:
            return self._by_path[stem]
        named = self._by_name.get(PurePosixPath(stem).name, [])
        if len(named) != 1:
            told = "does not describe it" if not named else f"describes {len(named)} pictures of that name"
            raise codes.COCO_PICTURE(f"the COCO file {told}: '{stem}'", where=self.path)
        return named[0]

    def _size(self, entry: Mapping[str, Any]) -> tuple[int, int]:
        """(height, width) of a picture."""
        height, width = (self._integer(entry, key, "picture") for key in ("height", "width"))
        if not entry.get("file_name") or width <= 0 or height <= 0:
            raise codes.COCO_UNREADABLE(
                f"picture {entry['id']} has no file_name, width or height", where=self.path
            )
        return height, width

    def _enter(
        self, entry: Mapping[str, Any], size: tuple[int, int], annotations: tuple[CocoAnnotation, ...]
    ) -> None:
        path = PurePosixPath(str(entry["file_name"]).replace("\\", "/"))
        image = CocoImage(str(path.with_suffix("")), size[1], size[0], annotations)
        self._by_path[image.name] = image
        self._by_name.setdefault(path.stem, []).append(image)

    def _parsed(self) -> dict[str, list[dict[str, Any]]]:
        try:
            data = json.loads(self.path.read_bytes())
        except OSError as error:
            raise codes.COCO_UNREADABLE(error.strerror or str(error), where=self.path) from error
        except (ValueError, RecursionError) as error:
            raise codes.COCO_UNREADABLE("the file is not JSON", where=self.path) from error
        for part in _PARTS:
            entries = data.get(part) if isinstance(data, dict) else None
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise codes.COCO_UNREADABLE(f"the file has no list '{part}'", where=self.path)
        return data  # type: ignore[no-any-return]

    def _integer(self, entry: Mapping[str, Any], key: str, what: str) -> int:
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise codes.COCO_UNREADABLE(f"a {what} has '{key}: {value}', not a number", where=self.path)
        return value


def _problem(segmentation: Any, size: tuple[int, int]) -> str | None:
    """What is wrong with a segmentation, in words; None when nothing is."""
    if not segmentation:
        return "the segmentation is empty"
    if isinstance(segmentation, dict):
        return _rle_problem(segmentation, size)
    if not isinstance(segmentation, list):
        return "the segmentation is neither polygons nor a run-length code"
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < LEAST_POLYGON or len(polygon) % 2:
            return "a polygon is no list of x, y pairs of three points or more"
        if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in polygon):
            return "a polygon has a coordinate that is no finite number"
    return None


def _rle_problem(rle: Mapping[str, Any], size: tuple[int, int]) -> str | None:
    if rle.get("size") != list(size):
        return f"the run-length code is of size {rle.get('size')}, the picture of {list(size)}"
    counts = rle.get("counts")
    if isinstance(counts, str):
        counts = _runs(counts)
    if not isinstance(counts, list) or not all(isinstance(n, int) and n >= 0 for n in counts):
        return "the run-length code cannot be read"
    if sum(counts) != size[0] * size[1]:
        return f"the runs cover {sum(counts)} of {size[0] * size[1]} pixels"
    return None


def _runs(text: str) -> list[int] | None:
    """Runs of COCO's compressed text: 5 bits a character, low ones first; differences from the third run on.

    >>> _runs("031")
    [0, 3, 1]
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text.encode("ascii", "replace"):
        bits = character - 48
        if not 0 <= bits < 64:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    return runs if shift == 0 else None


def decode(segmentation: Any, height: int, width: int) -> UInt8:
    """Polygons or a run-length code as a mask uint8 0 or 1 [height,width], by COCO's own rules."""
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        rle = coco_mask.frPyObjects(segmentation, height, width)
    else:
        rle = segmentation
    return as_uint8(coco_mask.decode(rle))


def encode(mask: UInt8) -> dict[str, Any]:
    """A mask 0 or 1 [H,W] as COCO's compressed run-length code, plain values for JSON."""
    from pycocotools import mask as coco_mask

    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}
