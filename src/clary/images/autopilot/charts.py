"""Charts as inline SVG, in the colours of Clary's pages: for reports that open without a network."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np

ACCENT, VIOLET, MUTED, LINE, TEXT = "#3f7552", "#6d53a0", "#5f6a63", "#dfe3db", "#1b211d"

plt.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.7,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "text.color": TEXT,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }
)


def figure(width: float = 6.2, height: float = 3.4) -> tuple[Any, Any]:
    made: tuple[Any, Any] = plt.subplots(figsize=(width, height), layout="constrained")
    return made


def svg(chart: Any) -> str:
    buffer = io.StringIO()
    chart.savefig(buffer, format="svg")
    plt.close(chart)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(
        "<svg ", '<svg role="img" style="width:100%;max-width:42rem;height:auto" ', 1
    )


def bars(values: dict[str, float], label: str, colour: str = ACCENT) -> str:
    """Horizontal bars, the first on top, each with its number."""
    names = list(values)[::-1]
    chart, axes = figure(height=0.6 + 0.34 * max(len(names), 2))
    drawn = axes.barh(names, [values[n] for n in names], color=colour, height=0.62)
    axes.bar_label(drawn, fmt="%.4g", padding=4, color=MUTED, fontsize=9)
    axes.set_xlabel(label)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.14)
    return svg(chart)


def signed_bars(values: dict[str, float], label: str) -> str:
    """Bars to both sides of zero: what raises a prediction is green, what lowers it violet.

    Numbers stand to the right of the bars or of zero, clear of the names.
    """
    names = list(values)[::-1]
    chart, axes = figure(height=0.6 + 0.32 * max(len(names), 2))
    colours = [ACCENT if values[n] >= 0 else VIOLET for n in names]
    axes.barh(names, [values[n] for n in names], color=colours, height=0.62)
    for row, name in enumerate(names):
        end, told = (max(values[name], 0.0), row), f"{values[name]:+.3g}"
        axes.annotate(told, end, (4, 0), textcoords="offset points", va="center", color=MUTED, fontsize=9)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel(label)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.18)
    return svg(chart)


def histogram(values: Any, label: str, colour: str = ACCENT) -> str:
    chart, axes = figure(height=2.6)
    axes.hist(np.asarray(values, dtype=float), bins=40, color=colour, edgecolor="white", linewidth=0.4)
    axes.set_xlabel(label)
    axes.set_ylabel("rows")
    return svg(chart)


def scatter(x: Any, y: Any, labels: tuple[str, str], *, diagonal: bool = False) -> str:
    """Dots, at most 3,000 of them drawn; with the line of equality if asked for."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) > 3000:
        chosen = np.random.default_rng(7).choice(len(x), 3000, replace=False)
        x, y = x[chosen], y[chosen]
    chart, axes = figure()
    axes.plot(x, y, "o", markersize=2.4, alpha=0.35, color=ACCENT, markeredgewidth=0, rasterized=True)
    if diagonal:
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(ends, ends, color=VIOLET, linewidth=1.2)
    else:
        axes.axhline(0, color=VIOLET, linewidth=1.2)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return svg(chart)


def curve(x: Any, y: Any, labels: tuple[str, str], *, chance: bool = False) -> str:
    chart, axes = figure(width=4.6, height=3.4)
    axes.plot(x, y, color=ACCENT, linewidth=2)
    if chance:
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.2)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return svg(chart)


def matrix(counts: Any, names: list[str]) -> str:
    """A confusion matrix: rows are what is, columns what was said."""
    counts = np.asarray(counts)
    size = max(3.2, 0.55 * len(names) + 1.4)
    chart, axes = figure(width=size + 1, height=size)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap=mpl.colors.LinearSegmentedColormap.from_list("sage", ["#ffffff", ACCENT]), vmin=0, vmax=1)
    for row in range(len(names)):
        for column in range(len(names)):
            dark = share[row, column] > 0.55
            text = f"{counts[row, column]:,}"
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else TEXT, fontsize=9)
    axes.set_xticks(
        range(len(names)), names, rotation=45 if len(names) > 4 else 0, ha="right" if len(names) > 4 else "center"
    )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.grid(visible=False)
    return svg(chart)
