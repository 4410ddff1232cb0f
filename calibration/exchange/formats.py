"""Rigs to and from the files of other tools: one front for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rigsight.base.errors import RigsightError
from rigsight.base.files import make_folder, write_text
from rigsight.base.schema import parse_model
from rigsight.calibration import codes
from rigsight.calibration.exchange import colmap, kalibr, mrcal, opencv, ros
from rigsight.calibration.exchange.compare import difference_px
from rigsight.calibration.exchange.reading import MAX_BYTES, Source
from rigsight.calibration.exchange.record import PLAIN_NAME, CameraRecord, pose_of, rigid_motion
from rigsight.calibration.exchange.refit import best_refit
from rigsight.calibration.rig import Rig, as_matrix3, as_matrix4

FORMATS: dict[str, ModuleType] = {
    "kalibr": kalibr,
    "ros": ros,
    "opencv": opencv,
    "colmap": colmap,
    "mrcal": mrcal,
}
FOLDERS = ("ros", "colmap", "mrcal")  # several files: --out is a folder
SPECTRA = ("rgb", "thermal", "nir")
LOSSLESS_PX = 1e-6
LONGEST_BASELINE_M = 20.0
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
        format_name: a key of :data:`FORMATS`.
        path: the file; a folder for ros, colmap and mrcal, which write several.
        refit: fit the nearest lens the format has where it cannot hold the rig's.
        yaml_header: "1.0" or "1.2", for OpenCV's YAML.

    Raises:
        RigsightError: CAL-063 when the format cannot hold the rig, CAL-064 for an unknown format, CAL-066
            for a transform that is no rigid motion, IO-001 when a file cannot be written.
    """
    module, path = _module(format_name), Path(path)
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
        RigsightError: CAL-063 for a name that cannot be a file's, CAL-066 for a bad transform.
    """
    names = [rig.reference, *(name for name in rig.cameras if name != rig.reference)]
    for name in names:
        if not PLAIN_NAME.fullmatch(name):
            raise codes.EXPORT_LOSSY(
                f"the camera's name '{name}' cannot be the name of a file",
                fix="Rename it in rig.yaml: letters, digits, '_', '-' and '.'.",
            )
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
        format_name: a key of :data:`FORMATS`, or "auto" to go by the content.
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
    module = _module(format_name)
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
    """A rig of the cameras that a file holds. Arguments and errors as for :func:`import_rig`."""
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


def _cropped(rig: Rig) -> Rig:
    """The rig with its output's crop; without one when nothing is seen in common or it is too large."""
    from rigsight.calibration.calibrate import with_crop

    if rig.output.width * rig.output.height > CROP_UP_TO_PIXELS:
        return rig
    try:
        return with_crop(rig)
    except RigsightError:
        return rig


def _module(format_name: str) -> ModuleType:
    if format_name not in FORMATS:
        raise codes.EXCHANGE_FORMAT(f"there is no format '{format_name}'; known are {', '.join(FORMATS)}")
    return FORMATS[format_name]


def read_sources(paths: Sequence[Path], format_name: str) -> list[Source]:
    """The files to read for what the user named: folders opened, COLMAP's rig beside cameras.txt found."""
    files: list[Path] = []
    for path in paths:
        if format_name == "colmap" and len(paths) == 1:
            files += colmap.files_of(path)
        elif path.is_dir():
            found = _files_in(path, format_name)
            if not found:
                raise codes.EXCHANGE_UNREADABLE(f"the folder holds no {format_name} file", where=path)
            files += found
        else:
            files.append(path)
    limit = mrcal.MAX_BYTES if format_name == "mrcal" else MAX_BYTES
    return [Source.read(file, limit) for file in files]


def _files_in(folder: Path, format_name: str) -> list[Path]:
    """The files of one rig in a folder, sorted, at most eight; files of other formats are passed over."""
    if format_name == "mrcal":
        return sorted(folder.glob("*.cameramodel"))[:8]
    suffixes = (".yaml", ".yml", ".xml", ".json")
    found = sorted(path for path in folder.glob("*") if path.suffix in suffixes and path.is_file())[:64]
    return [path for path in found if _format_of_file(path) == format_name][:8]


def detect_format(path: Path) -> str:
    """The format of a file or folder, by name and content.

    Raises:
        RigsightError: CAL-060 when it cannot be read, CAL-064 when it is none of the known ones.
    """
    if path.is_dir():
        if (path / colmap.CAMERAS_FILE).is_file():
            return "colmap"
        for format_name in ("mrcal", "ros", "opencv", "kalibr"):
            if _files_in(path, format_name):
                return format_name
        raise codes.EXCHANGE_FORMAT("the folder holds no file of a known format", where=path)
    found = _format_of_file(path)
    if found is None:
        raise codes.EXCHANGE_FORMAT("its format is not recognised", where=path)
    return found


def _format_of_file(path: Path) -> str | None:
    if path.suffix == ".cameramodel":
        return "mrcal"
    source = Source.read(path)
    text = source.text
    if path.name == colmap.RIG_FILE or (path.suffix == ".txt" and colmap.is_cameras_file(source)):
        return "colmap"
    if text.startswith("%YAML") or "opencv-matrix" in text or "<opencv_storage" in text:
        return "opencv"
    lines = text.splitlines()
    if any(line.startswith("cam0:") for line in lines):
        return "kalibr"
    if any(line.startswith(("distortion_model:", f"{ros.TRANSFORMS}:")) for line in lines):
        return "ros"
    return "mrcal" if "lensmodel" in text else None
