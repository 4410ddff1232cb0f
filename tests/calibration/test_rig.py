"""rig.yaml: round trip, and every kind of bad file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Cylinder, Rig, rigid_motion_problem

MakeRig = Callable[..., Rig]


@pytest.fixture
def edited(make_rig: MakeRig, tmp_path: Path) -> Callable[[Callable[[dict], None]], Path]:
    """Save a good rig, change its plain values, and return the path."""

    def edit(change: Callable[[dict], None]) -> Path:
        path = tmp_path / "rig.yaml"
        make_rig().save(path)
        data = yaml.safe_load(path.read_text())
        change(data)
        path.write_text(yaml.safe_dump(data))
        return path

    return edit


def test_a_saved_rig_loads_bit_for_bit(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig().model_copy(
        update={"surface": Cylinder(radius_m=0.3), "time_offset_s": {"thermal": 0.004}}
    )
    rig.save(tmp_path / "rig.yaml")
    assert Rig.load(tmp_path / "rig.yaml") == rig


def covariance(matrix: list[list[float]], second: str = "rgb.fy") -> dict[str, object]:
    return {"parameters": ["rgb.fx", second], "matrix": matrix}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=2), "CAL-002.*version 2 found, version 1 expected"),
        (lambda d: d["transforms"]["thermal"][0].__setitem__(0, -1.0), "CAL-003.*determinant"),
        (lambda d: d["transforms"]["thermal"][0].__setitem__(0, 1.2), "CAL-003.*determinant"),
        (lambda d: d["transforms"]["thermal"][0].__setitem__(3, float("nan")), "CAL-003.*NaN"),
        (lambda d: d["transforms"]["thermal"][3].__setitem__(0, 0.5), "CAL-003.*last row"),
        (lambda d: d["transforms"].pop("thermal"), "CAL-004.*exactly: thermal"),
        (lambda d: d.update(reference="left"), "CAL-004.*'left' is not among the cameras"),
        (lambda d: d["cameras"]["rgb"].update(D=[0.1, 0.2]), "CAL-004.*distortion coefficients"),
        (lambda d: d["cameras"]["rgb"].update(widht=640), "CAL-004.*widht.*did you mean 'width'"),
        (lambda d: d["cameras"]["rgb"]["K"][0].__setitem__(0, -5), "CAL-004.*positive focal"),
        (lambda d: d["surface"].update(normal=[0, 0, 2]), "CAL-004.*length 1"),
        (lambda d: d["output"].update(camera="thermal"), "CAL-004.*output grid"),
        (lambda d: d["cameras"]["rgb"]["D"].__setitem__(0, float("inf")), "CAL-004.*holds NaN"),
        (lambda d: d["output"]["K"][0].__setitem__(0, 0.0), "CAL-004.*positive focal"),
        (lambda d: d["output"].update(crop=[600, 0, 100, 100]), "CAL-004.*crop"),
        (
            lambda d: d.update(surface={"kind": "cylinder", "radius_m": 1, "direction": [0, 0, 0]}),
            "CAL-004.*axis",
        ),
        (lambda d: d.update(surface={"kind": "homography", "H": [[0.0] * 3] * 3}), "CAL-004.*inverted"),
        (lambda d: d.update(time_offset_s={"thermal": float("nan")}), "CAL-004.*finite"),
        (lambda d: d.update(time_offset_s={"rgb": 0.01}), "CAL-004.*0 for the reference"),
        (lambda d: d.update(covariance=covariance([[1.0, 0.5], [0.2, 1.0]])), "CAL-004.*symmetric"),
        (lambda d: d.update(covariance=covariance([[-1.0, 0.0], [0.0, 1.0]])), "CAL-004.*negative variance"),
        (lambda d: d.update(covariance=covariance([[1.0, 0.0], [0.0, 1.0]], "rgb.fx")), "CAL-004.*twice"),
        (lambda d: d["cameras"].update({"../x": d["cameras"]["rgb"]}), "CAL-004"),
        (lambda d: d.clear(), "CAL-004"),
    ],
)
def test_bad_rigs_are_one_clear_line(edited: Callable, change: Callable, message: str) -> None:
    with pytest.raises(RigsightError, match=message):
        Rig.load(edited(change))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [1, 2", b"- just\n- a list", b""])
def test_files_that_are_no_rig(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rig.yaml"
    path.write_bytes(content)
    with pytest.raises(RigsightError, match="CAL-00[14]"):
        Rig.load(path)
    with pytest.raises(RigsightError, match="CAL-001.*No such file"):
        Rig.load(tmp_path / "missing.yaml")


def test_a_sheared_matrix_is_no_rotation() -> None:
    T = np.eye(4)
    T[0, 1] = 0.01
    assert "not orthonormal" in str(rigid_motion_problem(T))
