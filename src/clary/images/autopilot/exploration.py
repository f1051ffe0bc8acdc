"""Looking at the table before learning from it: the data exploration report, as a page and as a notebook."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pandas as pd
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from clary.images import pages
from clary.images.autopilot import charts
from clary.images.autopilot.description import REGRESSION, Description

_ROWS = 5000  # that the strength of a column is judged by


def describe(table: pd.DataFrame, wish: Description) -> dict[str, Any]:
    """The findings, as plain values."""
    target = table[wish.target]
    features = table.drop(columns=[wish.target])
    columns = [
        {
            "column": name,
            "type": "number" if pd.api.types.is_numeric_dtype(column) else "text",
            "different values": int(column.nunique()),
            "missing %": float(round(100 * column.isna().mean(), 2)),
            "prediction power": power,
            "example": str(column.dropna().iloc[0])[:40] if column.notna().any() else "",
        }
        for (name, column), power in zip(features.items(), _powers(features, target, wish), strict=True)
    ]
    columns.sort(key=lambda row: -row["prediction power"])
    return {
        "rows": len(table),
        "columns": columns,
        "duplicate rows %": float(round(100 * table.duplicated().mean(), 2)),
        "insights": _insights(table, columns, wish),
        "target": _target(target, wish),
    }


def page(table: pd.DataFrame, wish: Description, found: dict[str, Any]) -> str:
    target = table[wish.target]
    if wish.problem == REGRESSION:
        chart = charts.histogram(target, wish.target)
    else:
        chart = charts.bars({str(k): float(v) for k, v in target.value_counts().head(20).items()}, "rows")
    insights = "".join(pages.paragraph(text, "warn") for text in found["insights"])
    return pages.page(
        f"Data exploration: {wish.name}",
        f"What the table says of {wish.target!r} before anything is learnt from it.",
        pages.figures(
            rows=found["rows"],
            columns=len(found["columns"]),
            duplicate_rows_in_percent=found["duplicate rows %"],
            problem=wish.problem,
        ),
        pages.panel("What to look at", insights or pages.paragraph("Nothing stands out.", "muted")),
        pages.grid(
            pages.panel("The target", chart),
            pages.panel(
                "The target in numbers", pages.table([{"": k, "value": v} for k, v in found["target"].items()])
            ),
        ),
        pages.panel(
            "Columns",
            pages.table(found["columns"]),
            "Prediction power is the mutual information with the target, 0 to 1 within this table: how much one column "
            "alone tells. A power far above all others may be a leak: a column that is computed from the target.",
        ),
        pages.panel(
            "Sample", pages.table(table.head(10).astype(object).where(table.head(10).notna(), None).to_dict("records"))
        ),
    )


def notebook(wish: Description, found: dict[str, Any]) -> str:
    """The same as a notebook, with cells that look again."""
    cells = [
        nbformat.v4.new_markdown_cell(
            f"# Amazon SageMaker Autopilot Data Exploration Report\n\nJob **{wish.name}**, target **{wish.target}**, "
            f"problem {wish.problem}.\n\n## Dataset Summary\n\n{found['rows']:,} rows, {len(found['columns'])} columns, "
            f"{found['duplicate rows %']} % duplicate rows."
        ),
        nbformat.v4.new_markdown_cell("## Target Analysis\n\n" + _markdown([found["target"]])),
        nbformat.v4.new_markdown_cell("## Columns\n\n" + _markdown(found["columns"])),
        nbformat.v4.new_markdown_cell(
            "## Insights\n\n" + ("\n".join(f"* {text}" for text in found["insights"]) or "Nothing stands out.")
        ),
        nbformat.v4.new_markdown_cell(
            "## Look again\n\nThe input, read from S3 with pandas (`pip install pandas s3fs`)."
        ),
        nbformat.v4.new_code_cell(
            "import pandas as pd\n\ntable = pd.read_csv(INPUT_S3_URI)  # the URI that the job read\ntable.describe(include='all')"
        ),
    ]
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))


def as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1, default=str)


def _powers(features: pd.DataFrame, target: pd.Series, wish: Description) -> list[float]:
    sample = features.sample(min(_ROWS, len(features)), random_state=7)
    codes = pd.DataFrame(
        {
            name: column.fillna(column.median()) if pd.api.types.is_numeric_dtype(column) else pd.factorize(column)[0]
            for name, column in sample.items()
        }
    ).fillna(0)
    discrete = [not pd.api.types.is_numeric_dtype(sample[name]) for name in sample]
    measure = mutual_info_regression if wish.problem == REGRESSION else mutual_info_classif
    values = measure(codes.astype(float), target.loc[sample.index], discrete_features=discrete, random_state=7)
    most = max(values.max(), 1e-9)
    return [float(round(value / max(most, 1.0), 3)) for value in values]


def _target(target: pd.Series, wish: Description) -> dict[str, Any]:
    if wish.problem != REGRESSION:
        counts = target.value_counts()
        return {
            "classes": len(counts),
            **{f"share of {k} %": round(100 * v / len(target), 2) for k, v in counts.head(10).items()},
        }
    spread = target.quantile(0.75) - target.quantile(0.25)
    far = ((target > target.quantile(0.75) + 3 * spread) | (target < target.quantile(0.25) - 3 * spread)).mean()
    return {
        "mean": float(target.mean()),
        "median": float(target.median()),
        "smallest": float(target.min()),
        "largest": float(target.max()),
        "standard deviation": float(target.std()),
        "outliers %": float(round(100 * far, 2)),
    }


def _insights(table: pd.DataFrame, columns: list[dict[str, Any]], wish: Description) -> list[str]:
    found = []
    if len(table) < 500:
        found.append(f"High severity: {len(table)} rows are few; 500 is the least for results that hold.")
    for row in columns:
        if row["missing %"] > 50:
            found.append(f"Low severity: {row['column']!r} is missing in {row['missing %']} % of the rows.")
        if row["different values"] <= 1:
            found.append(f"Low severity: {row['column']!r} has one value only; it tells nothing.")
        if row["type"] == "text" and row["different values"] > 0.9 * len(table):
            found.append(f"Low severity: {row['column']!r} differs in almost every row: an identifier?")
    if wish.problem == REGRESSION:
        numbers = table.drop(columns=[wish.target]).select_dtypes("number")
        for name, value in numbers.corrwith(table[wish.target]).abs().items():
            if value > 0.99:
                found.append(f"High severity: {name!r} follows the target almost exactly (r = {value:.4f}): a leak?")
    return found


def _markdown(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    head = list(rows[0])
    lines = ["| " + " | ".join(map(str, head)) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(pages.shown(row.get(c)).replace("|", "/") for c in head) + " |" for row in rows]
    return "\n".join(lines)
