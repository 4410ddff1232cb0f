"""Whatever stands in a foreign file: a rig, or a RigsightError of one line. No traceback, hang or crash."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rigsight.base.errors import RigsightError
from rigsight.calibration.exchange import colmap, filestorage, kalibr, mrcal, opencv, ros
from rigsight.calibration.exchange.build import build_rig
from rigsight.calibration.exchange.formats import export_rig, import_rig
from rigsight.calibration.exchange.reading import Source
from rigsight.calibration.exchange.registry import FORMATS
from rigsight.calibration.rig import Rig

BOUNDED = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
KNOWN = {f"CAL-06{digit}" for digit in range(7)} | {"CAL-004", "IO-001"}
RIG = Rig.model_validate(
    {
        "cameras": {
            name: {"model": model, "D": D, "width": 64, "height": 48, "spectrum": name}
            | {"K": ((50.5, 0, 31.5), (0, 50.25, 23.5), (0, 0, 1))}
            for name, model, D in [
                ("rgb", "pinhole-radtan", (-0.1, 0.02, 1e-3, -5e-4)),
                ("thermal", "pinhole-radtan", (-0.2, 0.05, 1e-3, 5e-4)),
            ]
        },
        "reference": "rgb",
        "transforms": {"thermal": ((1, 0, 0, -0.1), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))},
        "output": {
            "camera": "rgb", "width": 64, "height": 48, "K": ((50, 0, 31.5), (0, 50, 23.5), (0, 0, 1)),
        },
    }
)  # fmt: skip


def valid_files() -> dict[str, dict[str, bytes]]:
    """Format (and dialect) -> file name -> content, as an export writes them."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, file in [
            ("kalibr", "c.yaml"), ("opencv", "c.yml"), ("opencv", "c.xml"), ("opencv", "c.json"),
            ("ros", "ros"), ("colmap", "colmap"), ("mrcal", "mrcal"),
        ]:  # fmt: skip
            done = export_rig(RIG, name, Path(folder) / file)
            found[f"{name} {file}"] = {path.name: path.read_bytes() for path in done.files}
    return found


VALID = valid_files()


def error_of(task: Callable[[], object]) -> RigsightError | None:
    try:
        task()
    except RigsightError as error:
        return error
    return None


def read(format_name: str, files: dict[str, bytes]) -> None:
    sources = [Source(Path(name), data) for name, data in files.items()]

    def task() -> None:
        cameras = FORMATS[format_name].decode(sources)
        build_rig(cameras, spectra=["rgb"] * len(cameras), sizes=[(64, 48)] * len(cameras))

    check(error_of(task))


def check(error: RigsightError | None) -> None:
    if error is not None:
        assert error.code in KNOWN
        assert "\n" not in error.line()
        assert len(error.line()) < 1000


TOKENS = [
    *rb"nan .inf 1e400 -0 1e-320 0x10 1_0 { [ ] } *a <!DOCTYPE &lt; &#0; <![CDATA[ <_> ' \ null true".split(),
    *rb"!!python/object:a b' () None data".split(),
    *(
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
        b"&a ",
        b"<<: ",
        b'"',
        b"# ",
        b"---\n",
        b": ",
        b"- ",
        b"\n",
        b"? ",
        b"rows: 0",
    ),
    *(b"%YAML 9.9\n", "\u0661".encode(), b"9" * 5000, b"[" * 300, b"<a>" * 300),
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, dict[str, bytes]]:
    """A valid export with up to five cuts, copies and insertions in one of its files."""
    kind = draw(st.sampled_from(sorted(VALID)))
    files = dict(VALID[kind])
    name = draw(st.sampled_from(sorted(files)))
    data = files[name]
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        new = draw(st.sampled_from([b"", data[at:end] * 2, *TOKENS]) | st.binary(max_size=8))
        data = data[:at] + new + data[end:]
    files[name] = data
    if draw(st.integers(0, 9)) == 0:
        del files[draw(st.sampled_from(sorted(files)))]
    return kind.split()[0], files or {name: b""}


@given(mutated())
@settings(BOUNDED, max_examples=500)
def test_mutated_files(case: tuple[str, dict[str, bytes]]) -> None:
    read(*case)


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=300), st.sampled_from([".yml", ".json", ".txt"]))
@BOUNDED
def test_random_bytes(format_name: str, data: bytes, suffix: str) -> None:
    read(format_name, {f"a{suffix}": data})


KEYS = st.sampled_from(
    re.findall(
        r"\w+",
        """
        cam0 cam1 camera_model intrinsics distortion_model distortion_coeffs resolution T_cn_cnm1 rostopic
        T_cam_imu image_width image_height camera_name camera_matrix distortion_coefficients
        rectification_matrix projection_matrix rows cols data M1 D1 M2 D2 R T K D fisheye_model
        static_transforms parent child translation rotation x y z w cameras image_prefix ref_sensor
        cam_from_rig_rotation cam_from_rig_translation camera_model_name camera_params
        lensmodel extrinsics imagersize
        """,
    )
)
WORDS = st.sampled_from(
    ["pinhole", "radtan", "plumb_bob", "equidistant", "OPENCV", "LENSMODEL_PINHOLE", "", "é"]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
    | st.lists(st.floats(0.1, 2), min_size=3, max_size=9)
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=25,
)


@given(st.sampled_from(["kalibr", "ros", "opencv", "colmap"]), st.dictionaries(KEYS, VALUES, max_size=8))
@settings(BOUNDED, max_examples=120)
def test_random_structures(format_name: str, value: dict[str, object]) -> None:
    as_json = json.dumps([value] if format_name == "colmap" else value).encode()
    if format_name == "colmap":
        read("colmap", {"cameras.txt": VALID["colmap colmap"]["cameras.txt"], "rig_config.json": as_json})
    else:
        read(format_name, {"a.yml": yaml.safe_dump(value).encode()})
        read(format_name, {"a.json": as_json})


NAMES = st.sampled_from(["opencv_storage", "M1", "D1", "rows", "cols", "data", "_", "a"])
XML = st.recursive(
    st.text(max_size=8) | st.sampled_from(["3", "1", "1 0 0 0 1 0 0 0 1", '"a b"']),
    lambda inner: st.lists(st.tuples(NAMES, inner), max_size=5).map(
        lambda items: "".join(f'<{name} type_id="opencv-matrix">{text}</{name}>' for name, text in items)
    ),
    max_leaves=15,
)


@given(XML)
@BOUNDED
def test_random_xml(text: str) -> None:
    read("opencv", {"a.xml": f"<opencv_storage>{text}</opencv_storage>".encode()})


@given(mutated())
@settings(BOUNDED, max_examples=60)
def test_mutated_files_on_disk(case: tuple[str, dict[str, bytes]]) -> None:
    """The whole way: format found by content, map and crop built from what was read."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in case[1]]
        for path, data in zip(paths, case[1].values(), strict=True):
            path.write_bytes(data)
        check(error_of(lambda: import_rig(paths)))


@pytest.mark.parametrize("module", [kalibr, ros, opencv, colmap, mrcal])
@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 200_000,
        b"{'a':" * 50_000,
        b"((((" * 50_000,
        b"- " * 100_000,
        b"\n" * 10**5,
    ],
)
def test_deep_and_long_files_end_soon(module: object, bomb: bytes) -> None:
    for name in ("a.txt", "rig_config.json"):
        read(str(module.__name__).rsplit(".", 1)[-1], {name: bomb})  # type: ignore[attr-defined]


def test_entities_do_not_grow() -> None:
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "x">{entities}]><opencv_storage><K>&a11;</K></opencv_storage>'
    with pytest.raises(RigsightError, match="document types"):
        filestorage.read(Source(Path("a.xml"), bomb.encode()))


def test_values_are_counted() -> None:
    with pytest.raises(RigsightError, match="more than 30000 values"):
        kalibr.decode([Source(Path("a.yaml"), b"cam0: [" + b"1," * 10**6)])


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "camchain.yaml"
    path.write_bytes(b"cam0: 1\n" * (1 << 19))
    with pytest.raises(RigsightError, match="larger than 2 MiB"):
        import_rig(path)
