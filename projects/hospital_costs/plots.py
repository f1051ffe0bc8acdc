"""The project's plots. Each function draws one figure, saves it as PNG in the output folder, and returns it."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

GREEN, VIOLET, MUTED, LINE, TEXT = "#3f7552", "#6d53a0", "#5f6a63", "#dfe3db", "#1b211d"
PERIODS = {
    "1 to 3 days Prior to Index Hospital Admission": ("before the stay", "#b9c9be"),
    "During Index Hospital Admission": ("during the stay", GREEN),
    "1 through 30 days After Discharge from Index Hospital Admission": ("30 days after", VIOLET),
}
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
    """Draws into ``folder``; ``synthetic`` writes into every figure that its data is not real."""

    def __init__(self, folder: Path, *, synthetic: bool) -> None:
        self._folder, self._synthetic = folder, synthetic
        folder.mkdir(parents=True, exist_ok=True)
        plt.rcParams.update(STYLE)

    def where_the_money_goes(self, lines: pd.DataFrame) -> Figure:
        """Mean dollars per episode by claim type, stacked by period. ``lines`` has no Total rows."""
        means = lines.pivot_table(index="claim_type", columns="period", values="spending_hospital", aggfunc="mean")
        means = means.reindex(columns=[p for p in PERIODS if p in means]).fillna(0)
        means = means.loc[means.sum(axis=1).sort_values().index]
        figure, axes = plt.subplots(figsize=(5.6, 3.3))
        left = np.zeros(len(means))
        for period in means.columns:
            label, colour = PERIODS[period]
            axes.barh(means.index, means[period], left=left, color=colour, label=label, height=0.62)
            left = left + means[period].to_numpy()
        axes.grid(visible=False, axis="y")
        _dollars(axes)
        axes.legend(loc="lower right")
        return self._save(figure, "where_the_money_goes", "Where the money goes: mean dollars per episode")

    def hospitals_differ(self, totals: pd.DataFrame) -> Figure:
        """How much a whole episode costs, hospital by hospital. ``totals`` holds the Total rows."""
        figure, axes = plt.subplots(figsize=(5.6, 3.3))
        axes.hist(totals["spending_hospital"], bins=60, color=GREEN, alpha=0.85)
        axes.margins(y=0.25)
        nation = totals["spending_nation"].iloc[0]
        axes.axvline(nation, color=VIOLET, linewidth=2)
        axes.annotate(
            f"nation's average\n${nation:,.0f}", (nation, axes.get_ylim()[1] * 0.97), xytext=(8, 0),
            textcoords="offset points", va="top", color=VIOLET,
        )  # fmt: skip
        _dollars(axes)
        axes.set_ylabel("hospitals")
        axes.grid(visible=False, axis="x")
        return self._save(figure, "hospitals_differ", "Hospitals differ: the cost of a whole episode")

    def leak(self, true: pd.Series, rebuilt: pd.Series) -> Figure:
        """The target against total x percent: points on the diagonal mean that nothing is left to predict."""
        figure, axes = plt.subplots(figsize=(5.6, 3.7))
        axes.scatter(rebuilt.clip(lower=0.5), true.clip(lower=0.5), s=4, color=VIOLET, alpha=0.25, linewidths=0)
        axes.set(xscale="log", yscale="log", xlabel="hospital's total x percent of spending", ylabel="the target")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("${x:,.0f}")
        return self._save(figure, "leak", "The leak: two columns rebuild the target")

    def compared(self, errors: pd.DataFrame) -> Figure:
        """RMSE of each model on the held-out hospitals; ``errors`` has the columns model and rmse."""
        figure, axes = plt.subplots(figsize=(5.6, 0.42 * len(errors) + 1.0))
        worst_first = errors.sort_values("rmse", ascending=False)
        baseline = worst_first["model"].str.contains("average")
        axes.barh(worst_first["model"], worst_first["rmse"], color=np.where(baseline, "#b9c9be", GREEN), height=0.6)
        for place, value in enumerate(worst_first["rmse"]):
            axes.annotate(f"${value:,.0f}", (value, place), xytext=(5, 0), textcoords="offset points", va="center")
        axes.set_xlim(0, worst_first["rmse"].max() * 1.12)
        axes.grid(visible=False, axis="y")
        _dollars(axes)
        return self._save(figure, "compared", "RMSE on held-out hospitals: shorter is better")

    def predicted(self, true: pd.Series, predicted: pd.Series, state: pd.Series) -> Figure:
        """The cost of whole episodes: predictions and state averages against the truth."""
        figure, axes = plt.subplots(figsize=(5.6, 4.0))
        axes.scatter(true, state, s=12, color="#b9c9be", label="state's average", linewidths=0)
        axes.scatter(true, predicted, s=12, color=GREEN, alpha=0.7, label="Autopilot", linewidths=0)
        ends = [true.min(), true.max()]
        axes.plot(ends, ends, color=VIOLET, linewidth=1.2, label="perfect")
        axes.set(xlabel="truth, a whole episode", ylabel="predicted")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda dollars, _: f"${dollars / 1000:,.0f}k")
        axes.legend(loc="upper left")
        return self._save(figure, "predicted", "Unseen hospitals: predicted against true")

    def importance(self, shares: pd.Series) -> Figure:
        """Mean absolute SHAP value of each feature, in dollars."""
        shares = shares.sort_values()
        figure, axes = plt.subplots(figsize=(5.6, 0.33 * len(shares) + 1.1))
        axes.barh(shares.index, shares, color=GREEN, height=0.6)
        axes.grid(visible=False, axis="y")
        _dollars(axes)
        return self._save(figure, "importance", "How far each feature moves a prediction, on average")

    def _save(self, figure: Figure, name: str, title: str) -> Figure:
        figure.suptitle(title, x=0.015, ha="left", fontsize=11.5, fontweight="bold")
        if self._synthetic:
            figure.text(0.995, 0.01, "SYNTHETIC sample, no real hospital", ha="right", fontsize=8, color="#94600b")
        figure.tight_layout(rect=(0, 0.03 if self._synthetic else 0, 1, 1))
        figure.savefig(self._folder / f"{name}.png")
        plt.close(figure)
        return figure


def _dollars(axes: plt.Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(
        lambda dollars, _: f"${dollars / 1000:g}k" if dollars >= 2000 else f"${dollars:,.0f}"
    )
