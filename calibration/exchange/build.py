"""A rig of the cameras that a foreign file holds, with what only the user knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rigsight.base.schema import parse_model
from rigsight.calibration import codes
from rigsight.calibration.exchange.record import CameraRecord, pose_of, rigid_motion
from rigsight.calibration.rig import Rig, as_matrix3, as_matrix4

SPECTRA = ("rgb", "thermal", "nir")
LONGEST_BASELINE_M = 20.0


def build_rig(
    cameras: Sequence[CameraRecord],
    *,
    spectra: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    sizes: Sequence[tuple[int, int]] | None = None,
    models: Sequence[str] | None = None,
    reference: str | None = None,
    distance_m: float = 10.0,
    unit_m: float = 1.0,
    origin: str = "imported",
) -> Rig:
    """A rig of the cameras that a file holds.

    Args:
        cameras: as a format's ``decode`` gives them.
        spectra: this and the others as for :func:`rigsight.calibration.exchange.formats.import_rig`.
        origin: how the provenance's notes begin.

    Raises:
        RigsightError: CAL-061, CAL-062, CAL-065, CAL-066.
    """
    where = cameras[0].where
    if len(cameras) > 3:
        raise codes.EXCHANGE_UNSUPPORTED(
            f"{len(cameras)} cameras are given; a rig has one to three", where=where
        )
    for option, given in (("names", names), ("spectra", spectra), ("sizes", sizes), ("models", models)):
        if given is not None and len(given) != len(cameras):
            raise codes.EXCHANGE_INCOMPLETE(
                f"{len(given)} {option} are given for {len(cameras)} cameras",
                where=where,
                fix=f"Give --{option} one for each, separated by commas.",
            )
    its_names = list(names) if names is not None else [camera.name for camera in cameras]
    if len(set(its_names)) != len(its_names):
        raise codes.EXCHANGE_INCOMPLETE(
            "two cameras have one name", where=where, fix="Give different --names."
        )
    its_spectra = list(spectra) if spectra is not None else [_spectrum(name, where) for name in its_names]
    chosen = _reference(cameras, its_names, reference)
    order = [chosen, *(index for index in range(len(cameras)) if index != chosen)]
    data: dict[str, Any] = {"cameras": {}, "transforms": {}, "reference": its_names[chosen]}
    for index in order:
        camera, name = cameras[index], its_names[index]
        size = sizes[index] if sizes is not None else camera.size
        if size is None:
            raise codes.EXCHANGE_INCOMPLETE(
                f"the size of camera '{name}' is not in the file",
                where=camera.where,
                fix="Give it for each camera, as in --sizes 640x480,320x256.",
            )
        data["cameras"][name] = {
            "model": models[index] if models is not None else camera.model,
            "width": size[0],
            "height": size[1],
            "K": as_matrix3(camera.K),
            "D": camera.D,
            "spectrum": its_spectra[index],
        }
        if index != chosen:
            data["transforms"][name] = _transform(cameras, index, chosen, name, unit_m)
    own = data["cameras"][its_names[chosen]]
    data["output"] = {"camera": its_names[chosen], "K": own["K"]} | {k: own[k] for k in ("width", "height")}
    data["surface"] = {"kind": "plane", "distance_m": distance_m}
    data["provenance"] = {
        "notes": "; ".join([origin, *(note for camera in cameras for note in camera.notes)])
    }
    return parse_model(data, Rig, codes.EXCHANGE_GARBLED, where=where)


def _transform(
    cameras: Sequence[CameraRecord], index: int, reference: int, name: str, unit_m: float
) -> tuple[tuple[float, ...], ...]:
    camera = cameras[index]
    if camera.pose is None or cameras[reference].pose is None:
        raise codes.EXCHANGE_INCOMPLETE(
            f"the files do not say where camera '{name}' stands",
            where=camera.where,
            fix="Give also the file with the poses: extrinsics.yml (OpenCV), rig_config.json (COLMAP), "
            "static_transforms.yaml or stereo-rectified camera_info (ROS).",
        )
    T = camera.pose @ np.linalg.inv(pose_of(cameras[reference]))
    T[:3, 3] *= unit_m
    baseline = float(np.linalg.norm(T[:3, 3]))
    if not baseline <= LONGEST_BASELINE_M:
        raise codes.EXCHANGE_IMPLAUSIBLE(
            f"camera '{name}' stands {baseline:.4g} m from the reference camera",
            where=camera.where,
            fix="If the file is in millimetres, give --unit-m 0.001.",
        )
    return as_matrix4(rigid_motion(T, f"transforms.{name}", camera.where))


def _reference(cameras: Sequence[CameraRecord], names: Sequence[str], reference: str | None) -> int:
    if reference is not None:
        if reference not in names:
            raise codes.EXCHANGE_INCOMPLETE(
                f"there is no camera '{reference}', only {', '.join(names)}",
                where=cameras[0].where,
                fix="Give --reference one of them.",
            )
        return names.index(reference)
    marked = [index for index, camera in enumerate(cameras) if camera.is_reference]
    return marked[0] if marked else 0


def _spectrum(name: str, where: Path) -> str:
    found = [spectrum for spectrum in SPECTRA if spectrum in name.lower()]
    if len(found) != 1:
        raise codes.EXCHANGE_INCOMPLETE(
            f"no file says what camera '{name}' sees",
            where=where,
            fix="Give it for each camera, as in --spectra rgb,thermal.",
        )
    return found[0]
