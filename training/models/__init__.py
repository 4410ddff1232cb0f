"""The networks, by name: :func:`rigsight.training.models.registry.build`."""

from rigsight.training.models.registry import build, names

__all__ = ["build", "names"]
