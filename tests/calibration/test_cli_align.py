"""``rigsight align`` in its modes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rigsight.calibration.rig import Covariance, Cylinder, MatchedHomography, Plane, Rig
from rigsight.cli.main import main

MakeRig = Callable[..., Rig]


@pytest.fixture
def call(make_rig: MakeRig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the verb on a pair; the JSON that it prints, or its code and error line."""
    ramp = np.arange(640)[None, :] + np.arange(512)[:, None]
    cv2.imwrite(str(tmp_path / "rgb.png"), np.dstack([ramp[:480] // 5] * 3).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "thermal.png"), (7000 + ramp).astype(np.uint16))

    def run(*words: str, human: bool = False, **changed: Any) -> Any:
        make_rig().model_copy(update=changed).save(tmp_path / "rig.yaml")
        pair = [str(tmp_path / "rgb.png"), str(tmp_path / "thermal.png")]
        out = ["--rig", str(tmp_path / "rig.yaml"), "--out", str(tmp_path / "view.png")]
        code = main(["align", *pair, *out, *words, *([] if human else ["--json"])])
        printed = capsys.readouterr()
        if code:
            assert printed.err.count("\n") == 1
            assert not (tmp_path / "view.png").exists()
            return code, printed.err
        return printed.out if human else json.loads(printed.out)

    return run


def test_the_parallax_of_the_plane_is_stated_at_the_asked_distances(call: Callable[..., Any]) -> None:
    facts = call("--distances", "4,8,16")
    assert facts["mode"] == "plane"
    assert list(facts["parallax_px"]) == ["4", "8", "16"]
    assert facts["parallax_px"]["8"]["rms"] < 0.01
    assert facts["parallax_px"]["4"]["rms"] == pytest.approx(450 * 0.1 / 8, rel=0.06)
    assert facts["parallax_px"]["4"]["max"] >= facts["parallax_px"]["4"]["rms"]
    assert facts["parallax_px"]["4"]["per_percent"] == pytest.approx(450 * 0.1 / 4 / 100, rel=0.02)
    moved = call("--distance", "4")
    assert moved["distance_m"] == 4
    assert list(moved["parallax_px"]) == ["2", "4", "8"]
    assert moved["parallax_px"]["4"]["rms"] < 0.01
    assert "plane at 4 m" in call("--distance", "4", human=True)


def test_a_plane_at_infinity_is_a_plane(call: Callable[..., Any]) -> None:
    facts = call("--distances", "10,100", surface=Plane(distance_m=float("inf")))
    assert facts["distance_m"] is None
    assert facts["parallax_px"]["10"]["rms"] == pytest.approx(450 * 0.1 / 10, rel=0.06)
    assert facts["parallax_px"]["100"]["rms"] == pytest.approx(450 * 0.1 / 100, rel=0.06)
    assert "plane at infinity" in call(surface=Plane(distance_m=float("inf")), human=True)


def test_the_calibrations_own_error_is_stated_with_its_band(call: Callable[..., Any]) -> None:
    """Only the baseline's length is uncertain, by 1 mm: f sigma / d, up to 2.24 times that."""
    sigma_m = 0.001
    covariance = Covariance(parameters=("T_thermal_rgb.tx",), matrix=((sigma_m**2,),))
    facts = call("--distances", "0.05,5,10", covariance=covariance)
    assert list(facts["alignment_error_px"]) == ["5", "10"]  # at 5 cm the cameras share no view
    for at, (low, middle, high) in facts["alignment_error_px"].items():
        sigma_px = 450 * sigma_m / float(at)
        assert low < 0.1 * sigma_px
        assert middle == pytest.approx(0.6745 * sigma_px, rel=0.06)
        assert high == pytest.approx(2.24 * sigma_px, rel=0.06)
    assert "95 %" in call("--distances", "5", covariance=covariance, human=True)


def test_a_homography_says_which_distance_it_hides(call: Callable[..., Any], make_rig: MakeRig) -> None:
    rig = make_rig()
    pose = rig.pose("thermal")
    over_6_m = pose[:3, :3] + np.outer(pose[:3, 3], (0, 0, 1)) / 6.0
    H = rig.cameras["thermal"].matrix @ over_6_m @ np.linalg.inv(rig.cameras["rgb"].matrix)
    facts = call(surface=MatchedHomography(H=tuple(map(tuple, H.tolist()))))
    assert facts["mode"] == "homography"
    assert facts["distance_m"] == pytest.approx(6.0, rel=0.01)
    assert next(iter(facts["parallax_px"].values()))["rms"] > 2


def test_depth_pictures_and_their_hidden_pixels(call: Callable[..., Any], tmp_path: Path) -> None:
    depth = np.full((480, 640), 5000, np.uint16)
    depth[100:300, 200:400] = 1500
    depth[:40] = 0
    cv2.imwrite(str(tmp_path / "depth.png"), depth)
    np.save(tmp_path / "depth.npy", depth / 1000)
    for name in ("depth.png", "depth.npy"):
        facts = call("--depth", str(tmp_path / name))
        assert facts["mode"] == "depth"
        assert facts["model_error_px"] <= 0.1
        # A plate of 200 rows hides f b (1/1.5 - 1/5) = 21 columns.
        assert facts["hidden"] == pytest.approx(200 * 450 * 0.1 * (1 / 1.5 - 1 / 5) / (480 * 640), rel=0.08)
        assert facts["valid"] < 0.92
    assert "hidden from the other camera" in call("--depth", str(tmp_path / "depth.png"), human=True)


def test_a_pipe_is_unrolled(call: Callable[..., Any], tmp_path: Path) -> None:
    facts = call("--unroll", "--section", "0.2,0.7", surface=Cylinder(radius_m=0.25))
    wall = facts["unrolled"]
    assert wall["start_m"] == 0.2
    assert wall["metres_per_px"] == pytest.approx(0.001)
    assert wall["degrees_per_px"] == pytest.approx(np.degrees(0.001 / 0.25), rel=0.01)
    thermal = cv2.imread(wall["thermal"], cv2.IMREAD_UNCHANGED)
    assert thermal.dtype == np.uint16
    assert thermal.shape == (round(360 / wall["degrees_per_px"]), 500)
    assert cv2.imread(wall["view"]).shape == (thermal.shape[0], 1500, 3)
    assert "mm and" in call("--unroll", "--section", "0.3,0.4", surface=Cylinder(radius_m=0.25), human=True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--unroll"], "CAL-033"),
        (["--depth", "none.png"], "CAL-032"),
        (["--depth", "thermal.png"], "CAL-032"),  # of another size
        (["--depth", "rgb.png"], "CAL-032"),
        (["--depth", "depth.png", "--distance", "3"], "CLI-001"),
        (["--distance", "0"], "CLI-001"),
        (["--distance", "inf"], "CLI-001"),
        (["--distance", "nan"], "CLI-001"),
        (["--distances", "5,x"], "CLI-001"),
        (["--distances", "5,-1"], "CLI-001"),
        (["--distances", ""], "CLI-001"),
        (["--section", "1"], "CLI-001"),
        (["--section", "2,1"], "CLI-001"),
    ],
)
def test_bad_words_are_one_line_and_write_nothing(
    call: Callable[..., Any], tmp_path: Path, words: list[str], code: str
) -> None:
    words = [str(tmp_path / word) if word.endswith(".png") else word for word in words]
    status, line = call(*words)
    assert status == 2
    assert line.startswith(code)


def test_a_camera_beside_its_pipe_is_refused(call: Callable[..., Any]) -> None:
    status, line = call(surface=Cylinder(radius_m=0.2, point_m=(1.0, 0.0, 0.0)))
    assert (status, line[:7]) == (2, "CAL-031")
