"""The corpus of bad input: its modules are imported by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from good_set import GoodSet


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> GoodSet:
    """Pictures of a good calibration, rendered once."""
    return GoodSet(tmp_path_factory.mktemp("good"))
