"""ONNX Runtime as an engine: the graph's numbers, reused buffers, and bad graphs in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from rigsight.base.errors import RigsightError
from rigsight.edge.bundle.reader import Bundle, open_bundle
from rigsight.edge.bundle.spec import Tensor
from rigsight.edge.engines.onnxruntime import OnnxRuntimeEngine, default_threads
from rigsight.edge.engines.select import open_engine
from rigsight.edge.saliency import vsm_tables

TINY = Path(__file__).parent / "data" / "tiny_bundle"
GRAPH = "graphs/main.fp32.onnx"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle(TINY)


def feeds(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (1, 60, 80, 3), dtype=np.uint8)
    thermal = rng.integers(0, 256, (1, 60, 80, 1), dtype=np.uint8)
    return {"rgb": rgb, "thermal": thermal, "saliency": vsm_tables(rgb[0], thermal[0, ..., 0])}


def expected(f: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the tiny graph computes, in float64."""
    rgb, thermal = f["rgb"][0].astype(np.float64), f["thermal"][0, ..., 0]
    luma = rgb @ [0.299, 0.587, 0.114]
    padded = np.pad(thermal / 255.0, 1)
    smooth = sum(padded[dy : dy + 60, dx : dx + 80] for dy in range(3) for dx in range(3)) / 9
    logits = np.stack([np.zeros((60, 80)), 8 * smooth - 4, 8 * luma / 255 - 6])
    level = np.rint(luma).astype(int)
    weight = 0.5 + (f["saliency"][0][level] - f["saliency"][1][thermal]) / 2
    fused = rgb + ((weight * luma + (1 - weight) * thermal) - luma)[..., None]
    return logits, np.clip(np.rint(fused), 0, 255)


def test_the_engine_computes_the_graph_and_reuses_its_buffers(bundle: Bundle) -> None:
    engine = open_engine(bundle, threads=1)
    places = [{name: a.ctypes.data for name, a in engine.infer(feeds(1)).items()} for _ in range(2)]
    assert places[0] != places[1], "outputs hold until the next call but one"
    for seed in (1, 2, 3):
        f = feeds(seed)
        outputs = engine.infer(f)
        logits, fused = expected(f)
        assert np.abs(outputs["logits"][0] - logits).max() < 1e-5
        assert np.abs(outputs["fused"][0] - fused).max() <= 1
        assert (outputs["fused"][0] == fused).mean() > 0.99
        assert {name: array.ctypes.data for name, array in outputs.items()} in places
    engine.close()


def test_feeds_need_not_be_contiguous(bundle: Bundle) -> None:
    engine = open_engine(bundle, threads=1)
    f = feeds(5)
    whole = engine.infer(f)["logits"].copy()
    f["rgb"] = np.asfortranarray(f["rgb"])
    assert np.array_equal(engine.infer(f)["logits"], whole)


def test_default_threads_leave_a_core_for_the_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False)
        assert default_threads() == threads


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"rgb": np.zeros((1, 60, 81, 3), np.uint8)}, "'rgb' is uint8 .*81.*takes uint8"),
        ({"rgb": np.zeros((1, 60, 80, 3), np.float32)}, "'rgb' is float32"),
        ({"saliency": None}, "'saliency' is not fed"),
    ],
)
def test_feeds_that_do_not_fit_are_one_line(bundle: Bundle, change: dict, pattern: str) -> None:
    engine = open_engine(bundle, threads=1)
    with pytest.raises(RigsightError, match=f"BND-008.*{pattern}"):
        engine.infer({**feeds(1), **change})


@pytest.mark.parametrize("damage", ["empty", "noise", "truncated", "flipped"])
def test_corrupt_graphs_are_one_line_and_silent(
    bundle: Bundle, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    model = bundle.read(GRAPH)
    bad = {
        "empty": b"",
        "noise": np.random.default_rng(1).bytes(2000),
        "truncated": model[: len(model) // 2],
        "flipped": model.replace(b"Conv", b"Conx"),
    }[damage]
    with pytest.raises(RigsightError, match="BND-005") as caught:
        OnnxRuntimeEngine(bad, 1, where="g.onnx")
    assert "g.onnx" in caught.value.line()
    out, err = capfd.readouterr()
    assert out == err == ""


def test_a_variant_that_is_not_there(bundle: Bundle) -> None:
    with pytest.raises(RigsightError, match="BND-006.*'fp16'.*only fp32"):
        open_engine(bundle, "fp16")
    with pytest.raises(RigsightError, match="BND-006.*part 'head'"):
        bundle.part("head")


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_graph_and_description_must_agree(tmp_path: Path, side: str) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "b"))
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    if side == "inputs":
        data["parts"][0]["inputs"]["saliency"]["shape"] = [2, 128]
    else:
        data["parts"][0]["outputs"].pop("fused")
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(RigsightError, match="BND-004.*(saliency|fused)"):
        open_engine(open_bundle(folder))


def test_wrong_class_count_in_yaml_and_tensor_is_found_in_the_graph(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY, tmp_path / "b"))
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    data["classes"].pop()
    data["parts"][0]["outputs"]["logits"]["shape"] = [1, 2, 60, 80]
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(RigsightError, match="BND-004.*'logits' is float32 .1, 2,.*.1, 3,"):
        open_engine(open_bundle(folder))


def test_tensors_are_read_from_the_graph(bundle: Bundle) -> None:
    engine = OnnxRuntimeEngine(bundle.read(GRAPH))
    assert engine.threads == default_threads()
    assert engine.inputs["saliency"] == Tensor(dtype="float32", shape=(2, 256))
    assert engine.outputs["fused"] == Tensor(dtype="uint8", shape=(1, 60, 80, 3))
