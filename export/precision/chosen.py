"""What ``rigsight export --data`` asks for: options read, variants made, and their place in a bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.bundle.spec import BundleSpec, Variant
from rigsight.export import codes
from rigsight.export.precision.material import Material
from rigsight.export.precision.open_material import open_material
from rigsight.export.precision.ranges import METHODS
from rigsight.export.precision.report import write_report
from rigsight.export.precision.sources import Sources
from rigsight.export.precision.variants import Precision, PrecisionOptions, make_variants, refuse_failures
from rigsight.training.checkpoint import CheckpointMeta

if TYPE_CHECKING:
    from rigsight.export.bundle import ExportOptions


def path_of(part: str, variant: Variant) -> str:
    """Where a part's graph of a variant lies in the bundle.

    >>> path_of("main", "int8-cpu")
    'graphs/main.int8-cpu.onnx'
    """
    return f"graphs/{part}.{variant}.onnx"


def precision_options(options: ExportOptions) -> PrecisionOptions:
    """What to make. Raises EXP-105 for unknown variants and calibrators."""
    names = [name.strip() for name in options.variants.split(",") if name.strip()]
    known = [name for name in get_args(Variant) if name != "fp32"]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise codes.BAD_PRECISION_OPTION(f"there is no variant '{unknown[0]}'")
    if options.calibrator not in METHODS:
        raise codes.BAD_PRECISION_OPTION(f"there is no calibrator '{options.calibrator}'")
    wanted: tuple[Variant, ...] = tuple(name for name in get_args(Variant) if name in names)
    return PrecisionOptions(wanted, options.budget, options.calibrator, calibration=options.calibration)


def report_folder(out: Path, options: ExportOptions) -> Path:
    """Where the report of a bundle at ``out`` goes."""
    return options.report or out.with_name(f"{out.stem}-report")


def open_chosen(options: ExportOptions, meta: CheckpointMeta, step: Callable[[str], None]) -> Material | None:
    """The pictures to calibrate and to judge with, None without ``data``; looked at before other work.

    Raises:
        RigsightError: as :func:`open_material`.
    """
    if options.data is None:
        return None
    step("looking at the data")
    return open_material(
        options.data,
        options.calibrate,
        options.judge,
        options.calibration_pictures,
        options.judged_pictures,
        meta,
    )


def make_chosen(
    chosen: PrecisionOptions,
    material: Material,
    bundle: Bundle,
    sources: Sources,
    folder: Path,
    step: Callable[[str], None],
) -> Precision:
    """Make the variants and their report; raises EXP-104 when one fails, with the report written."""
    precision = make_variants(bundle, sources, material, chosen, folder, step)
    write_report(folder, bundle.spec.name, precision)
    refuse_failures(precision, folder)
    return precision


def with_variants(description: BundleSpec, precision: Precision) -> BundleSpec:
    """The description with the variants that may run, and the verdicts on all."""
    accepted = [made.variant for made in precision.made if made.verdict.accepted]
    parts = tuple(
        part.model_copy(update={"variants": {name: path_of(part.name, name) for name in accepted}})
        for part in description.parts
    )
    verdicts = {made.variant: made.verdict for made in precision.made}
    return description.model_copy(update={"parts": parts, "verdicts": verdicts})


def variant_files(precision: Precision) -> dict[str, bytes]:
    """The graphs of the variants that may run, by their path in the bundle."""
    return {
        path_of(part, made.variant): graph
        for made in precision.made
        if made.verdict.accepted
        for part, graph in made.graphs.items()
    }
