"""``jsonl:FILE``: one JSON line a frame set, in ``FILE.partial`` until the run ends."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rigsight.base.files import cannot_write, make_folder
from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import UNLABELLED, FrameSet, Prediction
from rigsight.edge.instances import Instance
from rigsight.edge.sources.uri import Uri
from rigsight.edge.temperature import region_kelvin


class JsonlSink:
    """Every line is handed to the system at once, so that a killed run leaves whole lines behind."""

    def __init__(self, path: str | Path, classes: Sequence[ClassEntry], temperatures: bool = False) -> None:
        """``temperatures`` of every class that a radiometric camera sees. Raises IO-001 when the file cannot
        be made."""
        self.path, self._names = Path(path), [entry.name for entry in classes]
        self._temperatures = temperatures
        self.partial = self.path.with_name(self.path.name + ".partial")
        make_folder(self.path.parent)
        if self.path.is_dir():
            raise cannot_write(IsADirectoryError(0, "it is a folder"), self.path)
        try:
            self._file = self.partial.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise cannot_write(error, self.path) from error

    @classmethod
    def from_uri(cls, uri: Uri, classes: Sequence[ClassEntry]) -> JsonlSink:
        """Option: ``temperatures`` (no, yes). Raises SRC-001."""
        uri.check(("temperatures",))
        return cls(uri.path, classes, uri.choice("temperatures", ("no", "yes"), "no") == "yes")

    def write(self, prediction: Prediction) -> None:
        """Append one line. Raises IO-001."""
        try:
            self._file.write(json.dumps(self._line(prediction)) + "\n")
        except OSError as error:
            raise cannot_write(error, self.path) from error

    def close(self) -> None:
        """Give the file its final name. Raises IO-001."""
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self.partial, self.path)
        except OSError as error:
            raise cannot_write(error, self.path) from error

    def _line(self, prediction: Prediction) -> dict[str, Any]:
        source = prediction.aligned.source
        # By rows: bincount takes eight times the memory of what it counts.
        parts = (prediction.mask[y : y + 256] for y in range(0, len(prediction.mask), 256))
        counts = sum((np.bincount(part.ravel(), minlength=256) for part in parts), np.zeros(256, np.int64))
        bounds = prediction.aligned.agc_bounds
        found = {} if prediction.instances is None else {"instances": self._instances(prediction.instances)}
        return {
            "index": source.index,
            "name": source.name,
            "captured_ns": source.captured_ns,
            "skew_ns": dict(source.skew_ns),
            "missing": dict(source.missing),
            "flags": {role: sorted(frame.flags) for role, frame in source.frames.items() if frame.flags},
            "agc_bounds": None if bounds is None else [round(bound, 2) for bound in bounds],
            **({} if source.readings is None else {"readings": source.readings.as_json()}),
            **_distances(source),
            "degraded": prediction.degraded,
            "class_px": {name: int(counts[i]) for i, name in enumerate(self._names) if counts[i]},
            "unlabelled_px": int(counts[UNLABELLED]),
            **found,
            **({"temperatures": self._kelvin(prediction)} if self._temperatures else {}),
            "stage_ms": {stage: round(ns / 1e6, 3) for stage, ns in prediction.stage_ns.items()},
            "bundle": prediction.bundle_id,
        }

    def _kelvin(self, prediction: Prediction) -> dict[str, Any]:
        """Class -> what its pixels measure (RegionTemperature); empty without a radiometric camera."""
        kelvin = prediction.aligned.kelvin()
        if kelvin is None:
            return {}
        regions = (
            (name, region_kelvin(prediction.aligned, prediction.mask, class_id, kelvin=kelvin))
            for class_id, name in enumerate(self._names)
        )
        return {name: region.as_json() for name, region in regions if region is not None}

    def _instances(self, instances: Sequence[Instance]) -> list[dict[str, Any]]:
        return [
            {
                "class": self._names[each.label],
                "score": round(each.score, 4),
                "box": [round(float(side), 2) for side in each.box],
                "sure": each.sure,
            }
            for each in instances
        ]


def _distances(source: FrameSet) -> dict[str, Any]:
    """What cameras that see depth say of the middle of their picture."""
    found = {role: frame.distance_m for role, frame in source.frames.items() if frame.distance_m is not None}
    return {"distance_m": found} if found else {}
