"""The drift baseline: what a freshly calibrated rig shows, in its own file beside rig.yaml."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from rigsight.base.schema import StrictModel, load_model
from rigsight.calibration import codes
from rigsight.calibration.rig import Float64, Rig

Row2 = tuple[float, float]


class DriftBaseline(StrictModel):
    """Shifts between RGB and aligned thermal, tile by tile, in working pixels."""

    version: Literal[1] = 1
    rig_sha256: str = Field(description="of the geometry that aligned the pictures")
    width: int = Field(gt=0, description="working size, pixels")
    height: int = Field(gt=0)
    pairs: int = Field(gt=0)
    shifts: tuple[Row2 | None, ...] = Field(description="x, y of every tile; null where nothing was common")
    errors: tuple[Row2 | None, ...] = Field(description="their standard errors")
    depth_px: float = Field(ge=0, description="how much depth moved the shift along the baseline meanwhile")

    @model_validator(mode="after")
    def _check(self) -> DriftBaseline:
        if [s is None for s in self.shifts] != [e is None for e in self.errors]:
            raise ValueError("shifts and errors must be given for the same tiles")
        return self

    @property
    def shift(self) -> Float64:
        """float64 [T,2], NaN where nothing was common."""
        return np.array([s or (np.nan, np.nan) for s in self.shifts])

    @property
    def error(self) -> Float64:
        """float64 [T,2], NaN where nothing was common."""
        return np.array([e or (np.nan, np.nan) for e in self.errors])

    @classmethod
    def of(
        cls,
        rig_sha256: str,
        size: tuple[int, int],
        pairs: int,
        shift: Float64,
        error: Float64,
        depth_px: float,
    ) -> DriftBaseline:
        """From arrays [T,2] with NaN."""
        rows = [
            tuple(
                None if not np.isfinite(row).all() else (round(float(row[0]), 4), round(float(row[1]), 4))
                for row in values
            )
            for values in (np.where(np.isfinite(error), shift, np.nan), error)
        ]
        return cls(
            rig_sha256=rig_sha256, width=size[0], height=size[1], pairs=pairs, shifts=rows[0],
            errors=rows[1], depth_px=round(depth_px, 4),
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path, rig_sha256: str, size: tuple[int, int], tiles: int) -> DriftBaseline:
        """Read a baseline and check that it belongs to the rig.

        Raises:
            RigsightError: CAL-042 unreadable, or of another calibration or size.
        """
        found = load_model(path, cls, codes.DRIFT_BASELINE_INVALID)
        if found.rig_sha256 != rig_sha256:
            raise codes.DRIFT_BASELINE_INVALID("it belongs to another calibration", where=path)
        if (found.width, found.height) != size or len(found.shifts) != tiles:
            raise codes.DRIFT_BASELINE_INVALID(
                f"it is for {found.width}x{found.height} pixels, not {size[0]}x{size[1]}", where=path
            )
        return found


def geometry_sha256(rig: Rig) -> str:
    """Digest of what alignment depends on; comments, provenance and time offsets do not count."""
    dumped = rig.model_dump_json(include={"cameras", "reference", "transforms", "surface", "output"})
    return hashlib.sha256(dumped.encode()).hexdigest()
