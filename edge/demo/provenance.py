"""Where the numbers of a report come from."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import cv2

import rigsight
from rigsight.edge.bundle.reader import Bundle
from rigsight.edge.profile import Profile


def provenance(bundle: Bundle, profile: Profile, command: str) -> dict[str, str]:
    """Bundle, scene, versions and command by name, for people."""
    simulation, licences = profile.simulation, bundle.spec.licences
    scene = f"{simulation.scene}, seed {simulation.seed}, split test" if simulation else "none"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "onnxruntime"))
    return {
        "command": command,
        "bundle": bundle.id,
        "model": f"{bundle.spec.model}; weights {licences.weights}; data {licences.data}",
        "made by": "; ".join(bundle.spec.provenance.commands) or "not recorded",
        "scene": scene,
        "versions": f"rigsight {rigsight.__version__}, Python {platform.python_version()}, {versions}, "
        f"OpenCV {cv2.__version__}",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} cores",
    }
