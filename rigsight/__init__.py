"""rigsight: from a calibration board to defect masks on a robot, for RGB + thermal rigs.

The rooms are ``rigsight.calibration``, ``rigsight.edge``, ``rigsight.training`` and ``rigsight.export``;
they lie at the top level of the repository and are linked in here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rigsight.edge.pipeline.build import Pipeline

__all__ = ["__version__", "open_pipeline"]

__version__ = "0.1.0"


def open_pipeline(
    bundle: str | Path,
    rig: str | Path | None = None,
    *,
    thermal_input: str | None = None,
    trust: str | Path | None = None,
    allow_downgrade: bool = False,
) -> Pipeline:
    """Open a bundle for use from Python::

        pipeline = rigsight.open_pipeline("bundles/sim_street", "rig.yaml")
        prediction = pipeline(rgb, thermal)
        print(prediction.mask.shape, prediction.degraded)

    Without a rig the pictures count as aligned. ``thermal_input="camera8"`` passes 8-bit thermal pictures
    through as they are. ``bundle`` may be ``installed:NAME``, the active bundle of the store. With ``trust``,
    a public key file, only a bundle signed with it opens, and no older release than this machine has seen
    unless ``allow_downgrade``.

    Raises:
        RigsightError: BND-… for a bundle, CAL-… for a rig that cannot be used.
    """
    from rigsight.edge.pipeline.build import open_pipeline as open_

    return open_(bundle, rig, thermal_input=thermal_input, trust=trust, allow_downgrade=allow_downgrade)
