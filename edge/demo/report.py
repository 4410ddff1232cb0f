"""``report.html``: one file with everything in it, nothing loaded from elsewhere."""

from __future__ import annotations

import math
from html import escape

from rigsight.base.html.page import page
from rigsight.base.html.svg import short
from rigsight.edge.demo.pictures import COLUMNS, data_uri, panels
from rigsight.edge.demo.plots import BarGroup, Series, bar_plot, distance_plot
from rigsight.edge.demo.results import AGE, TOTAL, DemoResult, MapError, Sample, Scores
from rigsight.edge.demo.style import CSS

_SERIES = ("both cameras", "RGB only", "thermal only", "per-pixel baseline")
_STAGES = {
    "preprocess": "AGC and alignment",
    "host": "host functions",
    "engine": "network",
    "mask": "mask",
    TOTAL: "all stages of a set",
    AGE: "reading to mask, waiting in queues included",
}
_HEADS = ("both", "RGB", "thermal", "per pixel")
_COLORS = ("var(--both)", "var(--rgb)", "var(--thermal)", "var(--pixel)")


def render(result: DemoResult) -> str:
    """The whole page as HTML."""
    body = "\n".join(
        (
            _head(result),
            _tiles(result),
            _samples(result),
            _geometry(result),
            _masks(result),
            _time(result),
            _dropped(result),
            _provenance(result),
        )
    )
    return page(f"rigsight demo: {result.profile}", CSS, body)


def alignment_at_surface(result: DemoResult) -> MapError:
    """The alignment error at the fixed distance nearest to the profile's surface."""
    return min(
        result.alignment, key=lambda e: abs(math.log(e.distance_m) - math.log(result.surface_distance_m))
    )


def worst_parallax(result: DemoResult) -> MapError:
    """The fixed distance at which the profile's one surface is worst."""
    finite = [error for error in result.parallax if math.isfinite(error.rms_px)]
    return max(finite or result.parallax, key=lambda error: error.rms_px)


def _head(result: DemoResult) -> str:
    title = f"{result.profile}: {result.pairs} frame sets of the simulated {result.scene}"
    return (
        f'<header>\n<p class="eyebrow">rigsight demo</p>\n<h1>{escape(title)}</h1>\n'
        '<p class="lead">Board pictures, calibration, alignment, the shipped bundle and the threaded '
        "pipeline, on scenes that training never saw. Every number is measured against the simulator’s "
        "truth.</p>\n</header>"
    )


def _tiles(result: DemoResult) -> str:
    near, worst = alignment_at_surface(result), worst_parallax(result)
    total = result.latency_ms.get(TOTAL)
    share = result.rate_hz / result.engine_rate_hz if result.engine_rate_hz > 0 else float("nan")
    tiles = [
        (
            "mIoU",
            short(result.scores.mean),
            "",
            f"RGB only {short(result.rgb_only.mean)}, thermal only {short(result.thermal_only.mean)}, "
            f"per-pixel baseline {short(result.baseline.mean)}",
        ),
        (
            f"alignment at {near.distance_m:g} m",
            short(near.rms_px),
            "px",
            f"RMS, map built for the distance; one surface for all is {short(worst.rms_px)} px off "
            f"at {worst.distance_m:g} m",
        ),
        (
            "rate",
            short(result.rate_hz),
            "Hz",
            f"{100 * share:.0f} % of the bare engine’s {short(result.engine_rate_hz)} Hz",
        ),
    ]
    if total is not None:
        tiles.append(
            (
                "frame set to mask",
                short(total.p95),
                "ms",
                f"p95; p50 {short(total.p50)}, p99 {short(total.p99)}",
            )
        )
    tiles.append(("dropped", str(result.total_dropped), "", f"{result.pairs} frame sets, {_reasons(result)}"))
    items = "\n".join(
        f'<li><div class="name">{escape(name)}</div><div class="number">{escape(number)}'
        + (f'<span class="unit">{unit}</span>' if unit else "")
        + f'</div><div class="more">{escape(more)}</div></li>'
        for name, number, unit, more in tiles
    )
    return f'<ul class="tiles">\n{items}\n</ul>'


def _reasons(result: DemoResult) -> str:
    named = [f"{count} {reason}" for reason, count in result.dropped.items() if count]
    return ", ".join(named) or "each became a mask"


def _samples(result: DemoResult) -> str:
    rows = "\n".join(_sample(sample, result) for sample in result.samples)
    legend = "".join(
        f'<li><i style="background:rgb{result.classes[n].color}"></i>{escape(result.classes[n].name)}</li>'
        for n in result.scene_classes
        if n
    )
    video = result.files.get("video")
    link = f' All of them as a <a href="{escape(video)}">video</a>.' if video else ""
    return (
        "<section>\n<h2>What the rig sees</h2>\n"
        "<p>RGB and thermal on one pixel grid, the fused picture, the network’s mask and the true one, "
        f"both laid over the fused picture.{link}</p>\n"
        f'<ul class="legend">{legend}</ul>\n{rows}\n</section>'
    )


def _sample(sample: Sample, result: DemoResult) -> str:
    figures = "".join(
        f'<figure><img src="{data_uri(picture)}" width="{picture.shape[1]}" height="{picture.shape[0]}" '
        f'alt="{name}, {escape(sample.title)}"><figcaption>{name}</figcaption></figure>'
        for name, picture in zip(COLUMNS, panels(sample, result.classes), strict=True)
    )
    light = f"illumination {100 * sample.illumination:.0f} %"
    return (
        f'<div class="sample">\n<h3>{escape(sample.title)} <span>{light}</span></h3>\n'
        f'<div class="row">{figures}</div>\n</div>'
    )


def _geometry(result: DemoResult) -> str:
    mark = (result.surface_distance_m, f"surface {result.surface_distance_m:g} m")
    built = _plot("Map built for the distance", result.alignment, result.alignment_curve, "var(--both)", None)
    fixed = _plot(
        "One surface for all distances", result.parallax, result.parallax_curve, "var(--thermal)", mark
    )
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in result.calibration.items()
    )
    return (
        "<section>\n<h2>Alignment</h2>\n"
        "<p>How far thermal lies from RGB on the output grid, RMS over all pixels that both cameras see. "
        "The calibrated rig is judged by the true one.</p>\n"
        f'<div class="two">\n<div class="plot"><h3>Map built for the distance</h3>'
        f'<p class="note">What calibration leaves.</p>{built}</div>\n'
        f'<div class="plot"><h3>The profile’s one surface</h3>'
        f'<p class="note">What parallax adds away from it.</p>{fixed}</div>\n</div>\n'
        f"<dl>{facts}</dl>\n</section>"
    )


def _plot(
    title: str,
    points: tuple[MapError, ...],
    curve: tuple[MapError, ...],
    color: str,
    mark: tuple[float, str] | None,
) -> str:
    series = Series(
        title,
        color,
        curve=[(e.distance_m, e.rms_px) for e in curve],
        points=[(e.distance_m, e.rms_px) for e in points],
    )
    return distance_plot(series, title=title, mark=mark)


def _masks(result: DemoResult) -> str:
    every = (result.scores, result.rgb_only, result.thermal_only, result.baseline)
    groups = [BarGroup("mean", [scores.mean for scores in every])]
    groups += [BarGroup(name, [_of(scores, name) for scores in every]) for name in result.scores.classes]
    legend = "".join(
        f'<li><i style="background:{color}"></i>{name}</li>'
        for name, color in zip(_SERIES, _COLORS, strict=True)
    )
    rows = "".join(
        f'<tr{" class=total" if group.label == "mean" else ""}><th scope="row">{escape(group.label)}</th>'
        + "".join(f'<td class="n">{short(value)}</td>' for value in group.values)
        + "</tr>"
        for group in [*groups[1:], groups[0]]
    )
    heads = "".join(f'<th scope="col" class="n">{name}</th>' for name in _HEADS)
    return (
        "<section>\n<h2>Masks</h2>\n"
        "<p>Intersection over union against truth, inside the area that both cameras see. "
        f"{escape(result.scored_on)}</p>\n"
        f'<ul class="legend">{legend}</ul>\n<div class="two">\n'
        f'<div class="plot">{bar_plot(groups, _SERIES, _COLORS, "IoU by class")}</div>\n'
        f'<div class="scroll"><table><thead><tr><th scope="col">class</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>\n</div>\n</section>"
    )


def _of(scores: Scores, name: str) -> float:
    return scores.classes.get(name, float("nan"))


def _time(result: DemoResult) -> str:
    longest = max((t.p50 for s, t in result.latency_ms.items() if s not in (TOTAL, AGE)), default=1.0)
    rows = "".join(
        f'<tr{" class=total" if stage == TOTAL else ""}><th scope="row">'
        f"{escape(_STAGES.get(stage, stage))}</th>"
        + "".join(f'<td class="n">{_ms(value)}</td>' for value in (t.p50, t.p95, t.p99))
        + f'<td class="bar">{"" if stage in (TOTAL, AGE) else _bar(t.p50 / longest)}</td></tr>'
        for stage, t in result.latency_ms.items()
    )
    return (
        "<section>\n<h2>Time</h2>\n"
        "<p>Milliseconds of every stage on this machine. The frame sets were rendered beforehand, so nothing "
        "here is the simulator; the bare engine ran in turn with the pipeline, with the same session and "
        "threads, on inputs that lay in memory. The last row is at full speed, where sets queue for the "
        "network.</p>\n"
        '<div class="scroll"><table><thead><tr><th scope="col">stage</th><th scope="col" class="n">p50</th>'
        '<th scope="col" class="n">p95</th><th scope="col" class="n">p99</th>'
        f'<th scope="col">share</th></tr></thead><tbody>{rows}</tbody></table></div>\n</section>'
    )


def _bar(share: float) -> str:
    return f'<b style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></b>'


def _ms(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _dropped(result: DemoResult) -> str:
    if not result.total_dropped:
        return (
            "<section>\n<h2>Dropped</h2>\n<p>Nothing: "
            f"{result.pairs} frame sets came in and {result.pairs} masks went out.</p>\n</section>"
        )
    rows = "".join(
        f'<tr><th scope="row">{escape(reason)}</th><td class="n">{count}</td></tr>'
        for reason, count in result.dropped.items()
    )
    return (
        "<section>\n<h2>Dropped</h2>\n<p>What did not become a mask, and why.</p>\n"
        '<div class="scroll"><table><thead><tr><th scope="col">reason</th>'
        f'<th scope="col" class="n">count</th></tr></thead><tbody>{rows}</tbody></table></div>\n</section>'
    )


def _provenance(result: DemoResult) -> str:
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>"
        for name, value in result.provenance.items()
    )
    return f"<section>\n<h2>Provenance</h2>\n<dl>{facts}</dl>\n</section>"
