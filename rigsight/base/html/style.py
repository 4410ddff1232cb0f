"""The report's style sheet: system fonts, light and dark, from phones to desktops."""

# One colour a series, at least 3:1 against the page in both modes; text at least 4.5:1.
CSS = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f4f5f7; --ink: #171a1f; --soft: #545c68; --rule: #dcdfe4; --accent: #0b5cad;
  --both: #0b5cad; --rgb: #b35c00; --thermal: #b0246f; --pixel: #707884;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131518; --panel: #1c1f24; --ink: #e9ebef; --soft: #a6aeb9; --rule: #31363e; --accent: #74b6fa;
    --both: #5aa5f2; --rgb: #e59a3c; --thermal: #e874b0; --pixel: #87909c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 2px 0 10px; font-weight: 650; }
h2 { font-size: 20px; line-height: 1.3; margin: 52px 0 6px; font-weight: 650; letter-spacing: -.005em; }
h3 { font-size: 15px; margin: 0 0 4px; font-weight: 600; }
p { margin: 0 0 14px; max-width: 72ch; }
a { color: var(--accent); text-underline-offset: 2px; }
code { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
.eyebrow { color: var(--accent); font-weight: 600; font-size: 14px; margin: 0; }
.lead, .note, figcaption, dt { color: var(--soft); }
.note { font-size: 14px; }
.tiles { display: grid; grid-template-columns: repeat(5, 1fr); margin: 28px 0 0; padding: 0; list-style: none;
  border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; background: var(--rule); gap: 1px; }
.tiles li { background: var(--page); padding: 16px 16px 14px; }
.tiles .name { font-size: 13px; color: var(--soft); }
.tiles .number { font-size: 29px; line-height: 1.25; font-weight: 650; letter-spacing: -.02em;
  white-space: nowrap; }
.tiles .unit { font-size: 15px; font-weight: 500; letter-spacing: 0; color: var(--soft); margin-left: 3px; }
.tiles .more { font-size: 13px; line-height: 1.4; color: var(--soft); }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; height: auto; border-radius: 4px; background: var(--panel); }
figcaption { font-size: 13px; margin-top: 3px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; padding: 0; list-style: none;
  font-size: 14px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 7px;
  vertical-align: -1px; box-shadow: inset 0 0 0 1px rgb(128 128 128 / .45); }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 36px; margin-top: 16px; align-items: start; }
.plot { background: var(--panel); border-radius: 8px; padding: 16px 16px 12px; }
.plot .note { margin: 0 0 8px; }
svg { display: block; width: 100%; max-width: 520px; height: auto; margin: 0 auto; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  fill: var(--soft); font-variant-numeric: tabular-nums; }
svg text.value, svg text.label { fill: var(--ink); font-weight: 600; }
svg text.value { paint-order: stroke; stroke: var(--panel); stroke-width: 4px; stroke-linejoin: round; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; margin-top: 12px; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--rule); text-align: left;
  vertical-align: middle; }
th { font-weight: 600; font-size: 13px; color: var(--soft); }
tbody th { font-size: 15px; font-weight: 500; color: var(--ink); }
td.n, th.n { text-align: right; padding-right: 20px; white-space: nowrap; }
.two td.n, .two th.n { padding-right: 8px; }
tr.total th, tr.total td { font-weight: 650; border-bottom: 0; }
.bar { min-width: 110px; width: 34%; padding-right: 0; }
.bar b { display: block; height: 9px; border-radius: 2px; background: var(--both); min-width: 2px; }
tr.total .bar b { background: var(--pixel); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 24px; margin: 12px 0 0;
  font-size: 15px; }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
@media (max-width: 900px) {
  .tiles { grid-template-columns: repeat(6, 1fr); }
  .tiles li { grid-column: span 2; }
  .tiles li:nth-child(n+4) { grid-column: span 3; }
  .two { grid-template-columns: 1fr; }
}
@media (max-width: 620px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 25px; }
  h2 { margin-top: 40px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles li, .tiles li:nth-child(n+4) { grid-column: auto; }
  .tiles li:first-child { grid-column: 1 / -1; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  td, th { padding-right: 8px; }
  td.n, th.n { padding-right: 12px; }
  .bar { min-width: 60px; }
}
@media print { .plot, .tiles li { break-inside: avoid; } }
"""
