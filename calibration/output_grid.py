"""The output grid of a calibrated rig: the reference camera without its distortion, and the common crop."""

from __future__ import annotations

from rigsight.calibration import codes
from rigsight.calibration.align import Aligner, largest_rectangle
from rigsight.calibration.rig import Camera, OutputGrid, Rig, as_matrix3


def own_grid(name: str, camera: Camera) -> OutputGrid:
    """The grid of a camera's own size and K."""
    return OutputGrid(camera=name, width=camera.width, height=camera.height, K=as_matrix3(camera.matrix))


def with_crop(rig: Rig) -> Rig:
    """The rig with its output cropped to the largest rectangle that every camera fills."""
    aligners = [Aligner(rig, name) for name in rig.cameras]
    valid = aligners[0].valid
    for aligner in aligners[1:]:
        valid = valid & aligner.valid
    crop = largest_rectangle(valid)
    if crop[2] == 0 or crop[3] == 0:
        raise codes.VIEWS_CONTRADICT(
            "the calibrated cameras would see nothing in common on the reference surface"
        )
    return rig.model_copy(update={"output": rig.output.model_copy(update={"crop": crop})})
