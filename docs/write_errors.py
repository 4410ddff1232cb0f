"""Write docs/errors.md from the codes that the code defines: ``python docs/write_errors.py``.

A test fails when what is committed differs from what this writes.
"""

from __future__ import annotations

import importlib
from itertools import groupby
from pathlib import Path

from rigsight.base.errors import USER_INPUT, ErrorCode, registered

ROOT = Path(__file__).resolve().parent.parent
DEFINED_IN = (
    "rigsight/base/*.py",
    "rigsight/cli/*.py",
    "*/codes.py",
    "edge/engines/codes.py",
    "edge/cameras/codes.py",
    "edge/devices/codes.py",
    "edge/messages/codes.py",
)

GROUPS = {
    "BND": "Bundles",
    "CAL": "Calibration and rig.yaml",
    "CAM": "Live cameras",
    "CLI": "The command line",
    "DAT": "Data sets",
    "DEM": "The demo",
    "DEV": "Serial devices",
    "ENG": "Engines: TensorRT, CUDA, providers",
    "EXP": "Export",
    "IO": "Files",
    "MSG": "ROS 2 messages",
    "PRF": "Profiles",
    "REC": "Recordings",
    "RUN": "Running",
    "SNK": "Sinks",
    "SRC": "Sources",
    "TRN": "Training",
    "WEB": "The web page",
}

HEAD = """# Errors

Bad input and a lacking environment end in one line: a code, what is wrong, where, and what to do.
Exit code 2 means that the input is at fault, 1 that the environment is; Ctrl-C exits with 130.
`check-rig` also answers by it: 3 when the cameras have moved, 4 when the pictures do not tell.
"""


def every_code() -> list[ErrorCode]:
    """All codes of all rooms, sorted."""
    for pattern in DEFINED_IN:
        for path in sorted(ROOT.glob(pattern)):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if path.stem.startswith("__") or parts[0] in ("tests", "docs"):
                continue
            importlib.import_module(".".join(parts if parts[0] == "rigsight" else ("rigsight", *parts)))
    return registered()


def errors_text() -> str:
    """The page as it is committed."""
    sections = []
    for prefix, codes in groupby(every_code(), key=lambda code: code.code.split("-")[0]):
        entries = [
            f"### {code.code}\n\n**{code.title}.** {code.remedy}"
            + ("\n" if code.exit_code == USER_INPUT else f" (Exit code {code.exit_code}.)\n")
            for code in codes
        ]
        sections.append(f"## {GROUPS[prefix]}\n\n" + "\n".join(entries))
    return HEAD + "\n" + "\n".join(sections)


if __name__ == "__main__":
    (ROOT / "docs" / "errors.md").write_text(errors_text())
