"""``rigsight run`` on photos: one camera, no rig, any size, and every kind of bad picture."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import rigsight
from rigsight.base.errors import RigsightError
from rigsight.cli.main import main
from rigsight.edge.bundle.golden import GOLDEN_FILE, Golden, check_golden
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.engines.select import open_engine
from rigsight.edge.preprocess import Preprocessor

_spec = importlib.util.spec_from_file_location("photo_network", Path(__file__).with_name("photo_network.py"))
assert _spec
assert _spec.loader
network = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(network)
THRESHOLD = network.THRESHOLD
photo = network.photo
whole = network.whole
write_photo_bundle = network.write_photo_bundle

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo_bundle(tmp_path_factory.mktemp("bundles") / "crack")


@pytest.fixture
def run(bundle: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        code = main(["run", "--bundle", str(bundle), *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def save(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = rgb if rgb.ndim == 2 else np.dstack([rgb[..., 2::-1], rgb[..., 3:]])
    assert cv2.imwrite(str(path), picture)
    return path


def test_one_photo_without_rig_thermal_or_folder(run: Run, tmp_path: Path) -> None:
    picture = photo(333, 217)
    path = save(tmp_path / "photo.png", picture)
    code, out, err = run(
        "--rgb", f"images:{path}", "--json", "--sink", f"masks:{tmp_path}/masks",
        "--sink", f"overlay:{tmp_path}/overlay", "--sink", f"confidence:{tmp_path}/confidence",
        "--sink", f"jsonl:{tmp_path}/run.jsonl", "--sink", f"video:{tmp_path}/run.avi",
    )  # fmt: skip
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["pairs"], report["missing"], report["degraded"]) == (1, {}, {})
    assert report["aligned"] == "only the rgb camera: nothing to align"
    assert (report["geometry"], report["width"]) == ("tile", 96)

    probability = whole(picture)[0].astype(int)
    mask = cv2.imread(str(tmp_path / "masks" / "photo.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (217, 333), "the photo's own size"
    assert (mask == (probability >= THRESHOLD)).mean() > 0.9999
    confidence = cv2.imread(str(tmp_path / "confidence" / "photo.png"), cv2.IMREAD_UNCHANGED)
    assert np.abs(confidence - np.where(mask == 1, probability, 255 - probability)).max() <= 1
    overlay = cv2.imread(str(tmp_path / "overlay" / "photo.jpg"))
    assert overlay.shape == (217, 333, 3)
    (line,) = (tmp_path / "run.jsonl").read_text().splitlines()
    assert json.loads(line)["class_px"]["crack"] == int((mask == 1).sum())
    video = cv2.VideoCapture(str(tmp_path / "run.avi"))
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * 332, "two panels: photo and mask"


def test_a_folder_of_photos_of_many_sizes(run: Run, tmp_path: Path) -> None:
    sizes = {"a": (120, 100), "b": (64, 300), "c": (20, 10), "d": (96, 96)}
    for name, size in sizes.items():
        save(tmp_path / "photos" / f"{name}.png", photo(*size))
    code, out, _ = run(
        "--rgb",
        f"images:{tmp_path}/photos",
        "--sink",
        f"masks:{tmp_path}/m",
        "--sink",
        f"video:{tmp_path}/v.avi",
    )
    assert code == 0
    assert "4 frame sets" in out
    assert "tiles of 96x96" in out
    for name, size in sizes.items():
        assert cv2.imread(str(tmp_path / "m" / f"{name}.png"), 0).shape == size[::-1]
    assert cv2.VideoCapture(str(tmp_path / "v.avi")).get(cv2.CAP_PROP_FRAME_COUNT) == 4


def test_without_a_sink_the_summary_says_how_to_see_something(run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "p.jpg", photo(100, 100))
    code, out, _ = run("--rgb", f"images:{path}")
    assert code == 0
    assert "1 frame set," in out
    assert "--sink overlay:DIR" in out


def test_two_cameras_of_which_the_bundle_takes_one(run: Run, tmp_path: Path) -> None:
    """No rig is asked for, and 8-bit thermal pictures do not matter."""
    save(tmp_path / "rgb" / "p.png", photo(100, 100))
    save(tmp_path / "ir" / "p.png", photo(80, 60)[..., 0])
    code, out, _ = run("--rgb", f"images:{tmp_path}/rgb", "--thermal", f"images:{tmp_path}/ir", "--json")
    assert code == 0
    assert json.loads(out)["missing"] == {}
    code, out, err = run("--thermal", f"images:{tmp_path}/ir")
    assert (code, out) == (2, "")
    assert err.startswith("RUN-005: the bundle takes rgb, the source has thermal")
    assert err.count("\n") == 1


def test_grey_photos_and_alpha_channels_are_photos_too(run: Run, tmp_path: Path) -> None:
    picture = photo(110, 90)
    grey = picture[..., 0]
    alpha = np.dstack([picture, np.full(grey.shape, 7, np.uint8)])
    for name, kind in (("plain", picture), ("alpha", alpha), ("grey", grey)):
        save(tmp_path / "photos" / f"{name}.png", kind)
    code, _, _ = run("--rgb", f"images:{tmp_path}/photos", "--sink", f"masks:{tmp_path}/m")
    assert code == 0
    masks = {path.stem: cv2.imread(str(path), 0) for path in (tmp_path / "m").iterdir()}
    assert (masks["alpha"] == masks["plain"]).all()
    mirrored = np.pad(np.dstack([grey] * 3), ((0, 6), (0, 0), (0, 0)), mode="reflect")
    assert (masks["grey"] == (whole(mirrored)[0, :90] >= THRESHOLD)).mean() > 0.9999


def test_bad_pictures_are_one_line(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), photo(50, 50).astype(np.uint16) * 257)
    whole_file = save(tmp_path / "whole.jpg", photo(200, 200)).read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole_file[: len(whole_file) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    for name, code in (
        ("deep.png", "SRC-006"),
        ("half.jpg", "SRC-003"),
        ("text.jpg", "SRC-003"),
        ("nowhere.jpg", "SRC-002"),
    ):
        status, out, err = run("--rgb", f"images:{tmp_path}/{name}")
        assert (status, out) == (2, "")
        assert err.startswith(code)
        assert name in err
        assert err.count("\n") == 1


def test_the_python_way(bundle: Path) -> None:
    picture = photo(130, 140)
    with rigsight.open_pipeline(bundle) as pipeline:
        prediction = pipeline(picture)
        assert prediction.mask.shape == (140, 130)
        assert prediction.probability is not None
        assert np.abs(prediction.probability - whole(picture)[0].astype(int)).max() <= 1
        assert (prediction.mask == (prediction.probability >= THRESHOLD)).all()
        assert prediction.confidence is None
        assert prediction.degraded is None
        nothing = pipeline(None, np.zeros((60, 80), np.uint16))
    assert nothing.degraded == "rgb missing: no mask"
    assert nothing.probability is None
    assert (nothing.mask == 255).all()


def test_inspect_and_verify_say_what_is_special(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "inspect", str(bundle)]) == 0
    text = capsys.readouterr().out
    threshold = "crack: probability of at least 128 of 255"
    for word in ("probability", "ODS-F1", "tiles that share 56 px", threshold, "binary"):
        assert word in text
    assert "thermal input" not in text
    assert main(["bundle", "verify", "--golden", str(bundle)]) == 0
    assert "probability of class 1 by 0.00 of 255" in capsys.readouterr().out


def test_golden_of_a_binary_bundle_fails_where_the_foreground_is_another(bundle: Path) -> None:
    opened = open_bundle(bundle)
    expected = Golden.from_bytes(opened.read(GOLDEN_FILE))
    assert expected.thermal == (None,)
    assert expected.fused == ()
    engine = open_engine(opened, threads=1)
    (result,) = check_golden(opened, engine)
    assert result.passed
    assert result.probability_difference == 0

    class Fainter:
        """The same mask wherever it is sure, and less of a crack everywhere."""

        inputs, outputs, close = engine.inputs, engine.outputs, engine.close

        def infer(self, feeds: dict) -> dict:
            found = engine.infer(feeds)["probability"]
            return {"probability": np.where(found > 140, found - 10, found).astype(np.uint8)}

    with pytest.raises(RigsightError, match="BND-007.*100.00% of the mask agree.*probability by"):
        check_golden(opened, Fainter())


def test_a_golden_case_without_any_picture_is_refused() -> None:
    empty = Golden(
        rgb=(None,), thermal=(None,), rigs=(None,), scenes=("x",), masks=(np.zeros((2, 2), np.uint8),)
    )
    with pytest.raises(RigsightError, match="BND-001.*lacks an array"):
        Golden.from_bytes(empty.to_bytes())


def test_tiles_keep_the_rigs_own_grid(bundle: Path) -> None:
    from rigsight.edge.simulation.rig import SimulatedRig

    simulated = SimulatedRig("facade", 3)
    spec = open_bundle(bundle).spec.preprocessing
    preprocessor = Preprocessor(spec, (96, 96), simulated.rig, roles=("rgb",))
    assert preprocessor.size == simulated.rig.output.size
    assert preprocessor.size != (96, 96)
