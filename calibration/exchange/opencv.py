"""OpenCV FileStorage with the names of its samples and tutorials.

Written: M1 D1 M2 D2 … with ``image_width1`` …, R and T from camera 1 to camera 2 (``stereoCalibrate``),
R_3_1 and T_3_1 to a third, ``fisheye_model1`` = 1 for cv2.fisheye; for one camera ``camera_matrix``,
``distortion_coefficients``, ``image_width`` … as the calibration sample does. ``cv2.projectPoints`` and
``cv2.undistort`` do not use K[0][1], so a skew is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rigsight.calibration import codes
from rigsight.calibration.exchange import filestorage
from rigsight.calibration.exchange.reading import Entry, Source
from rigsight.calibration.exchange.record import (
    CameraRecord,
    image_size,
    padded,
    plain_name,
    pose_of,
    radtan,
    refuse_skew,
    rigid_motion,
    unique_names,
)
from rigsight.calibration.exchange.rotations import from_vector
from rigsight.calibration.rig import Float64

NAME = "OpenCV"
REFITS = (("pinhole-radtan", 8), ("fisheye", 4))
# Names of the matrix and of the coefficients for one camera, by where they are met.
MONO = (
    ("camera_matrix", "distortion_coefficients"),  # OpenCV's calibration samples
    ("cameraMatrix", "distCoeffs"),  # tutorials
    ("Camera_Matrix", "Distortion_Coefficients"),  # OpenCV 2
    ("intrinsic_matrix", "distortion_coefficients"),
    ("camera_matrix", "dist_coeff"),
    ("camera_matrix", "dist_coeffs"),
    ("camera_matrix", "distortion_coeffs"),
    ("mtx", "dist"),
    ("K", "D"),
)
# The same for camera {0} of several; {1} is l or r, {2} is left or right.
MANY = (
    ("M{0}", "D{0}"),  # OpenCV's stereo_calib
    ("K{0}", "D{0}"),
    ("K{0}", "dist{0}"),
    ("cameraMatrix{0}", "distCoeffs{0}"),
    ("camera_matrix_{0}", "distortion_coefficients_{0}"),
    ("K_{1}", "D_{1}"),
    ("mtx_{1}", "dist_{1}"),
    ("K_{2}", "D_{2}"),
    ("camera_matrix_{2}", "distortion_coefficients_{2}"),
)
SIDES = {1: ("l", "left"), 2: ("r", "right"), 3: ("3", "3")}


def encode(cameras: Sequence[CameraRecord], suffix: str = ".yml", yaml_header: str = "1.0") -> dict[str, str]:
    """The FileStorage of ``cameras``: {"": text}, in the dialect of ``suffix``. Raises CAL-063."""
    values: dict[str, filestorage.Value] = {}
    for index, camera in enumerate(cameras, start=1):
        refuse_skew(camera, NAME)
        number = str(index) if len(cameras) > 1 else ""
        keys = (f"M{number}", f"D{number}") if number else MONO[0]
        values[f"camera_name{number}"] = plain_name(camera.name, f"camera{index}")
        values[f"image_width{number}"], values[f"image_height{number}"] = image_size(camera)
        values[f"fisheye_model{number}"] = int(camera.model == "fisheye")
        values[keys[0]] = camera.K
        D = camera.D if camera.model == "fisheye" else padded(camera, (4, 5, 8), NAME)
        values[keys[1]] = np.array([D])
        if index > 1:
            pair = "" if index == 2 else f"_{index}_1"
            values[f"R{pair}"] = pose_of(camera)[:3, :3]
            values[f"T{pair}"] = pose_of(camera)[:3, 3:]
    if suffix == ".xml":
        return {"": filestorage.to_xml(values)}
    return {
        "": filestorage.to_json(values) if suffix == ".json" else filestorage.to_yaml(values, yaml_header)
    }


def decode(sources: Sequence[Source]) -> list[CameraRecord]:
    """The cameras of one file or of several (intrinsics.yml, extrinsics.yml; or one file a camera).

    Raises:
        RigsightError: CAL-060, CAL-061, CAL-062, CAL-066.
    """
    roots = [filestorage.read(source) for source in sources]
    numbered = [_numbered(roots, index) for index in (1, 2, 3)]
    cameras = [camera for camera in numbered if camera is not None]
    if numbered[0] is None or (numbered[1] is None and numbered[2] is not None):
        cameras = []
    if not cameras:
        cameras = [camera for index, root in enumerate(roots) if (camera := _mono(root, index)) is not None]
    if not cameras:
        known = (
            "M1 D1 (M2 D2 R T), K1 D1, cameraMatrix distCoeffs, camera_matrix distortion_coefficients, K D"
        )
        raise codes.EXCHANGE_GARBLED(f"no camera is found; known names are {known}", where=sources[0].path)
    names = unique_names([camera.name for camera in cameras])
    poses = [np.eye(4), *(_pose(roots, index) for index in range(2, len(cameras) + 1))]
    return [
        CameraRecord(name, camera.model, camera.K, camera.D, camera.size, pose, camera.where)
        for name, camera, pose in zip(names, cameras, poses, strict=True)
    ]


def _numbered(roots: Sequence[Entry], index: int) -> CameraRecord | None:
    number = str(index)
    for root in roots:
        for names in MANY:
            key, coefficients = (name.format(index, *SIDES[index]) for name in names)
            if root.get(key) is not None and root.get(coefficients) is not None:
                return _camera(roots, root, key, coefficients, number, f"camera{index}")
    return None


def _mono(root: Entry, index: int) -> CameraRecord | None:
    for key, coefficients in MONO:
        if root.get(key) is not None and root.get(coefficients) is not None:
            return _camera(
                [root], root, key, coefficients, "", plain_name(root.path.stem, f"camera{index + 1}")
            )
    return None


def _camera(
    roots: Sequence[Entry], root: Entry, key: str, coefficients: str, number: str, fallback: str
) -> CameraRecord:
    D = root.need(coefficients).vector()
    flag = _find(roots, f"fisheye_model{number}", "fisheye_model")
    fisheye = flag is not None and bool(flag.integer(0, 1))
    if fisheye and len(D) != 4:
        raise root.need(coefficients).wrong(f"must hold 4 numbers for a fisheye, not {len(D)}")
    name = _find(roots, f"camera_name{number}")
    return CameraRecord(
        name=plain_name(name.word() if name is not None else "", fallback),
        model="fisheye" if fisheye else "pinhole-radtan",
        K=root.need(key).matrix(3, 3),
        D=D if fisheye else radtan(D, coefficients, root.path),
        size=_size(roots, number),
        pose=None,
        where=root.path,
    )


def _size(roots: Sequence[Entry], number: str) -> tuple[int, int] | None:
    for suffix in dict.fromkeys((number, "")):
        width = _find(roots, f"image_width{suffix}", f"image_Width{suffix}", f"width{suffix}")
        height = _find(roots, f"image_height{suffix}", f"image_Height{suffix}", f"height{suffix}")
        if width is not None and height is not None:
            return width.integer(1, 65536), height.integer(1, 65536)
        both = _find(roots, f"image_size{suffix}", f"imageSize{suffix}", f"img_size{suffix}")
        if both is not None:
            children = both.children()
            if len(children) != 2:
                raise both.wrong("must be width and height")
            return children[0].integer(1, 65536), children[1].integer(1, 65536)
    return None


def _pose(roots: Sequence[Entry], index: int) -> Float64 | None:
    """T_<camera>_1 from R (a matrix or a rotation vector) and T, or None when they are not there."""
    pair = "" if index == 2 else f"_{index}_1"
    rotation, translation = _find(roots, f"R{pair}"), _find(roots, f"T{pair}", f"t{pair}")
    if rotation is None or translation is None:
        return None
    T = np.eye(4)
    if isinstance(rotation.value, dict) and "1" in (
        str(rotation.value.get("rows")),
        str(rotation.value.get("cols")),
    ):
        vector = rotation.vector()
        if len(vector) != 3:
            raise rotation.wrong("must be a 3x3 rotation or a rotation vector of 3")
        T[:3, :3] = from_vector(np.array(vector))
    else:
        T[:3, :3] = rotation.matrix(3, 3)
    shift = translation.vector()
    if len(shift) != 3:
        raise translation.wrong(f"must hold 3 numbers, not {len(shift)}")
    T[:3, 3] = shift
    return rigid_motion(T, rotation.key, rotation.path)


def _find(roots: Sequence[Entry], *keys: str) -> Entry | None:
    for root in roots:
        found = root.get(*keys)
        if found is not None:
            return found
    return None


def dialect(path: Path) -> str:
    """.xml, .json or .yml by the name of the file to write."""
    return path.suffix.lower() if path.suffix.lower() in (".xml", ".json") else ".yml"
