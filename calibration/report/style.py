"""What the calibration report adds to the shared style sheet."""

from __future__ import annotations

from rigsight.base.html import style

CSS = (
    style.CSS
    + """
:root { --good: #1a7f37; --usable: #8a5a00; --bad: #c01f2b; }
@media (prefers-color-scheme: dark) {
  :root { --good: #4cc460; --usable: #dba53a; --bad: #ff7b72; }
}
.verdict { border-left: 6px solid var(--grade); padding: 2px 0 2px 20px; }
.verdict h1 { font-size: 34px; margin: 6px 0 8px; max-width: 30em; text-wrap: balance; }
.verdict .grade { color: var(--grade); }
.verdict .grade svg { display: inline-block; width: .8em; height: .8em; margin: 0 .28em 0 0;
  vertical-align: -.06em; }
.verdict .grade svg path { fill: none; stroke: var(--grade); stroke-width: 2.4; stroke-linecap: round;
  stroke-linejoin: round; }
.verdict .advice { font-size: 18px; }
.verdict ul { margin: 0 0 12px; padding-left: 20px; max-width: 72ch; }
.verdict .lead { margin-bottom: 0; }
.grade-good { --grade: var(--good); }
.grade-usable { --grade: var(--usable); }
.grade-not-usable { --grade: var(--bad); }
nav { margin: 26px 0 0; font-size: 14px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0; padding: 0; }
section { scroll-margin-top: 12px; }
.wide svg { max-width: 940px; }
svg .frame { fill: none; stroke: var(--soft); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 4; }
svg text.limit-name { fill: var(--bad); stroke: none; font-weight: 600; }
svg text.limit-name, svg text.over { paint-order: stroke; stroke: var(--panel); stroke-width: 4px;
  stroke-linejoin: round; }
svg .cell { shape-rendering: crispEdges; }
.on-phones { display: none; }
.bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 16px;
  margin: 14px 0 0; padding: 0; list-style: none; }
.card { background: var(--panel); border-radius: 8px; padding: 12px; min-width: 0; }
.card.out { box-shadow: inset 4px 0 0 var(--bad); padding-left: 16px; }
.card h3 { overflow-wrap: anywhere; }
.card h3 span { color: var(--soft); font-weight: 400; }
.card p { font-size: 14px; margin: 6px 0 0; overflow-wrap: anywhere; }
.card .pair { display: grid; grid-template-columns: repeat(var(--n), 1fr); gap: 6px; align-items: start; }
.card .pair img { display: block; width: 100%; height: auto; min-width: 0; border-radius: 3px; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 2px 10px; margin: 8px 0 0;
  font-size: 13px; align-items: center; }
.bars b { display: block; height: 8px; border-radius: 2px; min-width: 2px; }
.bars span { color: var(--soft); }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px 12px; margin-top: 12px; }
.block { margin-top: 22px; }
td.over { color: var(--bad); font-weight: 600; }
details { margin-top: 14px; font-size: 14px; }
summary { cursor: pointer; color: var(--accent); }
details li { overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 620px) {
  .verdict { padding-left: 14px; }
  .verdict h1 { font-size: 26px; }
  .three { grid-template-columns: 1fr; }
  .on-desks { display: none; }
  .on-phones { display: block; }
  table { font-size: 13px; }
  tbody th { font-size: 13px; }
  th { font-size: 12px; }
  th.n { white-space: normal; vertical-align: bottom; }
}
@media print { .card, figure { break-inside: avoid; } nav { display: none; } }
"""
)
