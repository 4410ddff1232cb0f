"""The corpus of bad input: its modules are imported by name."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from good_set import GoodSet

from rigsight.calibration import detect_views


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> GoodSet:
    """Pictures of a good calibration, rendered once."""
    return GoodSet(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="package", autouse=True)
def _remembered_detections() -> Iterator[None]:
    """Most cases share most of their pictures: each board is looked for once in each."""
    known: dict[tuple[str, str], Any] = {}
    search = detect_views.detect

    def detect(image: Any, board: Any, deadline_s: float) -> Any:
        key = hashlib.sha256(image.tobytes()).hexdigest() + str((image.shape, image.dtype)), board.to_yaml()
        if key not in known:
            known[key] = search(image, board, deadline_s)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect_views, "detect", detect)
        yield
