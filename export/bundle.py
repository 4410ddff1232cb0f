"""Checkpoint -> bundle: export, lint, parity, golden, and only then files."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from rigsight import __version__
from rigsight.base.files import make_folder
from rigsight.base.schema import parse_model
from rigsight.edge.bundle.contract import wanted
from rigsight.edge.bundle.golden import GOLDEN_FILE, predict_golden
from rigsight.edge.bundle.reader import Bundle, read_bundle
from rigsight.edge.bundle.spec import BundleProvenance, BundleSpec, Licences, Part, Preprocessing
from rigsight.edge.bundle.storage import SPEC_FILE, MemoryStorage
from rigsight.edge.engines.select import open_engine, open_graph
from rigsight.edge.predictor import Predictor
from rigsight.export import codes
from rigsight.export.cases import photo_cases, simulated_cases
from rigsight.export.class_map import map_classes
from rigsight.export.deploy import GRAPH_PATH, coarsest_grid, deployable
from rigsight.export.graph import to_onnx
from rigsight.export.instances.parity import InstanceParity
from rigsight.export.labelled import check_labelled, labelled_files
from rigsight.export.parity import Parity, check_parity
from rigsight.export.precision.chosen import (
    make_chosen,
    open_chosen,
    precision_options,
    report_folder,
    variant_files,
    with_variants,
)
from rigsight.export.precision.ranges import Method
from rigsight.export.precision.sources import Source, Sources
from rigsight.export.precision.variants import Precision
from rigsight.export.tiles import first_tile, with_tiles
from rigsight.export.writer import listed, write_bundle
from rigsight.training.checkpoint import IN_BUNDLE, CheckpointMeta, half_checkpoint, load_checkpoint
from rigsight.training.models.provenance import joint_licence


@dataclass(frozen=True)
class ExportOptions:
    """What the checkpoint does not know of the bundle.

    ``tile`` is the side of square tiles in px, 0 for none; None follows the training: a network of crops gets
    tiles of 512. Neighbours share ``overlap`` px, a quarter of the tile without it. ``golden`` is a folder of
    pictures, or one, to prove a bundle of one camera on; without it they are simulated. ``with_checkpoint``
    adds the weights in half precision, from which trainings can start.

    With ``data`` (a dataset.yaml, or ``sim``) the ``variants`` are made and judged: ranges from the split
    ``calibrate``, at most ``calibration_pictures`` of it, accuracy on ``judge``, at most ``judged_pictures``.
    A variant may lose ``budget`` points. ``calibration`` is a calibration.json of an earlier export;
    ``report`` the folder for the report, by default ``<out>-report``. ``eval_pictures`` of the split
    ``judge`` go into the bundle, labels and all, for the device's own verdict.
    """

    name: str | None = None
    release: int = 1
    licence: str = "Apache-2.0"
    data_licence: str | None = None
    min_accuracy: float = 0.5
    tile: int | None = None
    overlap: int | None = None
    golden: str | None = None
    with_checkpoint: bool = False
    data: str | None = None
    variants: str = "fp16,int8,int8-cpu"
    calibrate: str = "train"
    judge: str = "val"
    budget: float = 0.5
    calibrator: Method = "mse"
    calibration_pictures: int = 32
    judged_pictures: int = 100
    calibration: Path | None = None
    report: Path | None = None
    eval_pictures: int = 0


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how close the graph is to the model; ``precision`` where variants were made."""

    path: Path
    bundle_id: str
    graph_bytes: int
    total_bytes: int
    parity: tuple[Parity | InstanceParity, ...]
    precision: Precision | None = None
    report: Path | None = None


def export_checkpoint(
    checkpoint: str | Path,
    out: str | Path,
    options: ExportOptions | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Make a bundle (a folder, or a zip where ``out`` ends in .zip) whose graph is proven against the model.

    ``step`` is told what is being done. Everything is judged in memory: a failure or Ctrl-C leaves nothing
    but, where variants were asked for, the report's folder with what was found so far.

    Raises:
        RigsightError: TRN-… for the checkpoint, EXP-… for the graph, IO-001 for the output.
    """
    checkpoint, out, options = Path(checkpoint), Path(out), options or ExportOptions()
    _check_out(out)
    chosen = precision_options(options)
    step("reading the checkpoint")
    model, meta = load_checkpoint(checkpoint)
    check_labelled(options.eval_pictures, options.data, meta.task)
    material = open_chosen(options, meta, step)
    if meta.task == "instance":
        from rigsight.export.instances.bundle import export_instances

        return export_instances(checkpoint, out, options, chosen, material, model, meta, step)
    side, preprocessing = with_tiles(meta, options.tile, options.overlap, coarsest_grid(model))
    module, part = deployable(model, meta, None if side is None else (side, side))
    files: dict[str, bytes] = {}
    description = describe(checkpoint, out, meta, part, preprocessing, options)
    if options.golden is None:
        cases = simulated_cases(preprocessing, list(meta.scores), wanted(part))
    else:
        cases = photo_cases(options.golden, wanted(part))
    step("exporting the graph")
    graph = to_onnx(module, part)
    files[GRAPH_PATH] = graph.data
    bundle = in_memory(description, files)
    step("comparing ONNX Runtime with PyTorch")
    engine = open_engine(bundle)
    predictor = Predictor(bundle, engine)
    feeds = {
        scene: first_tile(predictor.feeds(cases.aligned(i, bundle)), part)
        for i, scene in enumerate(cases.scenes)
    }
    parity = check_parity(module, open_graph(bundle), feeds, bundle.spec.threshold)
    precision, folder = None, None
    if material is not None:
        folder = report_folder(out, options)
        sources = Sources({"main": Source(graph, module)})
        precision = make_chosen(chosen, material, bundle, sources, folder, step)
        description = with_variants(description, precision)
        files |= variant_files(precision)
    description = map_classes(description, files)
    if options.data is not None and options.eval_pictures:
        step("adding labelled pictures")
        files |= labelled_files(bundle, options.data, options.judge, options.eval_pictures, list(meta.scores))
    step("writing the bundle")
    files[GOLDEN_FILE] = predict_golden(bundle, engine, cases).to_bytes()
    if options.with_checkpoint:
        files[IN_BUNDLE] = half_checkpoint(checkpoint)
    final = in_memory(description, files)
    write_bundle(out, final.spec, files)
    total = sum(final.storage.sizes.values())
    return ExportReport(out, final.id, len(files[GRAPH_PATH]), total, parity, precision, folder)


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


def describe(
    checkpoint: Path,
    out: Path,
    meta: CheckpointMeta,
    part: Part,
    preprocessing: Preprocessing,
    options: ExportOptions,
) -> BundleSpec:
    """bundle.yaml without its files. Raises EXP-006 for options that do not fit."""
    name = options.name or re.sub(r"[^a-z0-9_.-]+", "_", out.stem.lower()).strip("_.-") or "bundle"
    command = ["rigsight", "export", str(checkpoint), "--out", str(out)]
    defaults = ExportOptions()
    for option in (field.name for field in fields(ExportOptions)):
        value, flag = getattr(options, option), f"--{option.replace('_', '-')}"
        if value != getattr(defaults, option):
            command += [flag] if value is True else [flag, str(value)]
    training = meta.training
    return parse_model(
        {
            "name": name,
            "release": options.release,
            "task": meta.task,
            "model": meta.model,
            "classes": meta.classes,
            "parts": (part,),
            "preprocessing": preprocessing,
            "accuracy": meta.scores,
            "metric": meta.metric,
            "threshold": level_of(meta),
            "min_accuracy": options.min_accuracy,
            # The graph's digest follows; the schema wants every graph listed.
            "files": {GRAPH_PATH: "0" * 64},
            "licences": Licences(
                weights=joint_licence(options.licence, training.pretrained),
                data=options.data_licence or training.data or "not stated",
            ),
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


def level_of(meta: CheckpointMeta) -> int | None:
    """The threshold of a binary model as a level of 255, at least 1; one half where there is none."""
    if meta.task != "binary":
        return None
    return max(1, round(255 * (0.5 if meta.threshold is None else meta.threshold)))


def in_memory(description: BundleSpec, files: dict[str, bytes]) -> Bundle:
    """The bundle of ``files`` as it will be read, verified."""
    spec = description.model_copy(update={"files": listed(files)})
    return read_bundle(MemoryStorage({SPEC_FILE: spec.to_yaml().encode(), **files}))
