"""What the demo's report adds to the shared style sheet: the rows of pictures."""

from __future__ import annotations

from rigsight.base.html import style

CSS = (
    style.CSS
    + """
.sample { margin: 18px 0 0; }
.sample h3 { margin-bottom: 6px; }
.sample h3 span { color: var(--soft); font-weight: 400; }
.row { display: grid; grid-template-columns: repeat(5, 1fr); gap: 8px; }
@media (max-width: 620px) {
  .row { grid-template-columns: repeat(6, 1fr); }
  .row figure { grid-column: span 2; }
  .row figure:nth-child(n+4) { grid-column: span 3; }
}
"""
)
