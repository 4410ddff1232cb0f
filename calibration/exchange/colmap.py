"""COLMAP: cameras.txt, and rig_config.json (COLMAP 3.12 and later) for poses within the rig.

COLMAP puts a pixel's centre at +0.5, a rig at integers: 0.5 is added to cx and cy on the way out.
``cam_from_rig`` is T_<camera>_<reference> as a quaternion w x y z and a translation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange.reading import Entry, Source, parse_json
from rigsight.calibration.exchange.record import (
    CameraRecord,
    camera_matrix,
    image_size,
    padded,
    plain_name,
    pose_of,
    radtan,
    refuse_skew,
    unique_names,
)
from rigsight.calibration.exchange.rotations import from_quaternion, quaternion_of
from rigsight.calibration.rig import Float64

NAME = "COLMAP"
REFITS = (("pinhole-radtan", 8), ("fisheye", 4))
RIG_FILE = "rig_config.json"
CAMERAS_FILE = "cameras.txt"
MAX_CAMERAS = 3
# COLMAP's name -> our model, number of focal lengths, number of coefficients.
MODELS: dict[str, tuple[str, int, int]] = {
    "SIMPLE_PINHOLE": ("pinhole-radtan", 1, 0),
    "PINHOLE": ("pinhole-radtan", 2, 0),
    "SIMPLE_RADIAL": ("pinhole-radtan", 1, 1),
    "RADIAL": ("pinhole-radtan", 1, 2),
    "OPENCV": ("pinhole-radtan", 2, 4),
    "FULL_OPENCV": ("pinhole-radtan", 2, 8),
    "SIMPLE_RADIAL_FISHEYE": ("fisheye", 1, 1),
    "RADIAL_FISHEYE": ("fisheye", 1, 2),
    "OPENCV_FISHEYE": ("fisheye", 2, 4),
}
WRITTEN = {0: "PINHOLE", 4: "OPENCV", 8: "FULL_OPENCV"}


def encode(cameras: Sequence[CameraRecord]) -> dict[str, str]:
    """File name -> text. Raises CAL-063 for a skew."""
    lines = [
        "# Camera list with one line of data per camera:",
        "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]",
        f"# Number of cameras: {len(cameras)}",
    ]
    rig = []
    for index, camera in enumerate(cameras, start=1):
        refuse_skew(camera, NAME)
        D = camera.D if camera.model == "fisheye" else padded(camera, tuple(WRITTEN), NAME)
        model = "OPENCV_FISHEYE" if camera.model == "fisheye" else WRITTEN[len(D)]
        K = camera.K
        parameters = [float(v) for v in (K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, *D)]
        width, height = image_size(camera)
        lines.append(f"{index} {model} {width} {height} {' '.join(map(repr, parameters))}")
        entry: dict[str, object] = {"image_prefix": f"{plain_name(camera.name, f'camera{index}')}/"}
        if index == 1:
            entry["ref_sensor"] = True
        else:
            T = pose_of(camera)
            entry["cam_from_rig_rotation"] = [float(v) for v in quaternion_of(T[:3, :3])]
            entry["cam_from_rig_translation"] = [float(v) for v in T[:3, 3]]
        rig.append(entry | {"camera_model_name": model, "camera_params": parameters})
    return {
        CAMERAS_FILE: "\n".join(lines) + "\n",
        RIG_FILE: json.dumps([{"cameras": rig}], indent=2) + "\n",
    }


def is_cameras_file(source: Source) -> bool:
    """Whether it looks like cameras.txt: an id and a model in capitals, or COLMAP's comment."""
    first = next((line.split() for line in source.text.splitlines() if line.strip() and line[0] != "#"), [])
    return len(first) > 3 and first[0].isdecimal() and first[1].isupper()


def decode(sources: Sequence[Source]) -> list[CameraRecord]:
    """The cameras of cameras.txt, with poses where rig_config.json is given too.

    The n-th camera of the rig (in its order) is the n-th of cameras.txt (by its ids).

    Raises:
        RigsightError: CAL-060, CAL-061, CAL-062.
    """
    rigs = [source for source in sources if source.path.suffix == ".json"]
    texts = [source for source in sources if source.path.suffix != ".json"]
    if len(texts) != 1 or len(rigs) > 1:
        raise codes.EXCHANGE_GARBLED(
            "COLMAP needs one cameras.txt and at most one rig_config.json", where=sources[0].path
        )
    cameras = _cameras(texts[0])
    if not rigs:
        return cameras
    entries = _rig_entries(rigs[0])
    if len(entries) != len(cameras):
        raise codes.EXCHANGE_GARBLED(
            f"the rig has {len(entries)} cameras and {texts[0].path.name} {len(cameras)}", where=rigs[0].path
        )
    from_rig = [_pose(entry) for entry in entries]
    first = from_rig[0]
    result = []
    names = unique_names([_name(entry, index) for index, entry in enumerate(entries)])
    for camera, entry, name, pose in zip(cameras, entries, names, from_rig, strict=True):
        _check_same(entry, camera)
        relative = None if pose is None or first is None else pose @ np.linalg.inv(first)
        is_reference = entry.get("ref_sensor") is not None
        result.append(replace(camera, name=name, pose=relative, is_reference=is_reference))
    return result


def _cameras(source: Source) -> list[CameraRecord]:
    found: dict[int, CameraRecord] = {}
    for number, line in enumerate(source.text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split()
        entry = Entry(words, f"line {number}", source.path)
        if len(words) < 5 or len(words) > 32:
            raise entry.wrong("must be CAMERA_ID MODEL WIDTH HEIGHT PARAMS")
        fields = entry.children()
        identity = fields[0].integer(0, 2**31)
        if identity in found:
            raise entry.wrong(f"repeats camera {identity}")
        if len(found) == MAX_CAMERAS:
            raise codes.EXCHANGE_UNSUPPORTED(
                f"it holds more than {MAX_CAMERAS} cameras; a rig has one to {MAX_CAMERAS}", where=source.path
            )
        size = (fields[2].integer(1, 65536), fields[3].integer(1, 65536))
        parameters = tuple(field.number() for field in fields[4:])
        found[identity] = _camera(words[1], parameters, size, entry, f"cam{identity}")
    if not found:
        raise codes.EXCHANGE_GARBLED("it lists no camera", where=source.path)
    cameras = [found[identity] for identity in sorted(found)]
    return [replace(cameras[0], pose=np.eye(4)), *cameras[1:]]


def _camera(
    model: str, parameters: tuple[float, ...], size: tuple[int, int] | None, entry: Entry, name: str
) -> CameraRecord:
    if model not in MODELS:
        raise codes.EXCHANGE_UNSUPPORTED(
            f"'{entry.key}' has the model '{model[:40]}'; rigsight reads {', '.join(MODELS)}",
            where=entry.path,
        )
    ours, focal_count, count = MODELS[model]
    if len(parameters) != focal_count + 2 + count:
        raise entry.wrong(
            f"must have {focal_count + 2 + count} parameters for {model}, not {len(parameters)}"
        )
    cx, cy = parameters[focal_count : focal_count + 2]
    D = parameters[focal_count + 2 :]
    if count in (1, 2):  # the radial terms alone
        D = D + (0.0,) * (4 - count)
    return CameraRecord(
        name=name,
        model="fisheye" if ours == "fisheye" else "pinhole-radtan",
        K=camera_matrix(parameters[0], parameters[focal_count - 1], cx - 0.5, cy - 0.5),
        D=D if ours == "fisheye" else radtan(D, entry.key, entry.path),
        size=size,
        pose=None,
        where=entry.path,
    )


def _rig_entries(source: Source) -> list[Entry]:
    rigs = parse_json(source).children()
    if len(rigs) != 1:
        raise codes.EXCHANGE_UNSUPPORTED(f"it holds {len(rigs)} rigs; one is read", where=source.path)
    entries = rigs[0].need("cameras").children()
    references = [entry for entry in entries if entry.get("ref_sensor") is not None]
    if len(references) != 1:
        raise codes.EXCHANGE_GARBLED("one camera must have 'ref_sensor'", where=source.path)
    return entries


def _name(entry: Entry, index: int) -> str:
    """The last folder of the prefix: rig1/thermal/ is 'thermal'."""
    prefix = entry.need("image_prefix").word()
    return plain_name(prefix.strip("/").split("/")[-1], f"cam{index}")


def _pose(entry: Entry) -> Float64 | None:
    """T_camera_rig; None when it is left for COLMAP to find."""
    if entry.get("ref_sensor") is not None:
        return np.eye(4)
    rotation, translation = entry.get("cam_from_rig_rotation"), entry.get("cam_from_rig_translation")
    if rotation is None or translation is None:
        return None
    q = np.array(rotation.numbers(4))
    if abs(float(np.linalg.norm(q)) - 1) > 1e-3:
        raise rotation.wrong("must be a quaternion w x y z of length 1")
    T = np.eye(4)
    T[:3, :3] = from_quaternion(q)
    T[:3, 3] = translation.numbers(3)
    return T


def _check_same(entry: Entry, camera: CameraRecord) -> None:
    """Intrinsics that rig_config.json repeats must be those of cameras.txt."""
    model, parameters = entry.get("camera_model_name"), entry.get("camera_params")
    if model is None or parameters is None:
        return
    same = _camera(model.word(), parameters.numbers(), None, parameters, camera.name)
    if same.model != camera.model or not np.array_equal(same.K, camera.K) or same.D != camera.D:
        raise parameters.wrong(f"differs from {camera.where.name}")


def files_of(path: Path) -> list[Path]:
    """The files of a COLMAP folder; with cameras.txt its rig_config.json, and the other way round."""
    if path.is_dir():
        path = path / CAMERAS_FILE
    if path.name == RIG_FILE:
        path = path.with_name(CAMERAS_FILE)
    rig = path.with_name(RIG_FILE)
    return [path, rig] if path.name == CAMERAS_FILE and rig.is_file() else [path]
