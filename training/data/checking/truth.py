"""The instances of a COCO file as masks of class ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rigsight.edge.frames import UInt8
from rigsight.training import codes
from rigsight.training.data.coco import CocoFile, decode
from rigsight.training.data.dataset import Dataset, Item


class CocoTruth:
    """COCO files of a data set, read once each; instances are painted, the later over the earlier."""

    def __init__(self, dataset: Dataset) -> None:
        self._files: dict[Path, CocoFile] = {}
        self._ids = {entry.name: i for i, entry in enumerate(dataset.spec.classes)}

    def labels(self, item: Item, width: int, height: int) -> tuple[UInt8, int]:
        """Class ids uint8 [H,W] and the number of instances.

        Raises:
            RigsightError: DAT-201 to DAT-206 for the COCO file, DAT-007 for a category that dataset.yaml
                lacks, DAT-008 where the file says another size.
        """
        path = item.label_path
        assert path is not None
        if path not in self._files:
            self._files[path] = CocoFile(path)
        image = self._files[path].image(item.stem)
        if (image.width, image.height) != (width, height):
            said = f"{image.width}x{image.height} in the COCO file"
            raise codes.SIZES_DIFFER(f"the picture is {width}x{height}, {said}", where=item.stem)
        painted = np.zeros((height, width), np.uint8)
        for thing in image.annotations:
            if thing.category not in self._ids:
                raise codes.UNKNOWN_IDS(
                    f"category '{thing.category}' is no class of dataset.yaml", where=path
                )
            painted[decode(thing.segmentation, height, width) > 0] = self._ids[thing.category]
        return painted, len(image.annotations)
