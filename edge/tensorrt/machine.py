"""What an engine is tied to on this machine, and the memory a build may take."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rigsight.edge.cuda.base import Cuda
from rigsight.edge.cuda.open import open_cuda

TEGRA_RELEASE = Path("/etc/nv_tegra_release")
DRIVER_VERSION = Path("/proc/driver/nvidia/version")
MEMINFO = Path("/proc/meminfo")
# What the build leaves to everything else: the host shares the memory of an integrated GPU.
_SHARE = {True: 0.5, False: 0.8}


@dataclass(frozen=True)
class Machine:
    """GPU, versions and free memory in bytes. All but the memory decide whether an engine is fresh."""

    gpu: str
    compute_capability: str
    tensorrt: str
    driver: str
    jetpack: str | None
    integrated: bool
    free_bytes: int

    def words(self) -> str:
        """For people."""
        system = f", {self.jetpack}" if self.jetpack else ""
        return (
            f"{self.gpu} (compute capability {self.compute_capability}), TensorRT {self.tensorrt}, "
            f"driver {self.driver}{system}, {self.free_bytes >> 20} MiB free"
        )

    def workspace_bytes(self) -> int:
        """The most that a build may take: whole MiB of what is free."""
        return int(self.free_bytes * _SHARE[self.integrated]) >> 20 << 20


def read_machine(trt: Any, cuda: Cuda) -> Machine:
    """Ask TensorRT, CUDA and the system. Raises RigsightError ENG-008 where the GPU does not answer."""
    free, _ = cuda.memory()
    available = available_bytes() if cuda.device.integrated else None
    version = driver_version()
    return Machine(
        gpu=cuda.device.name,
        compute_capability=cuda.device.compute_capability,
        tensorrt=str(trt.__version__),
        driver=cuda.device.driver + (f" ({version})" if version else ""),
        jetpack=jetpack_release(),
        integrated=cuda.device.integrated,
        free_bytes=free if available is None else min(free, available),
    )


def this_machine(trt: Any) -> Machine:
    """Ask in a thread of its own, so that no CUDA context stays with the caller.

    Raises:
        RigsightError: ENG-002 without a binding, a driver or a GPU.
    """

    def look() -> Machine:
        with closing(open_cuda()) as cuda:
            return read_machine(trt, cuda)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(look).result()


def jetpack_release() -> str | None:
    """The Jetson's system, such as "L4T 36.4.3", or None elsewhere."""
    text = _text(TEGRA_RELEASE)
    found = re.search(r"R(\d+).*?REVISION: ([\d.]+)", text or "")
    return f"L4T {found[1]}.{found[2]}" if found else ("L4T" if text is not None else None)


def driver_version() -> str | None:
    """The kernel driver's version, such as "560.35.03"."""
    found = re.search(r"\d+\.\d+(\.\d+)?", _text(DRIVER_VERSION) or "")
    return found[0] if found else None


def available_bytes() -> int | None:
    """MemAvailable of the host, which an integrated GPU shares."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(MEMINFO) or "", flags=re.MULTILINE)
    return int(found[1]) << 10 if found else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None
