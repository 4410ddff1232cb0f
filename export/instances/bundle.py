"""Checkpoint of Mask R-CNN -> bundle: three graphs, parity of the whole, golden, and only then files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from rigsight.edge.bundle.golden import GOLDEN_FILE, predict_golden
from rigsight.edge.bundle.instance_contract import HOST_STEPS
from rigsight.edge.bundle.spec import BundleSpec
from rigsight.edge.engines.instances import InstanceEngine
from rigsight.edge.engines.select import open_engine
from rigsight.edge.predictor import Predictor
from rigsight.export import codes
from rigsight.export.bundle import ExportOptions, ExportReport, describe, in_memory
from rigsight.export.cases import photo_cases
from rigsight.export.graph import Graph, to_onnx
from rigsight.export.instances.cases import street_cases
from rigsight.export.instances.deploy import Deployable, deployable_instances
from rigsight.export.instances.parity import check_instance_parity
from rigsight.export.precision.chosen import make_chosen, report_folder, variant_files, with_variants
from rigsight.export.precision.material import Material
from rigsight.export.precision.sources import Sources
from rigsight.export.precision.variants import PrecisionOptions
from rigsight.export.writer import write_bundle
from rigsight.training.checkpoint import IN_BUNDLE, CheckpointMeta, half_checkpoint
from rigsight.training.models.bnsa.network import BnsaMaskRcnn


def export_instances(
    checkpoint: Path,
    out: Path,
    options: ExportOptions,
    chosen: PrecisionOptions,
    material: Material | None,
    model: nn.Module,
    meta: CheckpointMeta,
    step: Callable[[str], None],
) -> ExportReport:
    """As ``export_checkpoint``, of a network that finds instances.

    Raises:
        RigsightError: EXP-004 for another network than Mask R-CNN, EXP-008 with tiles, EXP-001 to EXP-003 for
            the graphs, EXP-101 to EXP-104 for the variants, IO-001 for the output.
    """
    if options.tile or options.overlap is not None:
        raise codes.BAD_TILES("instances are not found in tiles", fix="Leave --tile and --overlap out.")
    made = deployable_instances(model, meta)
    assert isinstance(model, BnsaMaskRcnn)
    description = _description(checkpoint, out, meta, made, options)
    (role,) = model.inputs
    golden = options.golden
    cases = street_cases(meta.preprocessing, role) if golden is None else photo_cases(golden, (role,))
    graphs: dict[str, Graph] = {}
    for part in made.parts:
        step(f"exporting the graph '{part.name}'")
        graphs[part.name] = to_onnx(made.modules[part.name], part)
    files = {part.variants["fp32"]: graphs[part.name].data for part in made.parts}
    graph_bytes = sum(map(len, files.values()))
    bundle = in_memory(description, files)
    step("comparing ONNX Runtime with PyTorch")
    engine = open_engine(bundle)
    assert isinstance(engine, InstanceEngine)
    predictor = Predictor(bundle, engine)
    feeds = {scene: predictor.feeds(cases.aligned(i, bundle)) for i, scene in enumerate(cases.scenes)}
    parity = check_instance_parity(model, engine, feeds)
    precision, folder = None, None
    if material is not None:
        folder = report_folder(out, options)
        sources = Sources(made.sources(graphs), made.steps)
        precision = make_chosen(chosen, material, bundle, sources, folder, step)
        description = with_variants(description, precision)
        files |= variant_files(precision)
    step("writing the bundle")
    files[GOLDEN_FILE] = predict_golden(bundle, engine, cases).to_bytes()
    if options.with_checkpoint:
        files[IN_BUNDLE] = half_checkpoint(checkpoint)
    final = in_memory(description, files)
    write_bundle(out, final.spec, files)
    total = sum(final.storage.sizes.values())
    return ExportReport(out, final.id, graph_bytes, total, parity, precision, folder)


def _description(
    checkpoint: Path, out: Path, meta: CheckpointMeta, made: Deployable, options: ExportOptions
) -> BundleSpec:
    """bundle.yaml without its files."""
    plain = describe(checkpoint, out, meta, made.parts[0], meta.preprocessing, options)
    steps = {"parts": made.parts, "host_steps": HOST_STEPS, "instances": made.steps}
    return plain.model_copy(update=steps)
