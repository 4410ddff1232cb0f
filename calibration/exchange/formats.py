"""Rigs to and from the files of other tools: one front for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.base.files import make_folder, write_text
from rigsight.calibration import codes
from rigsight.calibration.exchange import opencv
from rigsight.calibration.exchange.build import build_rig
from rigsight.calibration.exchange.compare import difference_px
from rigsight.calibration.exchange.files import detect_format, read_sources
from rigsight.calibration.exchange.reading import Source
from rigsight.calibration.exchange.record import CameraRecord, rigid_motion
from rigsight.calibration.exchange.refit import best_refit
from rigsight.calibration.exchange.registry import FOLDERS, module_of
from rigsight.calibration.rig import Rig

LOSSLESS_PX = 1e-6
CROP_UP_TO_PIXELS = 1 << 25


@dataclass(frozen=True)
class Exported:
    """What :func:`export_rig` wrote.

    Attributes:
        files: in the order of writing.
        round_trip_px: largest difference between the rig (refitted lenses, where there are any) and what
            the files say, read again: below 1e-6.
        refit_px: camera -> largest difference over the picture between its lens and the one written;
            empty when nothing was refitted.
        left_out: what the rig holds and the format does not.
    """

    files: tuple[Path, ...]
    round_trip_px: float
    refit_px: dict[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def export_rig(
    rig: Rig, format_name: str, path: str | Path, *, refit: bool = False, yaml_header: str = "1.0"
) -> Exported:
    """Write ``rig`` for another tool.

    What is written is read again and compared before it reaches the disk: an export is exact to 1e-6 px
    or refused.

    Args:
        rig: any rig.
        format_name: a key of :data:`rigsight.calibration.exchange.registry.FORMATS`.
        path: the file; a folder for ros, colmap and mrcal, which write several.
        refit: fit the nearest lens the format has where it cannot hold the rig's.
        yaml_header: "1.0" or "1.2", for OpenCV's YAML.

    Raises:
        RigsightError: CAL-063 when the format cannot hold the rig, CAL-064 for an unknown format, CAL-066
            for a transform that is no rigid motion, IO-001 when a file cannot be written.
    """
    module, path = module_of(format_name), Path(path)
    cameras = records_of(rig)
    errors: dict[str, float] = {}
    if refit:
        cameras, errors = _refitted(cameras, module)
    try:
        options = (opencv.dialect(path), yaml_header) if module is opencv else ()
        texts: dict[str, str] = module.encode(cameras, *options)
    except RigsightError as error:
        if error.code != codes.EXPORT_LOSSY.code or refit:
            raise
        raise codes.EXPORT_LOSSY(
            error.what,
            fix=f"Use --refit to write the nearest lens that {module.NAME} has, with its error in pixels, "
            "or choose another format (docs/exchange.md says what each can hold).",
        ) from error
    sources = [Source(path / name if name else path, text.encode()) for name, text in texts.items()]
    again: list[CameraRecord] = module.decode(sources)
    difference = difference_px(cameras, again)
    if not difference < LOSSLESS_PX:
        raise codes.EXPORT_LOSSY(f"read again, the {module.NAME} files differ by {difference:.2g} px")
    if format_name in FOLDERS:
        make_folder(path)
    for source, text in zip(sources, texts.values(), strict=True):
        write_text(source.path, text)
    return Exported(tuple(source.path for source in sources), difference, errors, _left_out(rig))


def records_of(rig: Rig) -> list[CameraRecord]:
    """The cameras of a rig, the reference first, rotations made exact.

    Raises:
        RigsightError: CAL-066 for a bad transform.
    """
    names = [rig.reference, *(name for name in rig.cameras if name != rig.reference)]
    return [
        CameraRecord(
            name=name,
            model=rig.cameras[name].model,
            K=rig.cameras[name].matrix,
            D=rig.cameras[name].D,
            size=rig.cameras[name].size,
            pose=rigid_motion(rig.pose(name), f"transforms.{name}", Path("rig.yaml")),
        )
        for name in names
    ]


def _refitted(
    cameras: Sequence[CameraRecord], module: ModuleType
) -> tuple[list[CameraRecord], dict[str, float]]:
    """The cameras with a lens that the format has, and the errors of those that had another."""
    result, errors = [], {}
    for camera in cameras:
        try:
            module.encode([replace(camera, pose=np.eye(4))])
            result.append(camera)
        except RigsightError as refused:
            changed, error = best_refit(camera, module.REFITS)
            if not np.isfinite(error):
                raise codes.EXPORT_LOSSY(
                    f"no lens of {module.NAME} comes near that of camera '{camera.name}'",
                    fix="Choose another format (docs/exchange.md says what each can hold).",
                ) from refused
            result.append(changed)
            errors[camera.name] = error
    return result, errors


def _left_out(rig: Rig) -> tuple[str, ...]:
    parts = {
        "the reference surface": True,
        "the output grid": True,
        "spectra": True,
        "time offsets": bool(rig.time_offset_s),
        "the covariance": rig.covariance is not None,
        "T_base_reference": rig.T_base_reference is not None,
        "T_reference_rangefinder": rig.T_reference_rangefinder is not None,
    }
    return tuple(part for part, present in parts.items() if present)


def import_rig(
    paths: str | Path | Sequence[str | Path],
    format_name: str = "auto",
    *,
    spectra: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    sizes: Sequence[tuple[int, int]] | None = None,
    models: Sequence[str] | None = None,
    reference: str | None = None,
    distance_m: float = 10.0,
    unit_m: float = 1.0,
) -> Rig:
    """Read a rig from the files of another tool.

    Args:
        paths: a file, the folder of several, or the files; their order is the cameras' order.
        format_name: as for :func:`export_rig`, or "auto" to go by the content.
        spectra: rgb, thermal or nir for each camera; None goes by names that say so.
        names: for the cameras, instead of those in the files.
        sizes: (width, height) of each camera, for files that do not say.
        models: pinhole-radtan or fisheye for each camera, for OpenCV files that do not say.
        reference: name of the reference camera; None takes the file's, else the first.
        distance_m: of the reference plane, which no format has.
        unit_m: metres in a unit of the file; 0.001 for millimetres.

    Returns:
        the rig. ``provenance.notes`` says what was read and what was left out.

    Raises:
        RigsightError: CAL-060 … CAL-062 for a file that is not as it should be, CAL-064 for an unknown
            format, CAL-065 when something is missing that an argument can give, CAL-066 for a rig that
            cannot be.
    """
    listed = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not listed:
        raise codes.EXCHANGE_INCOMPLETE("no file is given", fix="Give at least one file.")
    if format_name == "auto":
        format_name = detect_format(listed[0])
    module = module_of(format_name)
    cameras = module.decode(read_sources(listed, format_name))
    rig = build_rig(
        cameras,
        spectra=spectra,
        names=names,
        sizes=sizes,
        models=models,
        reference=reference,
        distance_m=distance_m,
        unit_m=unit_m,
        origin=f"imported from {module.NAME}: {', '.join(path.name for path in listed)}",
    )
    return _cropped(rig)


def _cropped(rig: Rig) -> Rig:
    """The rig with its output's crop; without one when nothing is seen in common or it is too large."""
    from rigsight.calibration.output_grid import with_crop

    if rig.output.width * rig.output.height > CROP_UP_TO_PIXELS:
        return rig
    try:
        return with_crop(rig)
    except RigsightError:
        return rig
