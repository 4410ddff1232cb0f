"""Training sets: aligned with the truth, repeatable, and both modalities move together."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rigsight.base.errors import RigsightError
from rigsight.calibration.rig import Rig
from rigsight.edge.agc import PercentileAgc
from rigsight.edge.bundle.spec import Preprocessing
from rigsight.edge.preprocess import Preprocessor
from rigsight.edge.simulation.rig import SimulatedRig
from rigsight.training.config import Augmentation, PairFolders, load_config
from rigsight.training.data.augment import Target, augment, noisy
from rigsight.training.data.pairs import load_pairs
from rigsight.training.data.render import RenderJob, frame_set, perturbed, render
from rigsight.training.data.simulated import load_sets
from rigsight.training.data.sources import Simulated
from rigsight.training.data.stream import Share, Stream

DEMO = Path(__file__).parents[2] / "training" / "configs" / "demo.yaml"
STILL = Augmentation(
    flip=0, scale=(1, 1), rotation_deg=0, shift=0, brightness=0, contrast=0, tint=0, noise=0, agc=0,
    thermal_noise=0, drop_rgb=0, drop_thermal=0,
)  # fmt: skip


def job(**changes: object) -> RenderJob:
    values: dict[str, object] = {
        "scene": "street", "split": "train", "seed": 1, "indices": (0, 9), "width": 96, "height": 64,
        "preprocessing": Preprocessing(), "rotation_noise_deg": 0.0,
    }  # fmt: skip
    return RenderJob(**{**values, **changes})  # type: ignore[arg-type]


def test_rendered_sets_are_what_the_device_would_see() -> None:
    sets = render(job())
    simulated = SimulatedRig("street", 1, "train", 96, 64)
    device = Preprocessor(Preprocessing(), (96, 64), simulated.rig)
    picture = simulated.render(9)
    aligned = device(frame_set(picture.rgb, picture.thermal, 9))
    assert np.array_equal(sets.rgb[1], aligned.rgb)
    assert aligned.agc_bounds is not None
    assert sets.bounds[1] == pytest.approx(aligned.agc_bounds)
    # The AGC before the warp (device) and after it (training) differ by rounding, and where saturated pixels
    # meet others.
    after = PercentileAgc.apply(sets.counts[1], aligned.agc_bounds)
    seen = aligned.valid > 0
    difference = np.abs(after.astype(int) - aligned.thermal)[seen]
    assert np.quantile(difference, 0.95) <= 1
    assert difference.mean() < 0.5
    assert set(np.unique(sets.labels)) <= {0, 1, 2, 3, 4, 255}
    assert (sets.labels[1][~seen] == 255).all()


def test_a_perturbed_rig_stays_a_rig_and_close_to_the_truth() -> None:
    rig = SimulatedRig("facade", 0, "train", 96, 64).rig
    noisy = perturbed(rig, np.random.default_rng(0), 0.05)
    turn = noisy.pose("thermal")[:3, :3] @ rig.pose("thermal")[:3, :3].T
    degrees = np.rad2deg(np.linalg.norm(cv2.Rodrigues(turn)[0]))
    assert 0 < degrees < 0.3
    assert Rig.model_validate(noisy.model_dump()) == noisy
    assert perturbed(rig, np.random.default_rng(0), 0.0) == rig


def test_sets_are_rendered_once_and_again_when_a_setting_changes(tmp_path: Path) -> None:
    overrides = ["width=96", "height=64", "data.seeds=1", "data.sets_per_seed=2", "data.workers=0"]
    config = load_config(DEMO, [*overrides, f"data.cache={tmp_path}"])
    assert config.data.kind == "simulated"
    reports: list[int] = []
    for _ in range(2):
        sets = load_sets(config, config.data, "pipe", "train", lambda name, done, total: reports.append(done))
    assert reports == [2]
    assert sets.rgb.shape == (2, 64, 96, 3)
    other = config.model_copy(
        update={"preprocessing": Preprocessing.model_validate({"agc": {"low_percent": 3}})}
    )
    load_sets(other, config.data, "pipe", "train")
    assert len(list(tmp_path.iterdir())) == 2

    source = Simulated([sets])

    def pictures(part: int) -> list[np.ndarray]:
        stream = Stream(source, Augmentation(), ("rgb", "thermal"), batch=4, seed=5, epoch=part, steps=2)
        return [batch["rgb"].numpy() for batch in stream]

    first, again, later = pictures(0), pictures(0), pictures(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], later[0])

    def share(rank: int) -> list[np.ndarray]:
        halves = Stream(source, Augmentation(), ("rgb",), 2, 5, 0, 2, Share(rank, world=2))
        return [batch["rgb"].numpy() for batch in halves]

    for whole, one, other in zip(first, share(0), share(1), strict=True):
        assert np.array_equal(whole, np.concatenate([one, other])), "two processes see what one would"


def test_augmentation_without_ranges_changes_nothing() -> None:
    random = np.random.default_rng(0)
    rgb = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    counts = random.integers(8000, 8200, (48, 64)).astype(np.uint16)
    labels = random.integers(0, 9, (48, 64)).astype(np.uint8)
    sample = augment(rgb, counts, (8000.0, 8200.0), labels, STILL, random)
    assert np.array_equal(sample.rgb, rgb)
    assert np.array_equal(sample.labels, labels)
    assert np.array_equal(sample.thermal, PercentileAgc.apply(counts, (8000.0, 8200.0)))


def test_pictures_and_labels_move_together() -> None:
    labels = np.zeros((96, 128), np.uint8)
    cv2.circle(labels, (70, 40), 18, 3, -1)
    rgb = np.where(labels[..., None] == 3, 200, 50).repeat(3, axis=2).astype(np.uint8)
    counts = np.where(labels == 3, 9000, 8000).astype(np.uint16)
    moving = STILL.model_copy(update={"flip": 0.5, "scale": (0.8, 1.3), "rotation_deg": 10.0, "shift": 0.1})
    for seed in range(20):
        sample = augment(rgb, counts, (8000.0, 9000.0), labels, moving, np.random.default_rng(seed))
        known = sample.labels != 255
        for picture, between in ((sample.rgb[..., 0], 125), (sample.thermal, 127)):
            wrong = ((picture > between) != (sample.labels == 3)) & known
            assert wrong.mean() < 0.01


def test_a_modality_is_dropped_as_often_as_asked() -> None:
    settings = STILL.model_copy(update={"drop_rgb": 0.3, "drop_thermal": 0.2})
    rgb, thermal = np.full((32, 32, 3), 90, np.uint8), np.full((32, 32), 60, np.uint8)
    random = np.random.default_rng(0)
    samples = [augment(rgb, thermal, None, thermal, settings, random) for _ in range(600)]
    no_rgb = np.array([not s.rgb.any() for s in samples])
    no_thermal = np.array([not s.thermal.any() for s in samples])
    assert not (no_rgb & no_thermal).any()
    assert no_rgb.mean() == pytest.approx(0.3, abs=0.06)
    assert no_thermal.mean() == pytest.approx(0.2, abs=0.06)


def write_pairs(folder: Path, stems: list[str]) -> PairFolders:
    for kind in ("vi", "ir"):
        (folder / kind).mkdir()
        for stem in stems:
            cv2.imwrite(str(folder / kind / f"{stem}.png"), np.full((20, 30), 7, np.uint8))
    return PairFolders(rgb=str(folder / "vi"), thermal=str(folder / "ir"))


def test_pairs_are_split_and_resized(tmp_path: Path) -> None:
    folders = write_pairs(tmp_path, [f"p{i}" for i in range(10)])
    train = load_pairs([folders], (64, 48), 5, validation=False)
    held = load_pairs([folders], (64, 48), 5, validation=True)
    assert (len(train), held.names) == (8, ("vi/p0", "vi/p5"))
    assert train.rgb.shape == (8, 48, 64, 3)
    assert train.thermal.shape == (8, 48, 64)


def test_pairs_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    folders = write_pairs(tmp_path, ["a", "b"])
    missing = PairFolders(rgb=folders.rgb, thermal=str(tmp_path / "nowhere"))
    with pytest.raises(RigsightError, match="DAT-101.*does not exist"):
        load_pairs([missing], (64, 48), 2, validation=False)
    (tmp_path / "ir" / "b.png").write_bytes(b"no picture")
    with pytest.raises(RigsightError, match=r"DAT-101.*b\.png"):
        load_pairs([folders], (64, 48), 2, validation=False)
    (tmp_path / "ir" / "b.png").unlink()
    with pytest.raises(RigsightError, match="DAT-101.*'b' has no partner"):
        load_pairs([folders], (64, 48), 2, validation=False)


def test_noise_has_its_sigma_and_another_place_each_time() -> None:
    grey = np.full((480, 640, 3), 120, np.uint8)
    random = np.random.default_rng(3)
    first, second = (noisy(grey, 6.0, random).astype(float) - 120 for _ in range(2))
    assert first.std() == pytest.approx(6.0, rel=0.02)
    assert abs(first.mean()) < 0.05
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01
    assert (noisy(grey, 0.0, random) == grey).all()
    large = noisy(np.full((1500, 1500, 3), 120, np.uint8), 6.0, random)
    assert large.std() == pytest.approx(6.0, rel=0.02)


def test_crops_keep_resolution_and_reflect_where_the_picture_ends() -> None:
    rows, columns = np.mgrid[0:60, 0:80].astype(np.uint8)
    rgb = np.dstack([rows, columns, rows])
    labels = (columns % 7).astype(np.uint8)
    for seed in range(8):
        random = np.random.default_rng(seed)
        sample = augment(rgb, None, None, labels, STILL, random, Target((32, 24), crop=True))
        assert sample.rgb.shape == (24, 32, 3)
        left, top = int(sample.rgb[0, 0, 1]), int(sample.rgb[0, 0, 0])
        assert np.abs(sample.rgb.astype(int) - rgb[top : top + 24, left : left + 32]).max() <= 1
        assert not sample.thermal.any()
    turned = STILL.model_copy(update={"rotation_deg": 180.0, "scale": (0.5, 0.5)})
    sample = augment(rgb, None, None, labels, turned, np.random.default_rng(0), Target((64, 64), crop=True))
    assert sample.labels.max() <= 6, "labels are reflected too"
