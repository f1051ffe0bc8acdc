"""Draws a network from its saved tensors: ``python -m clary.images.tensor_plot.plot FOLDER FILE.html TITLE``.

One page that loads nothing: the losses over the steps; then layers one behind the other in space, what comes out of them,
their weights and their gradients, with a slider over the steps; then how large and how spread each of them was over the steps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors, Unavailable
from clary.formats.tensors.values import TEXT
from clary.images import pages
from clary.images.tensor_plot import planes

_STEPS = 16  # that a slider has, at most
_LAYERS = 24  # that are drawn behind each other, at most
_LINES = 30  # of a diagram, at most
_FONT = {"family": "Inter, system-ui, sans-serif", "size": 12, "color": "#5f6a63"}
_COLOURS = [[0, "#2f5d8c"], [0.25, "#8fb3d1"], [0.5, "#f2f2ee"], [0.75, "#e5a77d"], [1, "#a6492b"]]


def main(folder: str, file: str, title: str) -> None:
    Path(file).write_text(page(Tensors(Path(folder)), title), encoding="utf-8")


def page(tensors: Tensors, title: str) -> str:
    """The whole document; ``ValueError`` if nothing was saved."""
    names, steps = tensors.names(), tensors.steps()
    if not names:
        raise ValueError(f"{title} has saved no tensors yet")
    losses = [name for kind in ("losses", "metrics") if kind in tensors.collections for name in tensors.names(kind)]
    weights = [name for name in _in_order(tensors, names) if name.endswith((".weight", ".bias", "_weight", "_bias"))]
    groups = {
        "What comes out of the layers": (
            [name for name in _in_order(tensors, names) if "_output_" in name],
            planes.of_sample,
        ),
        "Weights": ([name for name in weights if not name.startswith("gradient/")], planes.of_parameter),
        "Gradients": ([f"gradient/{name}" for name in weights if f"gradient/{name}" in names], planes.of_parameter),
    }
    modes = ", ".join(mode.name for mode in tensors.modes())
    told = {"tensors": len(names), "steps saved": len(steps), "last step": steps[-1], "modes": modes}
    parts = [pages.figures(**told), _losses(tensors, list(dict.fromkeys(losses)))]
    for heading, (found, plane) in groups.items():
        shown = [name for name in found if name not in losses]
        parts += [_space(tensors, shown, plane, heading), _spread(tensors, shown, heading)]
    script = f"<script>{get_plotlyjs()}</script>"
    return pages.page(title, "Drawn from the tensors that the job saved.", script, *filter(None, parts))


def _in_order(tensors: Tensors, names: Sequence[str]) -> list[str]:
    """As they were saved, which is the order in which data goes through the network; gradients count by their weights."""
    wanted = set(names)
    return [name for name in tensors.in_order() if name in wanted and not name.startswith("gradient/")]


def _losses(tensors: Tensors, names: Sequence[str]) -> str:
    figure = go.Figure()
    for name in names[:_LINES]:
        for mode in tensors.modes():
            points = [(step, _mean(tensors, name, own, mode)) for own in tensors.steps(name, mode)
                      for step in [tensors.global_step(mode, own)]]  # fmt: skip
            if points:
                label = name if mode is Mode.GLOBAL else f"{name}, {mode.name}"
                figure.add_scatter(x=[x for x, _ in points], y=[y for _, y in points], name=label, mode="lines+markers")
    figure.update_layout(xaxis_title="step", height=320)
    return pages.panel("Losses and metrics", _drawn(figure)) if names else ""


def _space(tensors: Tensors, names: Sequence[str], plane: Callable[[Any], Any], heading: str) -> str:
    """The planes of all layers at one step, a slider for the others."""
    found = {name: _planes(tensors, name, plane) for name in names[:_LAYERS]}
    found = {name: by_step for name, by_step in found.items() if by_step}
    if not found:
        return ""
    steps = sorted({step for by_step in found.values() for step in by_step})
    frames = [go.Frame(name=str(step), data=[_surface(*each, step) for each in _placed(found)]) for step in steps]
    figure = go.Figure(data=frames[-1].data, frames=frames)
    marks = [{"x": x, "y": 0, "z": -0.62, "text": _short(name), "showarrow": False, "font": {"size": 10}, "textangle": -30}
             for x, name, _ in _placed(found)]  # fmt: skip
    bare = {"visible": False, "showspikes": False}
    figure.update_layout(
        height=560,
        scene={
            "xaxis": bare, "yaxis": bare, "zaxis": bare, "annotations": marks, "aspectmode": "manual",
            "aspectratio": {"x": min(4.0, 1 + 0.36 * len(found)), "y": 1, "z": 1},
            "camera": {"eye": {"x": 1.3, "y": -1.6, "z": 0.8}, "projection": {"type": "orthographic"}},
        },
        sliders=[_slider(steps)],
        updatemenus=[_buttons()],
    )  # fmt: skip
    left = len(names) - len(found)
    note = (
        "Each plane is a layer at that step: blue below zero, red above, deepest at its largest number over all steps. "
    )
    return pages.panel(heading, _drawn(figure), note + (f"{left} more are not drawn." if left > 0 else ""))


def _placed(found: dict[str, dict[int, Any]]) -> list[tuple[int, str, dict[int, Any]]]:
    return [(number, name, by_step) for number, (name, by_step) in enumerate(found.items())]


def _surface(x: int, name: str, by_step: dict[int, Any], step: int) -> go.Surface:
    """A layer at a step, or at the last before it at which it was saved."""
    known = [each for each in by_step if each <= step] or [min(by_step)]
    numbers = by_step[max(known)]
    most = (
        max((float(np.nanmax(np.abs(each))) for each in by_step.values() if np.isfinite(each).any()), default=1.0)
        or 1.0
    )
    rows, columns = numbers.shape
    longer = max(rows, columns, 2)
    y = (np.arange(columns + 1) - columns / 2) / longer
    z = (rows / 2 - np.arange(rows + 1)) / longer
    # A surface is drawn between its points, of which there is one more than numbers in each direction.
    colours = np.pad(numbers, ((0, 1), (0, 1)), mode="edge")
    return go.Surface(
        x=np.full((rows + 1, columns + 1), x).tolist(),
        y=np.tile(y, (rows + 1, 1)).round(3).tolist(),
        z=np.tile(z[:, None], (1, columns + 1)).round(3).tolist(),
        surfacecolor=_rounded(colours / most),
        cmin=-1,
        cmax=1,
        colorscale=_COLOURS,
        showscale=False,
        customdata=_rounded(colours),
        hovertemplate=f"{name}<br>%{{customdata:.4g}}<extra></extra>",
        lighting={"ambient": 1, "diffuse": 0, "specular": 0},
    )


def _planes(tensors: Tensors, name: str, plane: Callable[[Any], Any]) -> dict[int, Any]:
    """By global step, those that a slider shows."""
    found = {}
    for step in _chosen(tensors.steps(name)):
        try:
            numbers = planes.array(tensors.value(name, step))
        except Unavailable:  # only reductions of it were saved
            continue
        if numbers is not None and numbers.size > 1:
            found[step] = plane(numbers)
    return found


def _spread(tensors: Tensors, names: Sequence[str], heading: str) -> str:
    """The mean size of the numbers over the steps: of a reduction where only that was saved."""
    figure = go.Figure()
    for name in names[:_LINES]:
        points = [(step, size) for step in tensors.steps(name) if (size := _size(tensors, name, step)) is not None]
        if points:
            figure.add_scatter(x=[x for x, _ in points], y=[y for _, y in points], name=name, mode="lines+markers")
    if not figure.data:
        return ""
    figure.update_layout(xaxis_title="step", yaxis_type="log", yaxis_exponentformat="power", height=360)
    return pages.panel(
        f"{heading}: how large", _drawn(figure), "The mean of the absolute values, or the reduction that was saved."
    )


def _size(tensors: Tensors, name: str, step: int) -> float | None:
    try:
        value = tensors.value(name, step)
    except Unavailable:
        for operation in ("abs_mean", "abs_max", "l2", "l1", "std"):
            try:
                return float(tensors.value(name, step, operation=operation).numbers()[0])
            except Unavailable:
                continue
        return None
    return None if value.dtype == TEXT else float(np.abs(planes.array(value)).mean())


def _mean(tensors: Tensors, name: str, step: int, mode: Mode) -> float | None:
    try:
        numbers = planes.array(tensors.value(name, step, mode))
    except Unavailable:
        return None
    return None if numbers is None else float(numbers.mean())


def _chosen(steps: Sequence[int]) -> list[int]:
    """So many that a slider holds them, the first and the last among them."""
    if len(steps) <= _STEPS:
        return list(steps)
    return [steps[round(number * (len(steps) - 1) / (_STEPS - 1))] for number in range(_STEPS)]


def _slider(steps: Sequence[int]) -> dict[str, Any]:
    moved = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    marks = [{"label": str(step), "method": "animate", "args": [[str(step)], moved]} for step in steps]
    return {"steps": marks, "active": len(steps) - 1, "currentvalue": {"prefix": "step "}, "x": 0.12, "len": 0.86}


def _buttons() -> dict[str, Any]:
    run = {"frame": {"duration": 400, "redraw": True}, "fromcurrent": True, "mode": "immediate"}
    halt = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}
    buttons = [
        {"label": "Play", "method": "animate", "args": [None, run]},
        {"label": "Stop", "method": "animate", "args": [[None], halt]},
    ]
    return {
        "type": "buttons",
        "direction": "left",
        "x": 0,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 24},
        "buttons": buttons,
    }


def _drawn(figure: go.Figure) -> str:
    """As part of a page that has plotly's program already."""
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        paper_bgcolor=clear, plot_bgcolor=clear, font=_FONT, margin={"l": 48, "r": 12, "t": 12, "b": 40},
        legend={"orientation": "v", "font": {"size": 10}}, showlegend=len(figure.data) > 1,
    )  # fmt: skip
    grid = {"gridcolor": "rgba(128,136,130,.25)", "zerolinecolor": "rgba(128,136,130,.4)"}
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid)
    return str(
        figure.to_html(
            include_plotlyjs=False,
            full_html=False,
            config={"displayModeBar": False, "responsive": True},
            auto_play=False,
        )
    )


def _short(name: str) -> str:
    return name.removeprefix("gradient/").removesuffix("_output_0")[-28:]


def _rounded(numbers: Any) -> list[list[float | None]]:
    """Few digits, and None where there is no number: the page holds each as text."""
    return [[float(f"{each:.3g}") if np.isfinite(each) else None for each in row] for row in numbers]


if __name__ == "__main__":
    main(*sys.argv[1:4])
