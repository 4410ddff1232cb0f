"""Pictures with instances: COCO files through dataset.yaml. No torch.

A data set with ``labels: {kind: coco, pattern: instances.json}``; its classes are the background and then the
file's categories, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rigsight.edge.frames import Float32, Image, UInt8, as_uint8
from rigsight.training import codes
from rigsight.training.data.coco import CocoFile, CocoImage, decode
from rigsight.training.data.dataset import Dataset, Item

InstanceModality = Literal["rgb", "thermal"]


@dataclass(frozen=True)
class InstanceRecord:
    """One picture and its things.

    ``picture``: RGB uint8 [H,W,3], or thermal uint8 or uint16 [H,W]; ``masks`` uint8 0 or 1 [K,H,W];
    ``labels`` int64 [K], 1 and on; ``crowd`` bool [K], groups that nobody counted. K may be 0.
    """

    picture: Image
    masks: UInt8
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]


class InstanceRecords:
    """The pictures of one split, decoded when they are asked for and kept while memory for them lasts."""

    def __init__(
        self, dataset: Dataset, split: str, modality: InstanceModality, cache_mb: int = 2048
    ) -> None:
        """Read and check the COCO file, and that every picture is there.

        Raises:
            RigsightError: DAT-002 for the split, DAT-003 for a missing picture, DAT-201 to DAT-206 for the
                COCO file.
        """
        self.dataset, self.split, self.modality = dataset, split, modality
        self.items = dataset.items(split)
        if dataset.spec.labels.kind != "coco" or modality not in dataset.spec.modalities:
            lacks = "COCO labels" if dataset.spec.labels.kind != "coco" else f"{modality} pictures"
            raise codes.COCO_EMPTY(f"{dataset.spec.name} has no {lacks}", where=dataset.folder)
        self.names = tuple(entry.name for entry in dataset.spec.classes)
        self._files: dict[Path, CocoFile] = {}
        self._images = [self._image(item) for item in self.items]
        self._check_pictures()
        if not any(image.annotations for image in self._images):
            raise codes.COCO_EMPTY(
                f"no picture of split '{split}' has an annotation", where=dataset.path("labels", "")
            )
        self._left = cache_mb * 1_000_000
        self._kept: dict[int, InstanceRecord] = {}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> InstanceRecord:
        record = self._kept.get(index)
        if record is None:
            record = self._read(self.items[index], self._images[index])
            self._left -= record.picture.nbytes + record.masks.nbytes
            if self._left > 0:
                self._kept[index] = record
        return record

    def counts(self) -> dict[str, int]:
        """Instances of every class in the split."""
        found = dict.fromkeys(self.names[1:], 0)
        for image in self._images:
            for annotation in image.annotations:
                found[annotation.category] += 1
        return found

    def _image(self, item: Item) -> CocoImage:
        path = item.label_path
        assert path is not None
        if path not in self._files:
            file = CocoFile(path)
            unknown = [name for name in file.categories if name not in self.names[1:]]
            if unknown:
                raise codes.COCO_CATEGORY(
                    f"the file's category '{unknown[0]}' is none of dataset.yaml's things: "
                    f"{', '.join(self.names[1:])}",
                    where=path,
                )
            self._files[path] = file
        return self._files[path].image(item.stem)

    def _check_pictures(self) -> None:
        paths = [item.rgb_path if self.modality == "rgb" else item.thermal_path for item in self.items]
        missing = [path for path in paths if path is not None and not path.is_file()]
        if missing:
            more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise codes.FILE_MISSING(f"there is no such file{more}", where=missing[0])

    def _read(self, item: Item, image: CocoImage) -> InstanceRecord:
        record = item.read()
        picture = record.rgb if self.modality == "rgb" else record.thermal
        assert picture is not None
        height, width = picture.shape[:2]
        if (width, height) != (image.width, image.height):
            raise codes.COCO_REFERENCE(
                f"the picture is {width}x{height}, the COCO file says {image.width}x{image.height}",
                where=item.stem,
            )
        masks = [decode(each.segmentation, height, width) for each in image.annotations]
        # A polygon thinner than a pixel may cover no pixel's centre: there is nothing to learn from it.
        kept = [k for k, mask in enumerate(masks) if mask.any()]
        annotations = [image.annotations[k] for k in kept]
        return InstanceRecord(
            picture,
            as_uint8(np.stack([masks[k] for k in kept])) if kept else np.zeros((0, height, width), np.uint8),
            np.array([self.names.index(each.category) for each in annotations], np.int64),
            np.array([each.crowd for each in annotations], np.bool_),
        )


def boxes_of(masks: UInt8) -> Float32:
    """The boxes round masks 0 or 1 [K,H,W], none empty: x0, y0, x1, y1 at the pixels' outer edges, [K,4].

    >>> mask = np.zeros((1, 4, 5), np.uint8); mask[0, 1:3, 2] = 1
    >>> boxes_of(mask).tolist()
    [[2.0, 1.0, 3.0, 3.0]]
    """
    boxes = np.zeros((len(masks), 4), np.float32)
    for k, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        boxes[k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def resized_masks(masks: UInt8, size: tuple[int, int]) -> UInt8:
    """Masks [K,H,W] at another size (width, height); the nearest pixel wins."""
    import cv2

    width, height = size
    if masks.shape[1:] == (height, width):
        return masks
    made = np.zeros((len(masks), height, width), np.uint8)
    for k, mask in enumerate(masks):
        made[k] = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return made
