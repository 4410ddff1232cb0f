"""What every sink offers, and how a URI becomes one."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from rigsight.edge.bundle.spec import ClassEntry
from rigsight.edge.frames import Prediction
from rigsight.edge.sources.uri import parse_uri

# scheme -> module:class; the class has ``from_uri(uri: Uri, classes: Sequence[ClassEntry]) -> Sink``.
SCHEMES: dict[str, str] = {
    "masks": "rigsight.edge.sinks.masks:MasksSink",
    "confidence": "rigsight.edge.sinks.masks:ConfidenceSink",
    "overlay": "rigsight.edge.sinks.overlay:OverlaySink",
    "video": "rigsight.edge.sinks.video:VideoSink",
    "jsonl": "rigsight.edge.sinks.jsonl:JsonlSink",
}


class Sink(Protocol):
    """Takes predictions one by one, in order.

    A prediction's pictures may lie in pooled buffers: they hold until ``write`` returns, so copy what is
    to be kept.
    """

    def write(self, prediction: Prediction) -> None:
        """Take one prediction. Raises RigsightError IO-001 when it cannot be written."""

    def close(self) -> None:
        """Finish: files get their final names and are whole. Closing twice is harmless."""


def shows_confidence(text: str) -> bool:
    """Whether a sink's URI asks for the confidence, which is not computed for nothing. Raises SRC-001."""
    return parse_uri(text, SCHEMES).scheme == "confidence"


def open_sink(text: str, classes: Sequence[ClassEntry]) -> Sink:
    """Open the sink of a URI for a bundle's ``classes``.

    Raises:
        RigsightError: SRC-001 for a URI that is not understood, IO-001 where nothing can be written,
            RUN-004 for a video format that cannot be encoded.
    """
    uri = parse_uri(text, SCHEMES)
    module, _, name = SCHEMES[uri.scheme].partition(":")
    sink: Sink = getattr(importlib.import_module(module), name).from_uri(uri, classes)
    return sink
