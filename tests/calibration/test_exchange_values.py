"""What the files of other tools mean: worked values, OpenCV itself, and one-line errors."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.calibration.exchange.files import detect_format
from rigsight.calibration.exchange.formats import export_rig, import_rig
from rigsight.calibration.projection import project
from rigsight.calibration.rig import Camera, OutputGrid, Rig, as_matrix4

# T_cn_cnm1: a quarter turn about z (x -> y, y -> -x), then 0.1 m along x.
QUARTER = "[[0, -1, 0, 0.1], [1.0, 0.0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]"
KALIBR = f"""
cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [-0.3, 1e-1, 8e-4, -3.0e-04]
  distortion_model: radtan
  intrinsics: [460.0, 450.5, 360.5, 240.25]
  resolution: [752, 480]
  rostopic: /stereo/cam0/image_raw
  timeshift_cam_imu: -8.121e-05
  T_cam_imu: [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0.5], [0, 0, 0, 1]]
cam1:
  T_cn_cnm1: {QUARTER}
  camera_model: pinhole
  distortion_coeffs: [0.01, -0.02, 0.003, 0.004]
  distortion_model: equidistant
  intrinsics: [190.9, 190.8, 254.9, 256.8]
  resolution: [512, 500]
cam2:
  T_cn_cnm1: {QUARTER}
  camera_model: pinhole
  distortion_coeffs: []
  distortion_model: none
  intrinsics: [100, 100, 50, 40]
  resolution: [100, 80]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_kalibr_maps_points_of_the_camera_before(tmp_path: Path) -> None:
    path = write(tmp_path, "camchain.yaml", KALIBR)
    assert detect_format(path) == "kalibr"
    rig = import_rig(path, spectra=["rgb", "thermal", "nir"], names=["a", "b", "c"])
    point = np.array([1.0, 2.0, 3.0, 1.0])
    assert rig.pose("b") @ point == pytest.approx([-2 + 0.1, 1, 3, 1])
    assert rig.pose("c") @ point == pytest.approx([-1 + 0.1, -1.9, 3, 1])  # through b
    assert rig.cameras["a"].K == ((460.0, 0, 360.5), (0, 450.5, 240.25), (0, 0, 1))
    assert rig.cameras["a"].D == (-0.3, 0.1, 0.0008, -0.0003)
    assert (rig.cameras["b"].model, rig.cameras["b"].size) == ("fisheye", (512, 500))
    assert rig.cameras["c"].D == ()
    assert "time shift to the IMU is left out" in (rig.provenance.notes or "")


def test_kalibr_poses_by_way_of_the_imu(tmp_path: Path) -> None:
    text = KALIBR.split("cam2:")[0].replace(f"T_cn_cnm1: {QUARTER}", f"T_cam_imu: {QUARTER}")
    rig = import_rig(write(tmp_path, "camchain.yaml", text), spectra=["rgb", "thermal"])
    point = np.array([1.0, 2.0, 3.0, 1.0])  # of the IMU
    in_cam0 = np.array([3.0, 1.0, 2.5, 1.0])
    in_cam1 = np.array([-1.9, 1.0, 3.0, 1.0])
    assert np.array(json.loads(QUARTER)) @ point == pytest.approx(in_cam1)
    assert rig.pose("cam1") @ in_cam0 == pytest.approx(in_cam1)


def camera_info(
    name: str, tx: float = 0.0, ty: float = 0.0, model: str = "plumb_bob", D: str = "0, 0, 0, 0, 0"
) -> str:
    count = D.count(",") + 1
    return f"""
image_width: 640
image_height: 480
camera_name: {name}
camera_matrix:
  rows: 3
  cols: 3
  data: [450, 0, 320, 0, 450, 240, 0, 0, 1]
distortion_model: {model}
distortion_coefficients:
  rows: 1
  cols: {count}
  data: [{D}]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [450., 0., 320., {tx}, 0., 450., 240., {ty}, 0., 0., 1., 0.]
"""


@pytest.mark.parametrize(("tx", "ty", "expected"), [(-45, 0, (-0.1, 0, 0)), (0, -90, (0, -0.2, 0))])
def test_ros_tx_is_minus_focal_length_times_baseline(
    tx: float, ty: float, expected: tuple[float, ...], tmp_path: Path
) -> None:
    left = write(tmp_path, "left.yaml", camera_info("left"))
    right = write(tmp_path, "right.yaml", camera_info("right", tx, ty))
    assert detect_format(left) == "ros"
    rig = import_rig([left, right], spectra=["rgb", "thermal"])
    assert rig.pose("right")[:3, 3] == pytest.approx(expected)
    assert rig.cameras["left"].D == (0, 0, 0, 0)


def test_ros_pairs_are_rectified(tmp_path: Path) -> None:
    """A point has one row in both rectified pictures, and its columns differ by f b / z."""
    rgb = Camera(
        model="pinhole-radtan",
        width=640,
        height=480,
        K=((450, 0, 320), (0, 450, 240), (0, 0, 1)),
        spectrum="rgb",
    )
    thermal = Camera(
        model="pinhole-radtan",
        width=320,
        height=256,
        K=((300, 0, 160), (0, 300, 128), (0, 0, 1)),
        spectrum="thermal",
    )
    for shift in ((-0.1, 0.02, 0.01), (0.01, 0.1, -0.01), (0.1, 0.0, 0.0), (0.0, -0.05, 0.0)):
        T = np.eye(4)
        T[:3, :3] = cv2.Rodrigues(np.array([0.02, -0.03, 0.05]))[0]
        T[:3, 3] = shift
        rig = Rig(
            cameras={"rgb": rgb, "thermal": thermal}, reference="rgb", transforms={"thermal": as_matrix4(T)},
            output=OutputGrid(camera="rgb", width=640, height=480, K=rgb.K),
        )  # fmt: skip
        export_rig(rig, "ros", tmp_path)
        point = np.array([0.3, -0.2, 4.0, 1.0])
        pixels = []
        for name in rig.cameras:
            info = yaml.safe_load((tmp_path / f"{name}.yaml").read_text())
            R = np.array(info["rectification_matrix"]["data"]).reshape(3, 3)
            P = np.array(info["projection_matrix"]["data"]).reshape(3, 4)
            assert np.abs(R @ R.T - np.eye(3)).max() < 1e-12
            if name == "rgb":
                rectified = R @ point[:3]
                seen = P @ [*rectified, 1]
            else:  # P takes points of the first camera's rectified frame
                seen = P @ [*rectified, 1]
                by_its_own = P[:, :3] @ (R @ (T @ point)[:3])
                assert by_its_own[:2] / by_its_own[2] == pytest.approx(seen[:2] / seen[2], abs=1e-9)
            pixels.append(seen[:2] / seen[2])
        along = int(abs(shift[1]) > abs(shift[0]))
        assert pixels[0][1 - along] == pytest.approx(pixels[1][1 - along], abs=1e-9)
        assert P[0, 0] == P[1, 1] == 300
        assert abs(P[along, 3]) == pytest.approx(300 * float(np.linalg.norm(shift)))
        assert P[1 - along, 3] == 0


def test_ros_without_a_pose_says_what_is_missing(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{name}.yaml", camera_info(name)) for name in ("rgb", "thermal")]
    with pytest.raises(RigsightError, match="do not say where camera 'thermal' stands") as error:
        import_rig(files)
    assert error.value.code == "CAL-065"


def test_ros_static_transform_is_the_childs_pose_in_its_parent(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{name}.yaml", camera_info(name)) for name in ("thermal", "rgb")]
    text = """static_transforms:
- parent: rgb_optical_frame
  child: thermal_optical_frame
  translation: {x: 0.1, y: 0.0, z: 0.0}
  rotation: {x: 0.0, y: 0.0, z: 0.7071067811865476, w: 0.7071067811865476}
"""
    rig = import_rig([*files, write(tmp_path, "t.yaml", text)])
    assert rig.reference == "rgb"
    # Straight above the child's origin along its y axis, which is -x of the parent.
    assert rig.pose("thermal") @ [0.1 - 1, 0, 0, 1] == pytest.approx([0, 1, 0, 1])


@pytest.mark.parametrize("suffix", ["yml", "xml", "json"])
def test_opencv_reads_ours_and_we_read_opencvs(suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    K = [np.array([[500 + 100 / 3, 0, 320 + 1 / 7], [0, 540.1, 239.9], [0, 0, 1]]) for _ in range(2)]
    D = [rng.normal(0, 0.01, (1, 5)), rng.normal(0, 0.01, (8, 1))]
    vector, T = np.array([0.01, -0.02, 0.03]), np.array([[-0.0832], [0.001], [0.002]])
    path = str(tmp_path / f"stereo.{suffix}")
    file = cv2.FileStorage(path, cv2.FILE_STORAGE_WRITE)
    for index in range(2):
        file.write(f"M{index + 1}", K[index])
        file.write(f"D{index + 1}", D[index])
    file.write("R", cv2.Rodrigues(vector)[0])
    file.write("T", T)
    file.write("reprojection_errors", rng.normal(size=(40, 1)).astype(np.float32))
    file.write("comment", "made by hand")
    file.release()
    if suffix == "yml":  # the other header too: 4.x writes one, 5.x the other
        text = Path(path).read_text()
        head, rest = text.split("\n", 1)
        other = {"%YAML 1.2": "%YAML:1.0", "%YAML:1.0": "%YAML 1.2"}[head]
        second = write(tmp_path, "other.yml", f"{other}\n{rest}")
        assert import_rig(second, spectra=["rgb", "rgb"], sizes=[(640, 480)] * 2).cameras
    with pytest.raises(RigsightError, match="--sizes"):
        import_rig(path, spectra=["rgb", "rgb"])
    rig = import_rig(path, spectra=["rgb", "rgb"], sizes=[(640, 480)] * 2, names=["left", "right"])
    points = rng.uniform((-0.5, -0.4, 1), (0.5, 0.4, 3), (50, 3))
    expected = cv2.projectPoints(points, vector, T, K[1], D[1])[0].reshape(-1, 2)
    moved = points @ rig.pose("right")[:3, :3].T + rig.pose("right")[:3, 3]
    assert np.abs(project(rig.cameras["right"], moved) - expected).max() < 1e-9

    for header in ("1.0", "1.2"):
        again = tmp_path / f"again.{suffix}"
        export_rig(rig, "opencv", again, yaml_header=header)
        reader = cv2.FileStorage(str(again), cv2.FILE_STORAGE_READ)
        for index, camera in enumerate(rig.cameras.values()):
            assert (reader.getNode(f"M{index + 1}").mat() == camera.matrix).all(), "to the last bit"
            assert (reader.getNode(f"D{index + 1}").mat().ravel() == camera.D).all()
        assert (reader.getNode("R").mat() == rig.pose("right")[:3, :3]).all()
        assert (reader.getNode("T").mat().ravel() == rig.pose("right")[:3, 3]).all()
        assert int(reader.getNode("image_width1").real()) == 640
        assert reader.getNode("camera_name2").string() == "right"


@pytest.mark.parametrize(
    "keys",
    [
        ("camera_matrix", "distortion_coefficients"),
        ("cameraMatrix", "distCoeffs"),
        ("K", "D"),
        ("mtx", "dist"),
    ],
)
def test_opencv_names_for_one_camera(keys: tuple[str, str], tmp_path: Path) -> None:
    path = str(tmp_path / "thermal.yml")
    file = cv2.FileStorage(path, cv2.FILE_STORAGE_WRITE)
    file.write("image_width", 320)
    file.write("image_height", 256)
    file.write(keys[0], np.array([[300.0, 0, 160], [0, 301, 128], [0, 0, 1]]))
    file.write(keys[1], np.array([[0.1, 0.2, 0.003, 0.004]]))
    file.release()
    camera = import_rig(path).cameras["thermal"]
    assert (camera.spectrum, camera.size, camera.D) == ("thermal", (320, 256), (0.1, 0.2, 0.003, 0.004))
    assert import_rig(path, models=["fisheye"]).cameras["thermal"].model == "fisheye"


def test_opencv_in_two_files_and_in_millimetres(tmp_path: Path) -> None:
    """As the stereo_calib sample writes: intrinsics and extrinsics apart, in the unit of the board."""
    files = [str(tmp_path / name) for name in ("intrinsics.yml", "extrinsics.yml")]
    file = cv2.FileStorage(files[0], cv2.FILE_STORAGE_WRITE)
    for key in ("M1", "M2"):
        file.write(key, np.array([[300.0, 0, 160], [0, 301, 128], [0, 0, 1]]))
        file.write(key.replace("M", "D"), np.zeros((1, 14)))
    file.release()
    file = cv2.FileStorage(files[1], cv2.FILE_STORAGE_WRITE)
    file.write("R", np.eye(3))
    file.write("T", np.array([[-83.2], [0.1], [0.2]]))
    file.write("R1", np.eye(3))
    file.release()
    options = {"spectra": ["rgb", "thermal"], "sizes": [(320, 256)] * 2}
    with pytest.raises(RigsightError, match="83.2 m.*--unit-m 0.001") as error:
        import_rig(files, **options)  # type: ignore[arg-type]
    assert error.value.code == "CAL-066"
    rig = import_rig(files, unit_m=0.001, **options)  # type: ignore[arg-type]
    assert rig.pose("camera2")[:3, 3] == pytest.approx([-0.0832, 0.0001, 0.0002])


def test_colmap_counts_pixels_from_the_corner(tmp_path: Path) -> None:
    """The middle of 100 pixels is 50 for COLMAP, 49.5 where the first pixel's centre is 0."""
    write(
        tmp_path,
        "cameras.txt",
        "# comment\n\n7 PINHOLE 100 80 90 91 50 40\n3 OPENCV 64 48 60 61 32 24 .1 .2 .3 .4\n",
    )
    rig_config = [
        {
            "cameras": [
                {"image_prefix": "drive/rgb/", "ref_sensor": True},
                {
                    "image_prefix": "drive/thermal/",
                    "cam_from_rig_rotation": [0.7071067811865475, 0, 0.7071067811865476, 0],
                    "cam_from_rig_translation": [0, 0, 0.25],
                },
            ]
        }
    ]
    write(tmp_path, "rig_config.json", json.dumps(rig_config))
    assert detect_format(tmp_path) == "colmap"
    rig = import_rig(tmp_path)
    assert rig.reference == "rgb"
    assert rig.cameras["rgb"].D == (0.1, 0.2, 0.3, 0.4)  # id 3 comes first
    assert rig.cameras["thermal"].K == ((90, 0, 49.5), (0, 91, 39.5), (0, 0, 1))
    assert rig.pose("thermal") @ [1, 2, 3, 1] == pytest.approx([3, 2, -1 + 0.25, 1])  # about y by 90 degrees
    export_rig(rig, "colmap", tmp_path / "out")
    lines = (tmp_path / "out" / "cameras.txt").read_text().splitlines()
    assert lines[-1] == "2 PINHOLE 100 80 90.0 91.0 50.0 40.0"
    without = import_rig(
        write(tmp_path / "out", "one.txt", "1 SIMPLE_RADIAL 64 48 60 32 24 0.1"), "colmap", spectra=["rgb"]
    )
    assert without.cameras["cam1"].D == (0.1, 0, 0, 0)


@pytest.mark.parametrize("key", ["extrinsics", "rt_cam_ref"])
def test_mrcal_poses_come_from_a_common_frame(key: str, tmp_path: Path) -> None:
    """As mrcal's files look: comments, trailing commas, bytes that hold anything but a quote."""
    text = """{
    'lensmodel':  "LENSMODEL_OPENCV8",
    # intrinsics are fx,fy,cx,cy,distortion0,...
    'intrinsics': [ 1761.5, 1762, 1965, 1087, -0.02, 0.03, 0.0002, 0.0005, 0.0196, 0.01, -0.05, 4e-2,],
    'valid_intrinsics_region': [[ 0, 0 ], [ 1, 2.5 ],],
    '%s': [ %s, ],
    'imagersize': [ 4000, 2200,],
    'icam_intrinsics': 0,
    'optimization_inputs': b'{Gqc*&]}#(None)',
}
"""
    poses = [np.array([0.2, 0.1, -0.01, 2.0, 2, -2.5]), np.array([0.1, 0.3, -0.02, 2.1, 2.2, -2.5])]
    files = [
        write(tmp_path, f"{name}.cameramodel", text % (key, ", ".join(map(repr, pose.tolist()))))
        for name, pose in zip(("rgb", "thermal"), poses, strict=True)
    ]
    rig = import_rig(files)
    camera = rig.cameras["thermal"]
    world = np.random.default_rng(0).uniform((-1, -1, 11), (1, 1, 13), (20, 3))
    D = camera.distortion
    expected = cv2.projectPoints(world, poses[1][:3], poses[1][3:], camera.matrix, D)[0].reshape(-1, 2)
    in_rgb = world @ cv2.Rodrigues(poses[0][:3])[0].T + poses[0][3:]
    pose = rig.pose("thermal")
    assert np.abs(project(camera, in_rgb @ pose[:3, :3].T + pose[:3, 3]) - expected).max() < 1e-8
    assert camera.size == (4000, 2200)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (changed(KALIBR, "model: pinhole", "model: omni"), "CAL-062", "'cam0.camera_model' is 'omni'"),
        (changed(KALIBR, "intrinsics:", "intrinsic:"), "CAL-061", "no 'intrinsics', only 'intrinsic'"),
        (changed(KALIBR, "1e-1", "nan"), "CAL-061", "'cam0.distortion_coeffs[1]' must be a finite number"),
        (changed(KALIBR, "1e-1, ", ""), "CAL-061", "'cam0.distortion_coeffs' must hold 4 numbers, not 3"),
        (changed(KALIBR, "cam2:", "cam3:"), "CAL-061", "no 'cam2'"),
        (changed(KALIBR, "[752, 480]", "[752, 0]"), "CAL-061", "whole number from 1"),
        (changed(KALIBR, "[460.0,", "[-460.0,"), "CAL-061", "positive focal lengths"),
        (changed(KALIBR, "[0, 0, 0, 1]", "[0, 0, 0, 2]"), "CAL-066", "last row"),
        (changed(KALIBR, "[1.0, 0.0, 0, 0]", "[-1.0, 0.0, 0, 0]"), "CAL-066", "determinant"),
        (changed(KALIBR, "cam1:", "cam0:"), "CAL-060", "a key is given twice"),
        (KALIBR + "cam3: {}\ncam4: {}\n", "CAL-062", "5 cameras"),
        ("cam0: " + "[" * 5000, "CAL-060", "nested too deep"),
        ("cam0: &a [*a]", "CAL-060", "aliases"),
        ("cam0: {", "CAL-060", "not valid YAML"),
        ("cam0: \x00", "CAL-060", "not valid YAML"),
        ("", "CAL-064", "not recognised"),
        ("cam0:\n", "CAL-061", "'cam0' must hold keys and values"),
        (camera_info("rgb", model="double_sphere"), "CAL-062", "'double_sphere'"),
        (camera_info("rgb", D="0, 0, 0"), "CAL-061", "3 coefficients"),
        (camera_info("rgb", D="0,0,0,0,0,0,0,0,1,0,0,0"), "CAL-062", "thin-prism"),
        (camera_info("rgb", model="equidistant"), "CAL-061", "must hold 4 numbers for equidistant, not 5"),
        ("%YAML:1.0\n---\nfoo: 1\n", "CAL-061", "known names are M1 D1"),
        ("<opencv_storage><M1/></opencv_storage>", "CAL-061", "known names are"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><opencv_storage>&b;</opencv_storage>', "CAL-060", "document types"),
        ("<opencv_storage>" * 40, "CAL-060", "nested too deep"),
        ("{'lensmodel': 'LENSMODEL_CAHVOR', 'rt_cam_ref': [0,0,0,0,0,0]}", "CAL-062", "convert-lensmodel"),
        ("{'lensmodel': __import__('os')}", "CAL-060", "line 1 is not understood"),
    ],
)  # fmt: skip
def test_errors_name_file_and_key(text: str, code: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, "camera.yaml", text)
    with pytest.raises(RigsightError) as error:
        import_rig(path, spectra=["rgb", "thermal", "nir"] if "cam" in text[:6] else ["rgb"])
    assert error.value.code == code
    assert says in error.value.line()
    assert error.value.where == str(path)
    assert "\n" not in error.value.line()


def test_what_only_the_user_knows_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "camchain.yaml", KALIBR)
    for options, says in [
        ({}, "what camera 'cam0' sees"),
        ({"spectra": ["rgb"]}, "1 spectra are given for 3 cameras"),
        ({"spectra": ["rgb", "rgb", "infrared"]}, "spectrum"),
        ({"spectra": ["rgb"] * 3, "names": ["a", "a", "b"]}, "two cameras have one name"),
        ({"spectra": ["rgb"] * 3, "reference": "x"}, "no camera 'x'"),
        ({"spectra": ["rgb"] * 3, "format_name": "calib"}, "no format 'calib'"),
    ]:
        with pytest.raises(RigsightError, match=says):
            import_rig(path, **options)  # type: ignore[arg-type]
    with pytest.raises(RigsightError, match="CAL-060.*No such file"):
        import_rig(tmp_path / "nothing.yaml")
    with pytest.raises(RigsightError, match="CAL-064"):
        import_rig(tmp_path / "empty") if (tmp_path / "empty").mkdir() is None else None
    rig = import_rig(path, spectra=["rgb"] * 3, reference="cam2", distance_m=3)
    assert list(rig.cameras) == ["cam2", "cam0", "cam1"]
    assert rig.surface.distance_m == 3  # type: ignore[union-attr]
    assert rig.pose("cam1") @ [-1.8, 1, 3, 1] == pytest.approx([1, 1.9, 3, 1])
