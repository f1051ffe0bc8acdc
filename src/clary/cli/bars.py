"""Bars for the terminal: what each feature adds to a prediction, or takes away."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

_WIDTH = 24  # characters of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def signed(shares: Mapping[str, float], shown: int = 8) -> Table:
    """The largest shares first, green where they add and magenta where they take away; in the prediction's unit."""
    largest = sorted(shares.items(), key=lambda item: -abs(item[1]))[:shown]
    widest = max((abs(value) for _, value in largest), default=0.0) or 1.0
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=18)
    table.add_column(justify="right")
    for name, value in largest:
        bar = Text(_bar(abs(value) / widest), style="green" if value >= 0 else "magenta")
        table.add_row(f"  {name}", _number(value), bar)
    left = len(shares) - len(largest)
    if left > 0:
        table.add_row(f"  {left} more", _number(sum(shares.values()) - sum(value for _, value in largest)), "")
    return table


def _bar(share: float) -> str:
    eighths = round(share * _WIDTH * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _number(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3g}"
