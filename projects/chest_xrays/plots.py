"""The project's plots. Each function draws one figure, saves it as PNG in the output folder, and returns it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scores
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

GREEN, VIOLET, MUTED, LINE, TEXT = "#3f7552", "#6d53a0", "#5f6a63", "#dfe3db", "#1b211d"
DRAWN, FOUND, WRONG = "#7fd4a0", "#ffd166", "#ff7b6b"  # boxes on dark pictures: drawn by hand, found, found wrongly
STYLE = {
    "font.size": 10,
    "text.color": TEXT,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.grid": True,
    "grid.color": "#eceee9",
    "axes.axisbelow": True,
    "figure.dpi": 100,
    "savefig.dpi": 160,
}


class Plots:
    """Draws into ``folder``; ``pictures`` holds the radiographs; ``synthetic`` writes into every figure that they are drawn."""

    def __init__(self, folder: Path, pictures: Path, *, synthetic: bool) -> None:
        self._folder, self._pictures, self._synthetic = folder, pictures, synthetic
        folder.mkdir(parents=True, exist_ok=True)
        plt.rcParams.update(STYLE)

    def examples(self, records: Sequence[Any]) -> Figure:
        """Eight pictures with their boxes, and four without."""
        boxed = [record for record in records if record.box]
        without = [record for record in records if not record.box]
        figure, panels = self._pictures_of([*boxed[:: max(1, len(boxed) // 8)][:8], *without[:4]])
        for record, axes in panels:
            if record.box:
                _rectangle(axes, record.box, DRAWN)
            axes.set_title("" if record.box else "no box", fontsize=8, color=MUTED, pad=3)
        return self._save(
            figure, "examples", "Boxes drawn by hand" if not self._synthetic else "Boxes that were drawn along"
        )

    def sizes(self, boxes: pd.DataFrame) -> Figure:
        """How wide and how high the boxes are, in percent of the picture."""
        figure, axes = plt.subplots(figsize=(5.6, 2.9))
        bins = np.linspace(0, 100 * max(boxes["height"].max(), boxes["width"].max()), 40)
        for name, colour in (("width", "#b9c9be"), ("height", GREEN)):
            axes.hist(boxes[name] * 100, bins=bins, color=colour, alpha=0.85, label=name)
        axes.set(xlabel="percent of the picture's side", ylabel="boxes")
        axes.legend()
        return self._save(figure, "sizes", "Widths agree, heights do not")

    def learning(self, curves: dict[str, pd.DataFrame]) -> Figure:
        """Loss and AP50 of each run, epoch by epoch; ``curves`` are those of ``runs.curve``."""
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.6, 2.9))
        for (name, curve), colour in zip(curves.items(), (GREEN, VIOLET, MUTED), strict=False):
            for axes, column in ((left, "train:loss"), (right, "validation:ap50")):
                told = curve.dropna(subset=[column])
                axes.plot(told["epoch"], told[column], color=colour, label=name, marker=".")
        left.set(title="train:loss", xlabel="epoch")
        right.set(title="validation:ap50", xlabel="epoch", ylim=(0, 1.03))
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        right.legend(loc="lower right")
        return self._save(figure, "learning", "The runs, side by side")

    def predictions(self, records: Sequence[Any], answers: Sequence[tuple[scores.Box, float]]) -> Figure:
        """Twelve held-out pictures: the drawn box, the found one, and by how much they agree. The worst come first."""
        pairs = sorted(zip(records, answers, strict=True), key=lambda pair: _agreement(*pair))
        middle = pairs[4:]
        chosen = [*pairs[:4], *middle[:: max(1, len(middle) // 8)][:8]]
        figure, panels = self._pictures_of([record for record, _ in chosen])
        for (record, axes), (_, (box, score)) in zip(panels, chosen, strict=True):
            overlap = scores.iou(box, record.box) if record.box else 0.0
            if record.box:
                _rectangle(axes, record.box, DRAWN)
            if score >= 0.5:
                _rectangle(axes, box, FOUND if overlap >= 0.5 else WRONG)
            said = f"score {score:.2f}" + (f", IoU {overlap:.2f}" if record.box else ", none there")
            axes.set_title(said, fontsize=8, color=MUTED, pad=3)
        return self._save(figure, "predictions", "Unseen patients: drawn (green), found (yellow), found wrongly (red)")

    def what_limits(self, records: Sequence[Any], answers: Sequence[tuple[scores.Box, float]]) -> Figure:
        """Heights: found against drawn. Outside of the band no box can be right, however well it lies."""
        pairs = [(record.box, box) for record, (box, _) in zip(records, answers, strict=True) if record.box]
        true, found = (np.array([100 * pair[side][3] for pair in pairs]) for side in (0, 1))
        right = np.array([scores.iou(*pair) >= 0.5 for pair in pairs])
        figure, axes = plt.subplots(figsize=(5.6, 3.6))
        far = max(true.max(), found.max()) * 1.05
        axes.fill_between([0, far], [0, far / 2], [0, far * 2], color="#e6f0e9", label="a factor of two")
        axes.scatter(true[right], found[right], s=14, color=GREEN, label="right", linewidths=0)
        axes.scatter(true[~right], found[~right], s=14, color=VIOLET, label="wrong", linewidths=0)
        axes.set(xlabel="drawn height, % of the picture", ylabel="found height", xlim=(0, far), ylim=(0, far))
        axes.legend(loc="upper left")
        return self._save(figure, "what_limits", "What limits it: how high the boxes are")

    def _pictures_of(self, records: Sequence[Any]) -> tuple[Figure, list[tuple[Any, plt.Axes]]]:
        rows = max(1, (len(records) + 3) // 4)
        figure, grid = plt.subplots(rows, 4, figsize=(7.2, 1.95 * rows), squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        panels = list(zip(records, grid.flat, strict=False))
        for record, axes in panels:
            axes.imshow(
                np.asarray(Image.open(self._pictures / record.name)), cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0)
            )
        return figure, panels

    def _save(self, figure: Figure, name: str, title: str) -> Figure:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11.5, fontweight="bold")
        if self._synthetic:
            figure.text(0.995, 0.01, "SYNTHETIC pictures, no real patient", ha="right", fontsize=8, color="#94600b")
        figure.tight_layout(rect=(0, 0.03 if self._synthetic else 0, 1, 1))
        figure.savefig(self._folder / f"{name}.png")
        plt.close(figure)
        return figure


def _agreement(record: Any, answer: tuple[scores.Box, float]) -> float:
    box, score = answer
    return scores.iou(box, record.box) * score if record.box else 1 - score


def _rectangle(axes: plt.Axes, box: scores.Box, colour: str) -> None:
    axes.add_patch(Rectangle(box[:2], box[2], box[3], fill=False, edgecolor=colour, linewidth=1.6))
