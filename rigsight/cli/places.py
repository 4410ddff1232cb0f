"""Where the repository's shipped files lie, for commands that use them by default."""

from __future__ import annotations

from pathlib import Path

import rigsight

REPOSITORY = Path(rigsight.__file__).resolve().parent.parent
PROFILES = REPOSITORY / "profiles"
SHIPPED_BUNDLE = REPOSITORY / "bundles" / "sim_street"
