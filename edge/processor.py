"""What this machine is called, for reports and for verdicts that hold only here."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BOARD = Path("/proc/device-tree/model")


def processor_name() -> str:
    """The processor's name on x86, the board's on ARM, where the kernel names no processor."""
    found = next((line for line in _text(CPUINFO).splitlines() if line.startswith("model name")), "")
    name = found.partition(":")[2].strip() or _text(BOARD).strip("\0 \n")
    return name or platform.processor() or platform.machine() or "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
