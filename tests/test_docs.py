"""The documentation is current: every link leads somewhere, and the errors page lists every code."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_OURS = {"node_modules", "build", "dist", "out", "data"}
_spec = importlib.util.spec_from_file_location("write_errors", ROOT / "docs" / "write_errors.py")
assert _spec
assert _spec.loader
write = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(write)


def pages() -> list[Path]:
    found = [*ROOT.glob("*.md")]
    for folder in sorted(ROOT.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in NOT_OURS:
            found += [
                p for p in folder.rglob("*.md") if not any(part.startswith(".") for part in p.parts[1:])
            ]
    return sorted(set(found))


def links(text: str) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r"(?:src|href)=\"([^\"]+)\"", text)


def anchors(page: Path) -> set[str]:
    """Headings as GitHub turns them into anchors."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name} links to {link}"


def test_the_errors_page_is_current() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == write.errors_text(), (
        "run: python docs/write_errors.py"
    )


def test_every_code_says_what_to_do() -> None:
    codes = write.every_code()
    assert len({code.title for code in codes}) == len(codes), "two codes with one title"
    for code in codes:
        assert re.fullmatch(r"[A-Z]{2,3}-\d{3}", code.code)
        assert code.remedy.endswith("."), code.code
        assert not code.title.endswith("."), code.code
        assert code.exit_code in (1, 2) or (code.code, code.exit_code) in (("CAL-044", 3), ("CAL-045", 4))


def test_every_raised_code_is_defined_in_one_place() -> None:
    """``define`` is called only where the errors page looks."""
    known = {path for pattern in write.DEFINED_IN for path in ROOT.glob(pattern)}
    for folder in ("rigsight/base", "rigsight/cli", "calibration", "edge", "training", "export"):
        for path in (ROOT / folder).rglob("*.py"):
            if re.search(r"= define\(", path.read_text()):
                assert path in known, f"{path} defines codes that docs/errors.md does not see"


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
