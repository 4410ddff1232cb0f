"""Checkpoint -> bundle: export, lint, parity, golden, and only then files."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rigsight import __version__
from rigsight.base.files import make_folder
from rigsight.base.schema import parse_model
from rigsight.edge.bundle.golden import GOLDEN_FILE, predict_golden
from rigsight.edge.bundle.reader import Bundle, read_bundle
from rigsight.edge.bundle.spec import BundleProvenance, BundleSpec, Licences, Part
from rigsight.edge.bundle.storage import SPEC_FILE, MemoryStorage
from rigsight.edge.engines.select import open_engine
from rigsight.edge.predictor import Predictor
from rigsight.export import codes
from rigsight.export.cases import simulated_cases
from rigsight.export.deploy import GRAPH_PATH, deployable
from rigsight.export.graph import to_onnx
from rigsight.export.parity import Parity, check_parity
from rigsight.export.writer import listed, write_bundle
from rigsight.training.checkpoint import CheckpointMeta, load_checkpoint


@dataclass(frozen=True)
class ExportOptions:
    """What the checkpoint does not know of the bundle."""

    name: str | None = None
    release: int = 1
    licence: str = "Apache-2.0"
    min_accuracy: float = 0.5


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how close the graph is to the model."""

    path: Path
    bundle_id: str
    graph_bytes: int
    total_bytes: int
    parity: tuple[Parity, ...]


def export_checkpoint(
    checkpoint: str | Path,
    out: str | Path,
    options: ExportOptions | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Make a bundle (a folder, or a zip where ``out`` ends in .zip) whose graph is proven against the model.

    ``step`` is told what is being done. Everything is judged in memory: a failure or Ctrl-C leaves nothing.

    Raises:
        RigsightError: TRN-… for the checkpoint, EXP-… for the graph, IO-001 for the output.
    """
    checkpoint, out, options = Path(checkpoint), Path(out), options or ExportOptions()
    _check_out(out)
    step("reading the checkpoint")
    model, meta = load_checkpoint(checkpoint)
    module, part = deployable(model, meta)
    files: dict[str, bytes] = {}
    description = _describe(checkpoint, out, meta, part, options)
    step("exporting the graph")
    files[GRAPH_PATH] = to_onnx(module, part)
    bundle = _in_memory(description, files)
    engine = open_engine(bundle)
    step("comparing ONNX Runtime with PyTorch")
    cases = simulated_cases(meta.preprocessing, list(meta.scores))
    predictor = Predictor(bundle, engine)
    feeds = {scene: predictor.feeds(cases.aligned(i, bundle)) for i, scene in enumerate(cases.scenes)}
    parity = check_parity(module, engine, feeds)
    step("writing the bundle")
    files[GOLDEN_FILE] = predict_golden(bundle, engine, cases).to_bytes()
    final = _in_memory(description, files)
    write_bundle(out, final.spec, files)
    total = sum(final.storage.sizes.values())
    return ExportReport(out, final.id, len(files[GRAPH_PATH]), total, parity)


def _check_out(out: Path) -> None:
    """Only a bundle or nothing may lie where the bundle goes; found out before the work begins."""
    make_folder(out.parent)
    if out.suffix == ".zip":
        if out.is_dir():
            raise codes.OUT_IS_TAKEN("it is a folder", where=out)
        return
    if out.is_file():
        raise codes.OUT_IS_TAKEN("it is a file", where=out, fix="Give a folder, or a name that ends in .zip.")
    if out.is_dir() and any(out.iterdir()) and not (out / SPEC_FILE).is_file():
        raise codes.OUT_IS_TAKEN("it has no bundle.yaml", where=out)


def _describe(
    checkpoint: Path, out: Path, meta: CheckpointMeta, part: Part, options: ExportOptions
) -> BundleSpec:
    """bundle.yaml without its files. Raises EXP-006 for options that do not fit."""
    name = options.name or re.sub(r"[^a-z0-9_.-]+", "_", out.stem.lower()).strip("_.-") or "bundle"
    command = ["rigsight", "export", str(checkpoint), "--out", str(out)]
    defaults = ExportOptions()
    for option in ("name", "release", "licence", "min_accuracy"):
        if getattr(options, option) != getattr(defaults, option):
            command += [f"--{option.replace('_', '-')}", str(getattr(options, option))]
    training = meta.training
    return parse_model(
        {
            "name": name,
            "release": options.release,
            "task": "semantic",
            "model": meta.model,
            "classes": meta.classes,
            "parts": (part,),
            "preprocessing": meta.preprocessing,
            "accuracy": meta.scores,
            "min_accuracy": options.min_accuracy,
            # The graph's digest follows; the schema wants every graph listed.
            "files": {GRAPH_PATH: "0" * 64},
            "licences": Licences(weights=options.licence, data=training.data or "not stated"),
            "provenance": BundleProvenance(
                commands=(training.command, shlex.join(command)),
                tool_version=__version__,
                checkpoint_sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
                training={
                    "tool_version": training.tool_version,
                    "steps": training.steps,
                    "seconds": round(training.seconds, 1),
                },
            ),
        },
        BundleSpec,
        codes.BAD_BUNDLE_OPTION,
    )


def _in_memory(description: BundleSpec, files: dict[str, bytes]) -> Bundle:
    """The bundle of ``files`` as it will be read, verified."""
    spec = description.model_copy(update={"files": listed(files)})
    return read_bundle(MemoryStorage({SPEC_FILE: spec.to_yaml().encode(), **files}))
