"""What this machine has and lacks for running rigsight, and the command that mends it."""

from __future__ import annotations

import getpass
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "broken"]

LEAST_FREE_BYTES = 1 << 30
OLDEST_PYTHON = (3, 10)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's table. ``broken`` keeps the runtime from running, ``missing`` does not."""

    name: str
    state: State
    found: str
    fix: str = ""


def examine(bundle: Path | None = None) -> list[Check]:
    """Look at everything; nothing is changed and nothing raised. ``bundle`` is the shipped one."""
    lines: list[Check] = []
    for probe in PROBES:
        try:
            lines.extend(probe())
        except Exception as error:
            name = (probe.__doc__ or probe.__name__).split(".")[0]
            lines.append(Check(name, "missing", f"could not look: {error}"))
    if bundle is not None:
        lines.append(shipped_bundle(bundle))
    return lines


def can_run(checks: list[Check]) -> bool:
    """The runtime works: nothing is broken."""
    return all(check.state != "broken" for check in checks)


def python() -> Iterator[Check]:
    """Python."""
    found = f"{platform.python_version()} on {platform.machine()}, {os.cpu_count() or 1} cores"
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Check("Python", "broken", found, "install Python 3.10 or newer")
    else:
        yield Check("Python", "ok", found)


def libraries() -> Iterator[Check]:
    """Libraries."""
    for name, module, without in (("numpy", "numpy", "broken"), ("pyserial", "serial", "missing")):
        if importlib.util.find_spec(module) is None:
            state: State = "broken" if without == "broken" else "missing"
            yield Check(name, state, "not installed", f"pip install {name}")
        else:
            yield Check(name, "ok", _version(name) or "found")


def opencv() -> Iterator[Check]:
    """OpenCV."""
    try:
        import cv2
    except ImportError as error:
        yield Check("OpenCV", "broken", str(error), "pip install opencv-python-headless")
        return
    build = cv2.getBuildInformation()
    parts = {
        name: bool(re.search(rf"{name}[^\n]*YES", build)) for name in ("FFMPEG", "GStreamer", "v4l/v4l2")
    }
    yield Check("OpenCV", "ok", f"{cv2.__version__}: {', '.join(p for p, there in parts.items() if there)}")
    if not parts["FFMPEG"]:
        fix = "pip install opencv-python-headless (its wheel brings FFmpeg)"
        yield Check("OpenCV: FFmpeg", "missing", "videos can be neither read nor written", fix)
    wheels = sorted({d.metadata["Name"] for d in metadata.distributions() if _is_opencv(d.metadata["Name"])})
    if len(wheels) > 1:
        fix = f"pip uninstall {' '.join(wheels)}; pip install opencv-python-headless"
        yield Check("OpenCV: wheels", "missing", f"{' and '.join(wheels)} overwrite each other", fix)


def engines() -> Iterator[Check]:
    """Engines."""
    try:
        import onnxruntime
    except ImportError as error:
        yield Check("ONNX Runtime", "broken", str(error), "pip install onnxruntime")
    else:
        providers = [p.removesuffix("ExecutionProvider") for p in onnxruntime.get_available_providers()]
        yield Check("ONNX Runtime", "ok", f"{onnxruntime.__version__}: {', '.join(providers)}")
    tensorrt = _version("tensorrt")
    if importlib.util.find_spec("tensorrt") is not None:
        yield Check("TensorRT", "ok", tensorrt or "found")
    else:
        fix = "comes with JetPack: sudo apt install nvidia-jetpack"
        yield Check("TensorRT", "missing", "ONNX Runtime on the CPU is used", fix)


def nvidia() -> Iterator[Check]:
    """NVIDIA."""
    release = Path("/etc/nv_tegra_release")
    if release.is_file():
        found = re.search(r"R(\d+).*?REVISION: ([\d.]+)", release.read_text(errors="replace"))
        yield Check("JetPack", "ok", f"L4T {found[1]}.{found[2]}" if found else "found")
    driver = Path("/proc/driver/nvidia/version")
    nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    if driver.is_file() or release.is_file():
        words = (
            re.search(r"\d+\.\d+(\.\d+)?", driver.read_text(errors="replace")) if driver.is_file() else None
        )
        yield Check("NVIDIA driver", "ok", words[0] if words else "found")
        yield Check("CUDA toolkit", "ok" if nvcc else "missing", nvcc or "no nvcc")
    else:
        yield Check("NVIDIA GPU", "missing", "no driver", "needed for TensorRT only")


def training() -> Iterator[Check]:
    """Training and export."""
    for part, modules in (
        ("training", ("torch", "torchvision", "lightning", "torchmetrics", "transformers", "safetensors")),
        ("export", ("torch", "onnx", "onnxscript", "onnxslim")),
    ):
        lacking = [m for m in modules if importlib.util.find_spec(m) is None]
        if lacking:
            fix = f"pip install 'rigsight[{part}]'"
            yield Check(part, "missing", f"without {', '.join(lacking)} (optional)", fix)
        else:
            yield Check(
                part, "ok", f"{modules[0]} {_version(modules[0])}, {modules[1]} {_version(modules[1])}"
            )


def cameras() -> Iterator[Check]:
    """Cameras."""
    yield from _devices("cameras", sorted(Path("/dev").glob("video*")), "video")


def serial_ports() -> Iterator[Check]:
    """Serial ports."""
    from serial.tools import list_ports

    ports = sorted(Path(port.device) for port in list_ports.comports())
    yield from _devices("serial ports", ports, "dialout")


def storage() -> Iterator[Check]:
    """Disk."""
    free = shutil.disk_usage(Path.cwd()).free
    found = f"{free / (1 << 30):.1f} GiB free in {Path.cwd()}"
    state: State = "ok" if free >= LEAST_FREE_BYTES else "missing"
    yield Check("disk", state, found, "" if state == "ok" else "free at least 1 GiB")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rigsight"
    nearest = next(p for p in (cache, *cache.parents) if p.exists())
    if os.access(nearest, os.W_OK):
        yield Check("cache folder", "ok", str(cache) + ("" if cache.exists() else " (not there yet)"))
    else:
        yield Check(
            "cache folder", "missing", f"{nearest} is not writable", "export XDG_CACHE_HOME=/some/folder"
        )


def shipped_bundle(path: Path) -> Check:
    """Whether a bundle is there and whole."""
    from rigsight.base.errors import RigsightError
    from rigsight.edge.bundle.reader import open_bundle

    if not path.exists():
        return Check("bundle", "missing", f"there is no {path}", "work in a checkout of the repository")
    try:
        return Check("bundle", "ok", open_bundle(path).id)
    except RigsightError as error:
        return Check("bundle", "broken", error.line(), error.fix)


PROBES: tuple[Callable[[], Iterator[Check]], ...] = (
    python, libraries, opencv, engines, nvidia, training, cameras, serial_ports, storage,
)  # fmt: skip


def _devices(name: str, paths: list[Path], group: str) -> Iterator[Check]:
    if not paths:
        yield Check(name, "missing", "none connected")
        return
    closed = [path for path in paths if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        fix = f"sudo usermod -aG {group} {getpass.getuser()}, then log in again"
        yield Check(name, "missing", f"no permission for {', '.join(map(str, closed))}", fix)
    else:
        yield Check(name, "ok", ", ".join(map(str, paths)))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _is_opencv(name: str | None) -> bool:
    return bool(name) and re.fullmatch(r"opencv-(contrib-)?python(-headless)?", str(name)) is not None
