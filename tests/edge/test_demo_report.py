"""The demo's report, summary and pictures, from made-up but consistent results."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from rigsight.edge.demo.pictures import PREVIEW_BYTES, contact_sheet
from rigsight.edge.demo.report import alignment_at_surface, render
from rigsight.edge.demo.results import DemoResult, MapError, Percentiles, Sample, Scores
from rigsight.edge.demo.style import CSS
from rigsight.edge.simulation.classes import CLASSES, SCENE_CLASSES

NAN = float("nan")


def made_up_sample(title: str, light: float, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    height, width = 240, 320
    truth = np.zeros((height, width), np.uint8)
    truth[150:] = 1
    truth[110:175, 190:280] = 3
    truth[95:180, 60:85] = 2
    truth[40:170, 140:147] = 4
    rgb = np.zeros((height, width, 3), np.float64)
    for number, color in enumerate(
        [(150, 170, 190), (95, 95, 98), (120, 70, 60), (60, 75, 130), (130, 130, 125)]
    ):
        rgb[truth == number] = color
    rgb = rgb * (0.25 + 0.75 * light) + rng.normal(0, 5, rgb.shape)
    thermal = np.choose(truth, [60, 80, 215, 170, 90]) + rng.normal(0, 4, truth.shape)
    mask = np.roll(truth, 2, axis=1)
    mask[:, :6] = 255
    rgb8 = rgb.clip(0, 255).astype(np.uint8)
    thermal8 = thermal.clip(0, 255).astype(np.uint8)
    fused = cv2.addWeighted(rgb8, 0.6, np.repeat(thermal8[..., None], 3, axis=2), 0.4, 0)
    return Sample(title, rgb8, thermal8, np.asarray(fused, np.uint8), mask, truth, light)


def errors(distances: tuple[float, ...], surface: float | None) -> tuple[MapError, ...]:
    if surface is None:
        values = [0.18 + 0.4 / d for d in distances]
    else:
        values = [140 * 0.3 * abs(1 / d - 1 / surface) + 0.1 for d in distances]
    return tuple(MapError(d, v) for d, v in zip(distances, values, strict=True))


@pytest.fixture
def result() -> DemoResult:
    return made_up_result()


def made_up_result(dropped: dict[str, int] | None = None) -> DemoResult:
    distances = (5.0, 10.0, 20.0, 50.0)
    curve = tuple(np.geomspace(4, 62.5, 25).tolist())
    names = [CLASSES[n].name for n in SCENE_CLASSES["street"]]

    def scores(*values: float) -> Scores:
        return Scores(float(np.nanmean(values)), dict(zip(names, values, strict=True)))

    return DemoResult(
        profile="car_roof",
        scene="street",
        classes=CLASSES,
        scene_classes=SCENE_CLASSES["street"],
        pairs=200,
        dropped=dropped or {},
        surface_distance_m=12.0,
        alignment=errors(distances, None),
        parallax=errors(distances, 12.0),
        alignment_curve=errors(curve, None),
        parallax_curve=errors(curve, 12.0),
        scores=scores(0.97, 0.96, 0.78, 0.86, 0.71),
        rgb_only=scores(0.90, 0.88, 0.41, 0.66, 0.52),
        thermal_only=scores(0.88, 0.83, 0.70, 0.69, NAN),
        baseline=scores(0.71, 0.66, 0.22, 0.31, 0.04),
        scored_on="Both cameras on all 200 sets, the others on every 4th.",
        latency_ms={
            "preprocess": Percentiles(0.912, 1.31, 1.62),
            "infer": Percentiles(38.2, 41.9, 47.0),
            "postprocess": Percentiles(1.72, 2.05, 2.41),
            "total": Percentiles(41.3, 45.4, 50.8),
        },
        rate_hz=25.4,
        engine_rate_hz=25.9,
        samples=(
            made_up_sample("Day", 1.0, 0),
            made_up_sample("Dusk", 0.5, 1),
            made_up_sample("Night", 0, 2),
        ),
        calibration={"rgb": "RMS 0.11 px", "thermal": "RMS 0.17 px", "baseline": "0.302 m (true 0.300 m)"},
        provenance={
            "bundle": "sim_street-1-0123456789ab",
            "command": "rigsight demo --seed <3>",
            "OpenCV": "5.0",
        },
        files={"video": "overlay.webm"},
    )


class Outline(HTMLParser):
    """Checks nesting and collects what the page refers to."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.sources: list[str] = []
        self.images_without_words = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.sources += [v for k, v in attrs if k in ("src", "href") and v]
        if (tag in ("img",) and not values.get("alt")) or (tag == "svg" and not values.get("aria-label")):
            self.images_without_words += 1
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_the_report_stands_alone_and_is_well_formed(result: DemoResult) -> None:
    page = render(result)
    outline = Outline()
    outline.feed(page)
    assert outline.stack == []
    assert outline.images_without_words == 0
    assert all(source.startswith("data:") or source == "overlay.webm" for source in outline.sources)
    assert "http" not in page.replace("http-equiv", "")
    assert "@import" not in page
    assert "url(http" not in page
    assert len(page) < 3_000_000


def test_the_report_says_every_number(result: DemoResult) -> None:
    page = render(result)
    for text in (
        "0.86",
        "0.71",
        "25.4",
        "98 %",
        "45.4",
        "–",
        "Day",
        "Dusk",
        "Night",
        "rigsight demo --seed &lt;3&gt;",
    ):
        assert text in page, text
    assert "<3>" not in page
    for name in ("road", "person", "car", "pole"):
        assert name in page
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", page))


def test_what_was_dropped_is_named(result: DemoResult) -> None:
    assert "Nothing: 200 frame sets" in render(result)
    page = render(made_up_result({"no partner in time": 3, "frozen": 1}))
    assert "no partner in time" in page
    assert ">4<" in page


def test_the_pictures_in_the_report_decode(result: DemoResult) -> None:
    uris = re.findall(r"data:image/jpeg;base64,([^\"]+)", render(result))
    assert len(uris) == 15
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(uris[0]), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (240, 320, 3)
    difference = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(int) - result.samples[0].rgb
    assert np.abs(difference).mean() < 6


def test_the_summary_is_json_with_the_agreed_keys(result: DemoResult) -> None:
    summary = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert set(summary) == {
        "profile", "pairs", "dropped", "alignment_px", "parallax_px", "miou", "latency_ms", "rate_hz",
        "engine_rate_hz",
    }  # fmt: skip
    assert list(summary["alignment_px"]) == ["5", "10", "20", "50"]
    assert summary["parallax_px"]["5"] == pytest.approx(5.0, abs=0.01)
    assert summary["miou"]["mean"] == pytest.approx(0.856)
    assert summary["miou"]["thermal_only"]["classes"]["pole"] is None
    assert set(summary["miou"]) == {"mean", "classes", "rgb_only", "thermal_only", "baseline"}
    assert summary["latency_ms"]["total"] == {"p50": 41.3, "p95": 45.4, "p99": 50.8}


def test_the_headline_takes_the_distance_nearest_to_the_surface(result: DemoResult) -> None:
    assert alignment_at_surface(result).distance_m == 10.0


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_meets_wcag_in_both_modes() -> None:
    """WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for what a plot draws (1.4.11)."""
    modes = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert len(modes) == 2
    for mode in modes:
        colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", mode))
        for back in ("page", "panel"):
            for name, least in [*[(t, 4.5) for t in ("ink", "soft", "accent")],
                                *[(g, 3.0) for g in ("both", "rgb", "thermal", "pixel")]]:  # fmt: skip
                lighter, darker = sorted((luminance(colors[name]), luminance(colors[back])), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) >= least, (name, back)


def test_the_contact_sheet_is_a_small_png(result: DemoResult) -> None:
    data = contact_sheet(result.samples, CLASSES, SCENE_CLASSES["street"])
    assert data.startswith(b"\x89PNG")
    assert len(data) <= PREVIEW_BYTES
    sheet = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] > 500
