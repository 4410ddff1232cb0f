"""The page of a guided capture in a real browser: it shows the state and pictures, and its buttons work."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rigsight.edge.web.guided import CapturePage

_spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
assert _spec
assert _spec.loader
browser_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(browser_module)

LEAST_CONTRAST, LEAST_CONTRAST_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3
# Every text on the page with the contrast of its colour against what lies behind it.
CONTRASTS = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (css) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => {
    const f = (v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.offsetParent || e.disabled) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(rgb(style.color)), light(behind(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24;
    found.push([(a + .05) / (b + .05), large, e.textContent.trim().slice(0, 40)]);
  }
  return found;
})()
"""


class Session:
    """The capture steps in a thread, as fast as a slow camera, until it is told to stop."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.page = CapturePage(stage.capture)
        self.following = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.stage.step(follow=self.following)
            self.page.show()
            time.sleep(0.01)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self.page.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    program = browser_module.chromium()
    if program is None:
        pytest.skip("no Chromium or Chrome is installed here")
    with browser_module.Browser(program, tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def session(stage: Any) -> Iterator[Session]:
    running = Session(stage(automatic=False))
    yield running
    running.end()


def test_the_page_shows_the_session_and_its_buttons_reach_it(browser: Any, session: Session) -> None:
    browser.look(1280, 800)
    browser.open(session.page.url)
    browser.wait_for("document.getElementById('phase').textContent === 'First views'")
    for name in ("reference", "other"):
        browser.wait_for(f"document.getElementById('{name}').naturalWidth === 640")
    assert browser.evaluate("[...document.querySelectorAll('.name')].map(e => e.textContent)") == [
        "rgb",
        "thermal",
    ]
    assert browser.evaluate("document.querySelectorAll('#map0 i').length") == 48
    assert browser.evaluate("document.getElementById('target').textContent") == "0.50"
    session.following = True
    browser.wait_for("document.querySelector('[data-seen=\"0\"]').textContent === 'held still'")

    browser.evaluate("document.getElementById('snap').click()")
    browser.wait_for("document.getElementById('count').textContent === '1'")
    assert [shot.name for shot in session.stage.capture.snapshots] == ["001"]
    browser.wait_for(
        "[...document.querySelectorAll('#views img')].filter(i => i.naturalWidth > 0).length === 2"
    )
    assert browser.evaluate("document.querySelectorAll('#map0 i:not([data-level=\"0\"])').length") > 0
    browser.evaluate("document.querySelector('#views button').click()")
    browser.wait_for("document.getElementById('count').textContent === '0'")
    assert session.stage.capture.snapshots == []

    words = browser.evaluate("document.getElementById('instruction').textContent")
    assert words
    browser.evaluate("document.getElementById('mirror').click()")
    browser.wait_for(
        "getComputedStyle(document.getElementById('reference')).transform.startsWith('matrix(-1')"
    )
    browser.evaluate("document.getElementById('mirror').click()")
    before = session.stage.capture.proposal.pose
    browser.evaluate("document.getElementById('skip').click()")
    end = time.monotonic() + 20
    while session.stage.capture.proposal.pose is before and time.monotonic() < end:
        time.sleep(0.02)
    assert session.stage.capture.proposal.pose is not before
    browser.evaluate("document.getElementById('finish').click()")
    browser.wait_for("document.getElementById('phase').textContent === 'Finished'")
    assert session.stage.capture.finished
    assert browser.evaluate("document.getElementById('snap').disabled")
    assert browser.problems == []


def test_pictures_keep_coming(browser: Any, session: Session) -> None:
    browser.open(session.page.url)
    browser.wait_for("document.getElementById('reference').naturalWidth === 640")
    first = browser.evaluate("document.getElementById('reference').src")
    browser.wait_for(f"document.getElementById('reference').src !== {first!r}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_can_be_read_from_afar(browser: Any, session: Session, scheme: str, width: int) -> None:
    browser.look(width, 800, scheme)
    browser.open(session.page.url)
    browser.wait_for("document.getElementById('phase').textContent === 'First views'")
    for contrast, large, words in browser.evaluate(CONTRASTS):
        assert contrast >= (LEAST_CONTRAST_LARGE if large else LEAST_CONTRAST), words
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, "nothing reaches over the side"
    size = browser.evaluate("parseFloat(getComputedStyle(document.getElementById('instruction')).fontSize)")
    assert size >= (32 if width < 600 else 60)


def test_the_page_says_when_the_capture_has_gone(browser: Any, stage: Any) -> None:
    session = Session(stage(automatic=False))
    browser.open(session.page.url)
    browser.wait_for("document.getElementById('phase').textContent === 'First views'")
    session.end()
    browser.wait_for("document.getElementById('phase').textContent === 'Connection lost'")
