"""Report pages: one HTML file each, nothing loaded from anywhere, readable in the dark and on a phone."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --bg: light-dark(#f6f7f4, #111412); --surface: light-dark(#fff, #191d1a);
  --line: light-dark(#dfe3db, #2a302c); --text: light-dark(#1b211d, #e7ebe6); --muted: light-dark(#5f6a63, #98a39b);
  --accent: light-dark(#3f7552, #7fbf94); --soft: light-dark(#e6f0e9, #1f3227); --warn: light-dark(#94600b, #e0b15a) }
* { box-sizing: border-box }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.5 "Inter", system-ui, sans-serif;
  font-variant-numeric: tabular-nums }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; display: grid; gap: 24px }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em } h2 { font-size: 15px; margin: 0 0 12px }
p { margin: 4px 0 0; max-width: 46rem } .muted { color: var(--muted) } .warn { color: var(--warn) }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); background: var(--surface);
  border: 1px solid var(--line); border-radius: 8px }
.figures div { padding: 12px 16px; border-left: 1px solid var(--line) } .figures div:first-child { border-left: 0 }
.figures b { display: block; font-size: 19px; font-weight: 600 } .figures span { color: var(--muted); font-size: 12px }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 16px; overflow-x: auto }
.grid { display: grid; grid-template-columns: 1fr 1fr; gap: 16px }
@media (max-width: 760px) { .grid { grid-template-columns: 1fr } }
table { width: 100%; border-collapse: collapse } td, th { padding: 7px 12px 7px 0; text-align: left }
th { font-size: 12px; font-weight: 500; color: var(--muted) } td { border-top: 1px solid var(--line) }
td.num, th.num { text-align: right } tr.best td { background: var(--soft) }
svg text:not([style*="fill: #ffffff"], [style*="fill: #1b211d"]) { fill: var(--muted) !important }
"""


def page(title: str, lead: str, *parts: str) -> str:
    """A whole document; ``parts`` are panels and the like, as the functions below make them."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<header><h1>{escape(title)}</h1><p class="muted">{escape(lead)}</p></header>{"".join(parts)}</main></body></html>'
    )


def figures(**values: Any) -> str:
    """A strip of numbers: word → number."""
    cells = "".join(
        f"<div><b>{escape(shown(v))}</b><span>{escape(k.replace('_', ' '))}</span></div>" for k, v in values.items()
    )
    return f'<div class="figures">{cells}</div>'


def panel(title: str, body: str, note: str = "") -> str:
    said = f'<p class="muted">{escape(note)}</p>' if note else ""
    return f'<section class="panel"><h2>{escape(title)}</h2>{body}{said}</section>'


def grid(*panels: str) -> str:
    return f'<div class="grid">{"".join(panels)}</div>'


def table(rows: list[dict[str, Any]], best: int | None = None) -> str:
    """Numbers stand right; the row ``best`` is marked."""
    if not rows:
        return '<p class="muted">None.</p>'
    columns = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {c: all(isinstance(row.get(c), int | float | None) for row in rows) for c in columns}
    head = "".join(f"<th{_num(numeric[c])}>{escape(str(c))}</th>" for c in columns)
    body = ""
    for number, row in enumerate(rows):
        cells = "".join(f"<td{_num(numeric[c])}>{escape(shown(row.get(c)))}</td>" for c in columns)
        body += f"<tr{' class=best' if number == best else ''}>{cells}</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>'


def shown(value: Any) -> str:
    """A value as people read it: thousands apart, four digits, a dash for nothing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def _num(numeric: bool) -> str:
    return ' class="num"' if numeric else ""
