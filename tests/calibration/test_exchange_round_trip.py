"""Out and in again: every format with every lens, exact to 1e-6 px or refused with the reason."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.calibration.exchange.build import build_rig
from rigsight.calibration.exchange.files import read_sources
from rigsight.calibration.exchange.formats import Exported, export_rig, import_rig
from rigsight.calibration.exchange.registry import FOLDERS, FORMATS
from rigsight.calibration.exchange.rotations import from_vector
from rigsight.calibration.projection import project, undistort
from rigsight.calibration.rig import Camera, Cylinder, OutputGrid, Rig, as_matrix4

LENSES = {
    "none": ("pinhole-radtan", ()),
    "k1 k2 p1 p2": ("pinhole-radtan", (-0.31, 0.1, 0.0008, -0.0003)),
    "k3": ("pinhole-radtan", (-0.12, 0.05, 0.001, -0.0005, 0.01)),
    "rational": ("pinhole-radtan", (-0.1, 0.02, 0.001, -0.0005, 0.01, 0.05, -0.02, 0.003)),
    "fisheye": ("fisheye", (-0.02, 0.01, -0.003, 0.001)),
}
REFUSED = {
    ("kalibr", "k3"): "k3 = 0.01",
    ("kalibr", "rational"): "k4 = 0.05",
    ("mrcal", "fisheye"): "Kannala-Brandt",
}
VECTORS = ((0.01, -0.03, 0.02), (3e-7, -2e-7, 1e-7), (0.02, np.pi - 1e-3, 0.01))


def rig_of(lens: str, count: int = 2, vector: tuple[float, ...] = VECTORS[0]) -> Rig:
    model, D = LENSES[lens]
    rgb = {
        "width": 640,
        "height": 480,
        "K": ((450.3, 0, 322.1), (0, 452.7, 238.9), (0, 0, 1)),
        "spectrum": "rgb",
    }
    thermal = rgb | {
        "height": 512,
        "K": ((520.1, 0, 318.2), (0, 519.3, 250.7), (0, 0, 1)),
        "spectrum": "thermal",
    }
    nir = thermal | {"spectrum": "nir"}
    cameras = dict(zip(("rgb", "thermal", "nir"), (rgb, thermal, nir), strict=True))
    transforms = {}
    for index, name in enumerate(list(cameras)[1:count], start=1):
        T = np.eye(4)
        T[:3, :3] = cv2.Rodrigues(np.array(vector) * index)[0]
        T[:3, 3] = (-0.1 / index, 0.004, 0.01 * index)
        transforms[name] = as_matrix4(T)
    return Rig.model_validate(
        {
            "cameras": {name: cameras[name] | {"model": model, "D": D} for name in list(cameras)[:count]},
            "reference": "rgb",
            "transforms": transforms,
            "output": {"camera": "rgb"} | {key: rgb[key] for key in ("width", "height", "K")},
        }
    )


def largest_difference_px(before: Rig, after: Rig) -> float:
    """Over a grid of pixels of every camera, at four depths: the same points seen by either rig."""
    largest = 0.0
    for name, camera in before.cameras.items():
        u, v = np.meshgrid(np.linspace(0, camera.width - 1, 20), np.linspace(0, camera.height - 1, 20))
        rays = undistort(camera, np.stack([u.ravel(), v.ravel()], axis=1))
        to_reference = np.linalg.inv(before.pose(name))
        for depth in (0.3, 1.0, 10.0, 1000.0):
            points = np.column_stack([rays, np.ones(len(rays)), np.ones(len(rays)) / depth]) * depth
            there = points @ to_reference.T
            was = project(camera, (there @ before.pose(name).T)[:, :3])
            now = project(after.cameras[name], (there @ after.pose(name).T)[:, :3])
            assert np.isfinite(was).all()
            largest = max(largest, float(np.linalg.norm(was - now, axis=1).max()))
    return largest


def place(format_name: str, folder: Path) -> Path:
    return folder / (format_name if format_name in FOLDERS else f"{format_name}.yml")


def out_and_in(rig: Rig, format_name: str, folder: Path, **options: bool) -> tuple[Exported, Rig]:
    path = place(format_name, folder)
    return export_rig(rig, format_name, path, **options), import_rig(path)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_with_every_lens(format_name: str, lens: str, tmp_path: Path) -> None:
    rig = rig_of(lens)
    if (format_name, lens) in REFUSED:
        with pytest.raises(RigsightError, match="--refit") as refused:
            out_and_in(rig, format_name, tmp_path)
        assert refused.value.code == "CAL-063"
        assert REFUSED[format_name, lens] in refused.value.what
        assert not list(tmp_path.iterdir()), "a refused export leaves nothing"
        return
    done, again = out_and_in(rig, format_name, tmp_path)
    assert list(again.cameras) == ["rgb", "thermal"]
    assert again.reference == "rgb"
    assert [camera.size for camera in again.cameras.values()] == [(640, 480), (640, 512)]
    assert largest_difference_px(rig, again) < 1e-9
    assert done.round_trip_px < 1e-9
    assert not done.refit_px


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("format_name", FORMATS)
def test_three_cameras_and_tiny_and_large_rotations(
    format_name: str, vector: tuple[float, ...], tmp_path: Path
) -> None:
    rig = rig_of("k1 k2 p1 p2", 3, vector)
    path = place(format_name, tmp_path)
    export_rig(rig, format_name, path)
    again = import_rig(path)
    assert set(again.cameras) == set(rig.cameras)
    assert again.reference == "rgb"
    for name in ("thermal", "nir"):
        assert np.abs(again.pose(name) - rig.pose(name)).max() < 1e-14
    assert [camera.spectrum for camera in again.cameras.values()] == [
        rig.cameras[name].spectrum for name in again.cameras
    ]


@pytest.mark.parametrize("format_name", FORMATS)
def test_one_camera(format_name: str, tmp_path: Path) -> None:
    rig = rig_of("k1 k2 p1 p2", 1)
    _, again = out_and_in(rig, format_name, tmp_path)
    assert again.cameras == rig.cameras


@pytest.mark.parametrize("suffix", [".yml", ".yaml", ".xml", ".json"])
@pytest.mark.parametrize("header", ["1.0", "1.2"])
def test_dialects_of_opencv(suffix: str, header: str, tmp_path: Path) -> None:
    rig = rig_of("rational", 3)
    path = tmp_path / f"rig{suffix}"
    export_rig(rig, "opencv", path, yaml_header=header)
    assert largest_difference_px(rig, import_rig(path)) < 1e-9


@pytest.mark.parametrize(("format_name", "lens"), REFUSED)
def test_a_refit_says_its_true_error(format_name: str, lens: str, tmp_path: Path) -> None:
    rig = rig_of(lens)
    done, again = out_and_in(rig, format_name, tmp_path, refit=True)
    assert set(done.refit_px) == {"rgb", "thermal"}
    worst = max(done.refit_px.values())
    assert 0 < worst < 0.5
    assert largest_difference_px(rig, again) == pytest.approx(worst, rel=0.2)  # another grid of points


LENS_SCALES = {
    4: (0.3, 0.1, 0.002, 0.002),
    5: (0.3, 0.1, 0.002, 0.002, 0.02),
    8: (0.3, 0.1) + (0.002,) * 6,
    0: (),
}


@given(st.sampled_from([0, 4, 5, 8, "fisheye"]), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_rig_is_exact_or_refused(lens: int | str, seed: int) -> None:
    """Cameras of any size and focal length, in any pose within 2 m, lenses as strong as they come."""
    rng = np.random.default_rng(seed)
    cameras = []
    for spectrum in ("rgb", "thermal"):
        width, height = (int(v) for v in rng.integers(80, 4000, 2))
        f = max(width, height) * rng.uniform(0.5, 3)
        K = (
            (f, 0, rng.uniform(0.3, 0.7) * width),
            (0, f * rng.uniform(0.9, 1.1), rng.uniform(0.3, 0.7) * height),
        )
        scales = (0.05,) * 4 if lens == "fisheye" else LENS_SCALES[int(lens)]
        D = tuple(float(v) for v in rng.uniform(-1, 1, len(scales)) * scales)
        model = "fisheye" if lens == "fisheye" else "pinhole-radtan"
        cameras.append(
            Camera(model=model, width=width, height=height, K=(*K, (0, 0, 1)), D=D, spectrum=spectrum)
        )
    T = np.eye(4)
    T[:3, :3] = from_vector(rng.normal(size=3) * 10 ** rng.uniform(-8, 0.3))
    T[:3, 3] = rng.normal(size=3) * 10 ** rng.uniform(-6, 0)
    rig = Rig(
        cameras={"rgb": cameras[0], "thermal": cameras[1]},
        reference="rgb",
        transforms={"thermal": as_matrix4(T)},
        output=OutputGrid(camera="rgb", width=cameras[0].width, height=cameras[0].height, K=cameras[0].K),
    )
    for format_name in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            path = place(format_name, Path(folder))
            if (format_name, lens) in (("kalibr", 5), ("kalibr", 8), ("mrcal", "fisheye")):
                with pytest.raises(RigsightError, match="CAL-063"):
                    export_rig(rig, format_name, path)
                continue
            assert export_rig(rig, format_name, path).round_trip_px < 1e-8
            records = FORMATS[format_name].decode(read_sources([path], format_name))
            again = build_rig(records, spectra=["rgb", "thermal"])
            assert np.abs(again.pose("thermal") - rig.pose("thermal")).max() < 1e-13
            for name, camera in rig.cameras.items():
                assert np.abs(again.cameras[name].matrix - camera.matrix).max() < 1e-11


def test_other_yaml_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    rig = rig_of("k3", 3)
    rig.save(tmp_path / "rig.yaml")
    with pytest.raises(RigsightError, match="CAL-064"):
        import_rig(tmp_path)
    (tmp_path / "a_board.yaml").write_text("kind: chessboard")
    export_rig(rig, "ros", tmp_path)
    assert set(import_rig(tmp_path).cameras) == set(rig.cameras)


def test_a_refit_leaves_lenses_alone_that_fit(tmp_path: Path) -> None:
    done, _ = out_and_in(rig_of("rational"), "mrcal", tmp_path, refit=True)
    assert done.refit_px == {}


def test_trailing_zeros_are_no_loss(tmp_path: Path) -> None:
    rig = rig_of("k1 k2 p1 p2")
    longer = {name: camera.model_copy(update={"D": (*camera.D, 0.0)}) for name, camera in rig.cameras.items()}
    _, again = out_and_in(rig.model_copy(update={"cameras": longer}), "kalibr", tmp_path)
    assert largest_difference_px(rig, again) < 1e-9


@pytest.mark.parametrize("format_name", FORMATS)
def test_skew_is_refused(format_name: str, tmp_path: Path) -> None:
    rig = rig_of("none")
    skewed = rig.cameras["thermal"].model_copy(update={"K": ((520, 0.5, 318), (0, 519, 250), (0, 0, 1))})
    rig = rig.model_copy(update={"cameras": rig.cameras | {"thermal": skewed}})
    with pytest.raises(RigsightError, match="skew.*0.5 px"):
        export_rig(rig, format_name, place(format_name, tmp_path))


def test_a_skew_is_refitted_by_what_it_cannot_be(tmp_path: Path) -> None:
    """The skew shifts the outermost rows by 2 y / f, 0.98 px: least squares leaves about as much at worst."""
    rig = rig_of("none")
    skewed = rig.cameras["thermal"].model_copy(update={"K": ((520, 2, 318), (0, 519, 250), (0, 0, 1))})
    rig = rig.model_copy(update={"cameras": rig.cameras | {"thermal": skewed}})
    done, again = out_and_in(rig, "opencv", tmp_path, refit=True)
    assert set(done.refit_px) == {"thermal"}
    assert 0.1 < done.refit_px["thermal"] < 1.2 * 2 * 256 / 519
    assert largest_difference_px(rig, again) == pytest.approx(done.refit_px["thermal"], rel=0.2)


def test_what_no_format_holds_is_listed(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    rig = make_rig().model_copy(
        update={
            "time_offset_s": {"thermal": 0.01},
            "surface": Cylinder(radius_m=0.3),
            "T_base_reference": None,
        }
    )
    done = export_rig(rig, "ros", tmp_path / "ros")
    assert done.left_out == ("the reference surface", "the output grid", "spectra", "time offsets")


def test_a_beam_splitter_has_no_baseline_to_rectify(tmp_path: Path) -> None:
    rig = rig_of("none")
    T = np.array(rig.transforms["thermal"])
    T[:3, 3] = 0
    rig = rig.model_copy(update={"transforms": {"thermal": as_matrix4(T)}})
    for format_name in FORMATS:
        _, again = out_and_in(rig, format_name, tmp_path)
        assert largest_difference_px(rig, again) < 1e-9
