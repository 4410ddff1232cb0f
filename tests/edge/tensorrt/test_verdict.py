"""The device's verdict: measured on the bundle's labelled pictures, kept, followed, and reached anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rigsight.edge.bundle.golden import Golden
from rigsight.edge.bundle.labelled import LabelledCase, to_files
from rigsight.edge.bundle.reader import open_bundle
from rigsight.edge.engines.select import describe, open_engine
from rigsight.edge.predictor import Predictor
from rigsight.edge.verdict import device
from rigsight.edge.verdict.decide import Decision, Row, decide
from rigsight.edge.verdict.kept import folder_of

Answer = tuple[int, str, str]


def labelled(folder: Path, count: int = 3, wrong: float = 0.0) -> Path:
    """Adds labelled pictures whose truth is float32's own mask, a share ``wrong`` of its pixels changed."""
    bundle = open_bundle(folder)
    golden = Golden.from_bytes(bundle.read("golden.npz"))
    rng = np.random.default_rng(5)
    predictor = Predictor(bundle, open_engine(bundle))
    cases = []
    for i in range(count):
        rgb, thermal = golden.rgb[0], golden.thermal[0]
        assert rgb is not None
        assert thermal is not None
        pictures = (np.roll(rgb, 7 * i, axis=1), np.roll(thermal, 7 * i, axis=1))
        blank = LabelledCase(f"{i:02d}", *pictures, np.zeros((60, 80), np.uint8))
        truth = predictor(blank.aligned(bundle)).mask
        truth = np.where(rng.random(truth.shape) < wrong, (truth + 1) % 3, truth).astype(np.uint8)
        cases.append(LabelledCase(blank.name, *pictures, truth))
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    for path, content in to_files(cases).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        data["files"][path] = hashlib.sha256(content).hexdigest()
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
    return folder


def verdict_of(run: Callable[..., Answer], *words: object) -> dict[str, Any]:
    code, out, err = run("build", *words, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)["verdict"]
    return found


def test_both_variants_are_judged_on_the_labelled_pictures(
    bench: Any, tiny: Path, run: Callable[..., Answer], tmp_path: Path
) -> None:
    bench.install()
    report = tmp_path / "report"
    found = verdict_of(run, labelled(tiny), "--report", report)
    assert (found["backend"], found["metric"], found["pictures"]) == ("tensorrt", "mIoU", 3)
    assert found["reference"] == pytest.approx(1.0), "the truth is float32's own mask"
    assert [row["variant"] for row in found["rows"]] == ["fp16", "int8"]
    for row in found["rows"]:
        assert row["lost"] == pytest.approx(100 * (found["reference"] - row["score"]))
        assert 0.9 < row["agreement"] <= 1.0
        assert row["p50_ms"] > 0
    assert found["machine"]["gpu"] == "Orin"
    page = (report / "report.html").read_text()
    assert "fp16" in page
    assert "3 labelled pictures" in page
    assert "where it departs most" not in page, "all masks are equal"
    assert json.loads((report / "verdict.json").read_text())["chosen"] == found["chosen"]


def test_a_loss_beyond_the_budget_takes_a_variant_out(
    bench: Any,
    make_bundle: Callable[..., Path],
    graphs: dict[str, bytes],
    run: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    bench.install()
    fine = np.float32(1 / 127).tobytes()
    assert graphs["int8"].count(fine) == 1
    coarse = graphs["int8"].replace(fine, np.float32(32 / 127).tobytes())
    folder = labelled(make_bundle(fp16=graphs["fp16"], int8=coarse))
    found = verdict_of(run, folder, "--report", tmp_path / "report")
    assert "int8: where it departs most" in (tmp_path / "report" / "report.html").read_text()
    lost = found["rows"][1]["lost"]
    assert lost > 0.5, "steps that are 32 times coarser must show"
    assert found["rows"][1]["refused"] == f"loses {lost:.2f} points, the budget is 0.5"
    assert found["rows"][0]["refused"] is None
    assert found["chosen"] == "fp16"
    lenient = verdict_of(run, folder, "--force", "--budget", lost + 1)
    assert lenient["rows"][1]["refused"] is None


def test_run_follows_the_verdict_and_not_the_last_build(
    bench: Any, tiny: Path, run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.install()

    def for_fp16(rows: tuple[Row, ...], budget: float, asked: object = None) -> Decision:
        return Decision("fp16", "for the test", decide(rows, budget).rows)

    monkeypatch.setattr(device, "decide", for_fp16)
    assert verdict_of(run, tiny)["chosen"] == "fp16"
    engine = open_engine(open_bundle(tiny), choice="auto")
    assert describe(engine)["variant"] == "fp16", "int8 was built after it"
    engine.close()
    monkeypatch.undo()
    monkeypatch.setenv("RIGSIGHT_CACHE", str(bench.cache))
    bench.install()
    assert verdict_of(run, tiny, "--variant", "int8")["reason"].startswith("asked for")
    engine = open_engine(open_bundle(tiny), choice="auto")
    assert describe(engine)["variant"] == "int8"
    engine.close()


def test_a_fresh_verdict_is_shown_and_not_measured_again(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install()
    first = verdict_of(run, tiny)
    again = verdict_of(run, tiny)
    assert again["judged_at"] == first["judged_at"]
    assert verdict_of(run, tiny, "--force")["judged_at"] > first["judged_at"]
    bench.install("10.13.3")
    other = verdict_of(run, tiny)
    assert other["machine"]["tensorrt"] == "10.13.3", "another TensorRT is another machine"


def test_a_variant_that_cannot_be_built_does_not_stop_the_others(
    bench: Any, make_bundle: Callable[..., Path], graphs: dict[str, bytes], run: Callable[..., Answer]
) -> None:
    bench.install()
    found = verdict_of(run, make_bundle("a", fp16=graphs["fp16"], int8=graphs["unique"]))
    assert found["chosen"] == "fp16"
    assert "Unique" in found["rows"][1]["refused"]
    found = verdict_of(run, make_bundle("b", fp16=graphs["unique"]))
    assert found["chosen"] == "fp32", "built because nothing else was left"
    assert [row["variant"] for row in found["rows"]] == ["fp16", "fp32"]


def test_without_labelled_pictures_the_default_stays_and_it_is_said(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    bench.install()
    code, out, _ = run("build", tiny)
    assert code == 0
    assert "the bundle has no labelled pictures" in out
    assert "fp16 runs here" in out


def test_on_a_cpu_the_verdict_is_onnx_runtimes(
    bench: Any, make_bundle: Callable[..., Path], graphs: dict[str, bytes], run: Callable[..., Answer]
) -> None:
    folder = labelled(make_bundle(**{"int8-cpu": graphs["int8"]}))
    found = verdict_of(run, folder, "--cpu")
    assert found["backend"] == "onnxruntime"
    assert [row["variant"] for row in found["rows"]] == ["fp32", "int8-cpu"]
    assert found["rows"][0]["lost"] == pytest.approx(0.0, abs=1e-9)
    path = folder_of(open_bundle(folder).sha256) / "onnxruntime.json"
    kept = json.loads(path.read_text())
    for chosen in ("int8-cpu", "fp32"):
        path.write_text(json.dumps(kept | {"chosen": chosen}))
        engine = open_engine(open_bundle(folder), choice="auto")
        assert describe(engine)["variant"] == chosen
        reference = open_engine(open_bundle(folder))
        assert describe(reference)["variant"] == "fp32", "the reference never follows a verdict"
    path.write_text(json.dumps(kept | {"chosen": "int8-cpu", "machine": {"processor": "another"}}))
    assert describe(open_engine(open_bundle(folder), choice="auto"))["variant"] == "fp32"
    path.write_text("{")
    assert describe(open_engine(open_bundle(folder), choice="auto"))["variant"] == "fp32"


def test_a_verdict_that_others_may_write_is_not_followed(
    bench: Any, make_bundle: Callable[..., Path], graphs: dict[str, bytes], run: Callable[..., Answer]
) -> None:
    folder = make_bundle(**{"int8-cpu": graphs["int8"]})
    verdict_of(run, folder, "--cpu")
    path = folder_of(open_bundle(folder).sha256) / "onnxruntime.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chosen": "int8-cpu"}))
    path.chmod(0o666)
    notes: list[str] = []
    engine = open_engine(open_bundle(folder), choice="auto", note=notes.append)
    assert describe(engine)["variant"] == "fp32"
    assert "others than you may write it" in notes[0]


def test_the_cpu_needs_no_tensorrt_and_a_bad_picture_is_one_line(
    bench: Any, tiny: Path, run: Callable[..., Answer]
) -> None:
    folder = labelled(tiny, 1)
    content = b"no picture"
    (folder / "eval/00.rgb.png").write_bytes(content)
    data = yaml.safe_load((folder / "bundle.yaml").read_text())
    data["files"]["eval/00.rgb.png"] = hashlib.sha256(content).hexdigest()
    (folder / "bundle.yaml").write_text(yaml.safe_dump(data))
    code, _, err = run("build", folder, "--cpu")
    assert (code, err[:8]) == (2, "BND-001:")
    assert not folder_of(open_bundle(folder).sha256).exists()
