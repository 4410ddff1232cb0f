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
from types import SimpleNamespace
from typing import Literal

from rigsight.base.errors import RigsightError
from rigsight.edge.cameras import realsense as realsense_driver
from rigsight.edge.cameras.listing import list_cameras, look_at_gstreamer
from rigsight.edge.cuda.open import binding
from rigsight.edge.tensorrt.api import load_tensorrt, recipe
from rigsight.edge.tensorrt.cache import engines_root
from rigsight.edge.tensorrt.machine import driver_version, jetpack_release, this_machine
from rigsight.edge.tensorrt.trust import cache_root, check_folder

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


def signatures() -> Iterator[Check]:
    """Signed bundles."""
    if importlib.util.find_spec("cryptography") is None:
        yield Check(
            "cryptography", "missing", "not installed: no --trust (optional)", "pip install cryptography"
        )
    else:
        yield Check("cryptography", "ok", _version("cryptography") or "found")


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


def nvidia() -> Iterator[Check]:
    """NVIDIA."""
    jetpack, driver = jetpack_release(), driver_version()
    if jetpack is not None:
        yield Check("JetPack", "ok", jetpack)
    if driver is None and jetpack is None:
        yield Check("NVIDIA GPU", "missing", "no driver", "needed for TensorRT only")
        return
    nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    yield Check("NVIDIA driver", "ok", driver or "found")
    yield Check("CUDA toolkit", "ok" if nvcc else "missing", nvcc or "no nvcc")


def tensorrt() -> Iterator[Check]:
    """TensorRT and CUDA."""
    try:
        trt = load_tensorrt()
    except RigsightError as error:
        trt = None
        installed = importlib.util.find_spec("tensorrt") is not None
        found = error.what if installed else "ONNX Runtime is used"
        yield Check("TensorRT", "missing", found, "comes with JetPack: sudo apt install nvidia-jetpack")
    else:
        yield Check("TensorRT", "ok", f"{trt.__version__}; FP16 and INT8: {recipe(trt, 'int8').words()}")
    try:
        machine = this_machine(trt or SimpleNamespace(__version__="-"))
    except RigsightError as error:
        yield Check("CUDA for Python", "missing", error.what, error.fix if binding() is None else "")
    else:
        kind = "shares the host's memory" if machine.integrated else "has its own memory"
        found = f"{machine.gpu}, compute capability {machine.compute_capability}, {kind}, {machine.driver}"
        graphs = "" if (found_binding := binding()) is None else f" ({found_binding[0]})"
        yield Check("CUDA for Python", "ok", f"{found}, {machine.free_bytes >> 20} MiB free{graphs}")
    yield _built_engines()


def _built_engines() -> Check:
    """How many TensorRT engines the cache holds, and whether they would be trusted."""
    root = engines_root()
    if not root.is_dir():
        return Check("TensorRT engines", "missing", "none built", "rigsight build BUNDLE, where TensorRT is")
    try:
        check_folder(root)
    except RigsightError as error:
        return Check("TensorRT engines", "missing", error.what, f"rm -r {root}")
    plans = list(root.glob("*/*.plan"))
    size = sum(plan.stat().st_size for plan in plans)
    return Check("TensorRT engines", "ok", f"{len(plans)} in {root}, {size / 1e6:.0f} MB")


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
    found = list_cameras()
    if not found:
        yield Check("cameras", "missing", "none connected")
    for camera in found:
        problem = camera.problem
        if problem is None:
            yield Check("cameras", "ok", camera.words())
        else:
            yield Check("cameras", "missing", f"{camera.name} ({camera.node}): {problem.what}", problem.fix)


def realsense() -> Iterator[Check]:
    """RealSense."""
    if importlib.util.find_spec(realsense_driver.PACKAGE) is None:
        return  # who has none needs none
    try:
        found = realsense_driver.connected()
    except RigsightError as error:
        yield Check("RealSense", "missing", error.what, error.fix)
        return
    for words in found:
        yield Check("RealSense", "ok", words)


def gstreamer() -> Iterator[Check]:
    """GStreamer."""
    found = look_at_gstreamer(jetson=jetpack_release() is not None)
    if not found.version:
        yield Check(
            "GStreamer", "missing", f"{found.missing['GStreamer']} (for gst: cameras only)", found.fix
        )
        return
    lacking = ", ".join(f"{name} ({use})" for name, use in found.missing.items())
    state: State = "missing" if lacking else "ok"
    yield Check("GStreamer", state, found.version + (f", without {lacking}" if lacking else ""), found.fix)


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
    cache = cache_root()
    nearest = next(p for p in (cache, *cache.parents) if p.exists())
    if os.access(nearest, os.W_OK):
        yield Check("cache folder", "ok", str(cache) + ("" if cache.exists() else " (not there yet)"))
    else:
        yield Check(
            "cache folder", "missing", f"{nearest} is not writable", "export RIGSIGHT_CACHE=/some/folder"
        )


def shipped_bundle(path: Path) -> Check:
    """Whether a bundle is there and whole."""
    from rigsight.edge.bundle.reader import open_bundle

    if not path.exists():
        return Check("bundle", "missing", f"there is no {path}", "work in a checkout of the repository")
    try:
        return Check("bundle", "ok", open_bundle(path).id)
    except RigsightError as error:
        return Check("bundle", "broken", error.line(), error.fix)


PROBES: tuple[Callable[[], Iterator[Check]], ...] = (
    python, libraries, signatures, opencv, engines, nvidia, tensorrt, training, cameras, realsense, gstreamer,
    serial_ports, storage,
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
