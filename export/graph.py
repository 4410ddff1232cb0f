"""PyTorch module -> ONNX graph with static shapes, checked for what TensorRT can build."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from rigsight.edge.bundle.spec import Part
from rigsight.export import codes
from rigsight.export.lint import lint, module_of

if TYPE_CHECKING:
    import onnx

OPSET = 18


@dataclass(frozen=True)
class Graph:
    """A serialised ONNX graph, and node name -> the module of ``named_modules()`` that it computes.

    Nodes that the exporter made of no module are not in ``modules``.
    """

    data: bytes
    modules: dict[str, str]


def to_onnx(module: nn.Module, part: Part) -> Graph:
    """Export, lint and serialise; inputs and outputs are named as in ``part``.

    Raises:
        RigsightError: EXP-002 when the exporter cannot translate the module, EXP-003 when TensorRT could
            not build the graph.
    """
    torch_dtypes = {name: getattr(torch, tensor.dtype) for name, tensor in part.inputs.items()}
    examples = tuple(torch.zeros(t.shape, dtype=torch_dtypes[name]) for name, t in part.inputs.items())
    with _quiet():
        try:
            program = torch.onnx.export(
                module,
                examples,
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                input_names=list(part.inputs),
                output_names=list(part.outputs),
                verbose=False,
            )
        except Exception as error:  # the exporter wraps whatever any operator raised
            raise codes.NOT_EXPORTABLE(_reason(error)) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    lint(model)
    modules = {node.name: found for node in model.graph.node if (found := module_of(node)) is not None}
    return Graph(_stripped(model).SerializeToString(), modules)


def _stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the exporter's notes: they hold source lines and paths of the machine that exported."""
    for item in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    for initializer in model.graph.initializer:
        initializer.ClearField("metadata_props")
        initializer.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("doc_string")
    model.ClearField("metadata_props")
    return model


def _reason(error: Exception) -> str:
    """The innermost cause's first line: the outer ones only say that the export failed."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0] if lines else 'no reason given'}"[:300]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's progress and remarks are for its own developers."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
