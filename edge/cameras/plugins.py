"""Drivers that other packages bring: entry points of the group ``rigsight.sources``.

A package names its driver in its own pyproject.toml::

    [project.entry-points."rigsight.sources"]
    aravis = "package.module:Driver"

and ``aravis:…`` is a camera from then on. The class is what ``rigsight.edge.cameras.driver`` describes, with
``from_uri(uri, role)``.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rigsight.edge.cameras import codes

GROUP = "rigsight.sources"


@cache
def plugins() -> dict[str, EntryPoint]:
    """Scheme -> where its driver is. Nothing of it is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_plugin(scheme: str) -> Any:
    """The driver's class. Raises RigsightError CAM-008 where the package is broken."""
    point = plugins()[scheme]
    package = point.dist.name if point.dist is not None else point.value
    try:
        found = point.load()
    except Exception as error:  # whatever somebody else's module raises
        what = f"the driver of '{scheme}:' does not load: {type(error).__name__}: {error}"
        raise codes.PART_MISSING(
            what, where=point.value, fix=f"Install or mend the package {package}."
        ) from None
    if not callable(getattr(found, "from_uri", None)):
        what = f"the driver of '{scheme}:' has no from_uri(uri, role)"
        raise codes.PART_MISSING(what, where=point.value, fix=f"Mend the package {package}.")
    return found
