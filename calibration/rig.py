"""rig.yaml: the geometry of one to three cameras on a rig.

Frames follow OpenCV's optical frame (x right, y down, z forward; metres). ``T_a_b`` maps points of
frame b into frame a. A pixel's centre is at integer coordinates.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from rigsight.base.schema import StrictModel, parse_model, read_yaml
from rigsight.calibration import codes

RIG_VERSION = 1
ROTATION_TOLERANCE = 1e-4
CAMERA_NAME = r"\w[\w.-]{0,63}"

Float64 = NDArray[np.float64]
Row3 = tuple[float, float, float]
Row4 = tuple[float, float, float, float]
Matrix3 = tuple[Row3, Row3, Row3]
Matrix4 = tuple[Row4, Row4, Row4, Row4]


class Camera(StrictModel):
    """Intrinsics of one camera.

    ``D`` holds k1 k2 p1 p2 [k3 [k4 k5 k6]] for ``pinhole-radtan`` (OpenCV's order; empty means none) and
    k1 k2 k3 k4 for ``fisheye`` (Kannala-Brandt as in ``cv2.fisheye``).
    """

    model: Literal["pinhole-radtan", "fisheye"]
    width: int = Field(gt=0, le=65536, description="pixels")
    height: int = Field(gt=0, le=65536, description="pixels")
    K: Matrix3 = Field(description="3x3 camera matrix, pixels")
    D: tuple[float, ...] = ()
    spectrum: Literal["rgb", "thermal", "nir"]

    @model_validator(mode="after")
    def _check(self) -> Camera:
        _require_camera_matrix(self.matrix)
        if not np.isfinite(self.D).all():
            raise ValueError("the distortion D holds NaN or infinity")
        allowed = (4,) if self.model == "fisheye" else (0, 4, 5, 8)
        if len(self.D) not in allowed:
            raise ValueError(f"{self.model} takes {' or '.join(map(str, allowed))} distortion coefficients")
        return self

    @property
    def matrix(self) -> Float64:
        """K as float64 [3,3]."""
        return np.array(self.K, dtype=np.float64)

    @property
    def distortion(self) -> Float64:
        """D as float64 [N]; zeros [4] when there is none."""
        return np.array(self.D or (0.0,) * 4, dtype=np.float64)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), OpenCV's order."""
        return self.width, self.height


class Plane(StrictModel):
    """Reference surface n.X = distance in the reference camera's frame."""

    kind: Literal["plane"] = "plane"
    distance_m: float = Field(gt=0, description="along the normal, metres; infinity for the far field")
    normal: Row3 = (0.0, 0.0, 1.0)

    @field_validator("normal")
    @classmethod
    def _unit(cls, value: Row3) -> Row3:
        if not abs(float(np.linalg.norm(value)) - 1) <= 1e-3:
            raise ValueError("the normal must have length 1")
        return value


class Cylinder(StrictModel):
    """Reference surface of a pipe: its axis as point and direction in the reference frame."""

    kind: Literal["cylinder"] = "cylinder"
    radius_m: float = Field(gt=0, allow_inf_nan=False)
    point_m: Row3 = (0.0, 0.0, 0.0)
    direction: Row3 = (0.0, 0.0, 1.0)

    @model_validator(mode="after")
    def _check(self) -> Cylinder:
        if not (np.isfinite(self.point_m).all() and 1e-9 < float(np.linalg.norm(self.direction)) < 1e9):
            raise ValueError("the axis needs a finite point_m and a direction that is not zero")
        return self


class MatchedHomography(StrictModel):
    """RANSAC homography of matched board points (the FMB rig's way): reference pixel -> camera pixel.

    Both sides are undistorted pixels (the camera's K, no distortion).
    """

    kind: Literal["homography"] = "homography"
    H: Matrix3
    inlier_rms_px: float | None = None

    @field_validator("H")
    @classmethod
    def _invertible(cls, value: Matrix3) -> Matrix3:
        H = np.array(value)
        if not (np.isfinite(H).all() and abs(float(np.linalg.det(H))) > 1e-12):
            raise ValueError("H cannot be inverted")
        return value


Surface = Annotated[Plane | Cylinder | MatchedHomography, Field(discriminator="kind")]


class OutputGrid(StrictModel):
    """The undistorted pixel grid on which everything is aligned."""

    camera: str = Field(description="whose viewpoint; the reference camera")
    width: int = Field(gt=0, le=65536)
    height: int = Field(gt=0, le=65536)
    K: Matrix3
    crop: tuple[int, int, int, int] | None = Field(
        default=None, description="x, y, width, height of the largest rectangle valid in every camera"
    )

    @model_validator(mode="after")
    def _check(self) -> OutputGrid:
        _require_camera_matrix(self.matrix)
        x, y, width, height = self.crop or (0, 0, *self.size)
        if min(x, y) < 0 or min(width, height) < 1 or x + width > self.width or y + height > self.height:
            raise ValueError(f"the crop {self.crop} does not lie inside the {self.width}x{self.height} grid")
        return self

    @property
    def matrix(self) -> Float64:
        """K as float64 [3,3]."""
        return np.array(self.K, dtype=np.float64)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), OpenCV's order."""
        return self.width, self.height


class Covariance(StrictModel):
    """Joint covariance of the solution, so that alignment error can be computed on the device.

    ``parameters`` names rows: ``<camera>.fx|fy|cx|cy|k1|…`` and ``T_<camera>_<reference>.rx|ry|rz|tx|ty|tz``
    (metres; radians of a small rotation on the left, R -> exp([r]x) R). What is not named is taken as exact.
    """

    parameters: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _check(self) -> Covariance:
        if any(len(row) != len(self.parameters) for row in (self.parameters, *self.matrix)) or len(
            self.matrix
        ) != len(self.parameters):
            raise ValueError("the matrix must be square, one row a parameter")
        if len(set(self.parameters)) != len(self.parameters):
            raise ValueError("a parameter is named twice")
        values = np.array(self.matrix, dtype=np.float64).reshape(len(self.parameters), -1)
        if not np.isfinite(values).all() or (np.diag(values) < 0).any():
            raise ValueError("it holds NaN, infinity or a negative variance")
        if not np.allclose(values, values.T, rtol=1e-6, atol=0):
            raise ValueError("the matrix must be symmetric")
        return self


class Provenance(StrictModel):
    """Where the file comes from."""

    tool: str = "rigsight"
    tool_version: str | None = None
    command: str | None = None
    images_sha256: dict[str, str] = {}
    notes: str | None = None


class Rig(StrictModel):
    """The whole file. See the field descriptions; load with :meth:`load`, write with ``save``."""

    version: Literal[1] = 1
    cameras: dict[str, Camera] = Field(min_length=1, max_length=3)
    reference: str
    transforms: dict[str, Matrix4] = Field(default={}, description="camera -> T_<camera>_<reference>")
    T_base_reference: Matrix4 | None = None
    T_reference_rangefinder: Matrix4 | None = None
    surface: Surface = Plane(distance_m=10.0)
    output: OutputGrid
    time_offset_s: dict[str, float] = Field(
        default={}, description="camera -> offset: t_camera = t_reference + offset_s"
    )
    covariance: Covariance | None = None
    provenance: Provenance = Provenance()

    @model_validator(mode="after")
    def _check(self) -> Rig:
        if self.reference not in self.cameras:
            raise ValueError(f"the reference camera '{self.reference}' is not among the cameras")
        if self.output.camera != self.reference:
            raise ValueError("the output grid must belong to the reference camera")
        expected = set(self.cameras) - {self.reference}
        if set(self.transforms) != expected:
            raise ValueError(f"transforms must be given for exactly: {', '.join(sorted(expected)) or 'none'}")
        for name in self.cameras:
            if not re.fullmatch(CAMERA_NAME, name):
                raise ValueError(f"the camera name {name!r} must be letters, digits and _.- only")
        unknown = set(self.time_offset_s) - set(self.cameras)
        if unknown:
            raise ValueError(f"time_offset_s names an unknown camera '{min(unknown)}'")
        if not np.isfinite(list(self.time_offset_s.values())).all() or self.time_offset_s.get(self.reference):
            raise ValueError("time_offset_s must be finite, and 0 for the reference camera")
        return self

    def pose(self, camera: str) -> Float64:
        """T_<camera>_<reference> as float64 [4,4]; the identity for the reference camera."""
        if camera == self.reference:
            return np.eye(4)
        return np.array(self.transforms[camera], dtype=np.float64)

    def camera_of(self, spectrum: str) -> str | None:
        """Name of the first camera of that spectrum, or None."""
        return next((name for name, cam in self.cameras.items() if cam.spectrum == spectrum), None)

    @classmethod
    def load(cls, path: str | Path) -> Rig:
        """Read and check a rig.yaml.

        Raises:
            RigsightError: CAL-001 unreadable, CAL-002 another version, CAL-003 a transform that is not a
                rigid motion, CAL-004 any other contradiction.
        """
        data = read_yaml(path, codes.RIG_UNREADABLE)
        if isinstance(data, dict) and data.get("version", RIG_VERSION) != RIG_VERSION:
            raise codes.RIG_VERSION(
                f"version {data['version']} found, version {RIG_VERSION} expected", where=path
            )
        rig = parse_model(data, cls, codes.RIG_INCONSISTENT, where=path)
        named: dict[str, Matrix4 | None] = {f"transforms.{name}": T for name, T in rig.transforms.items()}
        named |= {
            "T_base_reference": rig.T_base_reference,
            "T_reference_rangefinder": rig.T_reference_rangefinder,
        }
        for name, value in named.items():
            problem = None if value is None else rigid_motion_problem(np.array(value, dtype=np.float64))
            if problem:
                raise codes.RIG_NOT_A_ROTATION(f"'{name}': {problem}", where=path)
        return rig


def _require_camera_matrix(K: Float64) -> None:
    if not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0 and np.allclose(K[2], (0, 0, 1))):
        raise ValueError("K must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with positive focal lengths")


def rigid_motion_problem(T: Float64) -> str | None:
    """Say why a 4x4 matrix is no rigid motion, or None when it is one.

    >>> rigid_motion_problem(np.eye(4)) is None
    True
    >>> rigid_motion_problem(np.diag([1.0, 1, -1, 1]))
    'its determinant is -1.000, not 1'
    """
    rotation = T[:3, :3]
    if not np.isfinite(T).all():
        return "it holds NaN or infinity"
    if not np.allclose(T[3], (0, 0, 0, 1)):
        return "its last row is not 0 0 0 1"
    determinant = float(np.linalg.det(rotation))
    if abs(determinant - 1) > ROTATION_TOLERANCE:
        return f"its determinant is {determinant:.3f}, not 1"
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    if error > ROTATION_TOLERANCE:
        return f"its rows are not orthonormal (off by {error:.2g})"
    return None


def as_matrix3(values: NDArray[np.floating]) -> Matrix3:
    """A [3,3] array as the nested tuples that the schema stores."""
    a, b, c = (tuple(float(v) for v in row) for row in np.asarray(values).reshape(3, 3))
    return (a, b, c)  # type: ignore[return-value]


def as_matrix4(values: NDArray[np.floating]) -> Matrix4:
    """A [4,4] array as the nested tuples that the schema stores."""
    a, b, c, d = (tuple(float(v) for v in row) for row in np.asarray(values).reshape(4, 4))
    return (a, b, c, d)  # type: ignore[return-value]
