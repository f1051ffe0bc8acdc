"""The report: one HTML page that needs no network, and the same facts as ``summary.json`` for programs."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

STYLE = """
:root { color-scheme: light; --bg: #f6f7f4; --surface: #fff; --sunken: #eef0eb; --line: #dfe3db; --text: #1b211d;
  --muted: #5f6a63; --accent: #3f7552; --soft: #e6f0e9; --violet: #6d53a0; --warn: #94600b }
* { box-sizing: border-box }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.55 "Inter", system-ui, -apple-system,
  "Segoe UI", sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 1080px; margin: 0 auto; padding: 36px 28px 56px; display: grid; gap: 20px }
h1 { font-size: 26px; line-height: 1.25; margin: 0; letter-spacing: -.01em; font-weight: 640 }
h2 { font-size: 15px; margin: 0 0 10px; font-weight: 620 } h3 { font-size: 14px; margin: 0 0 2px; font-weight: 600 }
p { margin: 0 0 10px; max-width: 74ch } .muted, small { color: var(--muted) } header p { margin: 6px 0 0 }
a { color: var(--accent) } code { font: 12.5px/1.6 ui-monospace, "DejaVu Sans Mono", Menlo, monospace;
  overflow-wrap: anywhere }
.brand { color: var(--accent); font-weight: 650; font-size: 13px; margin-bottom: 10px }
.warning { background: #fdf3dd; border: 1px solid #ecd49b; color: #6d4708; border-radius: 8px; padding: 12px 16px }
.panel p:last-child { margin-bottom: 0 }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 18px; min-width: 0 }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); padding: 0 }
.figures div { padding: 14px 18px; border-left: 1px solid var(--line) } .figures div:first-child { border: 0 }
.figures b { display: block; font-size: 21px; font-weight: 620 } .figures span { color: var(--muted); font-size: 12px }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px } .three { display: grid;
  grid-template-columns: repeat(3, 1fr); gap: 28px }
table { width: 100%; border-collapse: collapse } th { text-align: left; font-size: 12px; font-weight: 500;
  color: var(--muted); padding: 0 12px 6px 0 } td { padding: 7px 12px 7px 0; border-top: 1px solid var(--line) }
.num { text-align: right; white-space: nowrap } tr.best td { background: var(--soft) }
td:first-child, th:first-child { padding-left: 8px } td:last-child, th:last-child { padding-right: 8px }
img { width: 100%; height: auto; display: block }
table.tight { margin-top: 14px } .tight th { white-space: normal; vertical-align: bottom }
.bars { display: grid; grid-template-columns: minmax(96px, auto) 1fr 64px; gap: 5px 10px; align-items: center;
  font-size: 12.5px; margin-top: 10px }
.track { position: relative; height: 12px; background: linear-gradient(var(--line), var(--line)) 50% / 1px 100% no-repeat }
.track i { position: absolute; top: 1px; bottom: 1px; border-radius: 2px; background: var(--accent) }
.track i.less { background: var(--violet) }
@media (max-width: 800px) { .two, .three { grid-template-columns: 1fr } main { padding: 20px 14px } }
"""


def write(folder: Path, facts: dict[str, Any]) -> Path:
    """Write ``report.html`` and ``summary.json`` to ``folder``; the plots are taken from its PNG files."""
    page = folder / "report.html"
    facts = {**facts, "report": str(page.resolve()), **_said(facts, folder)}
    body = "".join(section(facts, folder) for section in (_head, _results, _predictions, _leak, _data, _links))
    title = "Hospital costs: the report"
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style><main>{body}</main></html>\n",
        encoding="utf-8",
    )
    (folder / "summary.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return page


def _said(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same in a terminal's words: blocks of tables, lines and bars, and what to try next."""
    blocks: list[dict[str, Any]] = [
        {
            "table": "Leaderboard of Autopilot",
            "columns": ["model", f"{facts['objective']} in cross-validation"],
            "rows": [[row["name"], f"{row['value']:,.1f}"] for row in facts["leaderboard"]],
        },
        {
            "table": "Error on held-out hospitals (RMSE)",
            "columns": ["model", "RMSE", "against the baseline"],
            "rows": [
                [row["model"], f"${row['rmse']:,.0f}", _signed(row["against_baseline"])] for row in facts["errors"]
            ],
        },
        {"line": f"(left out, because it knows the answer: total x percent, RMSE ${facts['leak_rmse']:.2f})"},
    ]
    for row in facts["predictions"]:
        dollars = f"${row['predicted']:,.0f} predicted, ${row['true']:,.0f} true"
        blocks.append({"line": f"\n{row['hospital']} ({row['what']}): {dollars}"})
        if row["explanation"]:
            blocks.append({"bars": row["explanation"]})
    warning = "SYNTHETIC sample: no hospital in it exists, and its results mean nothing."
    return {
        "warning": warning if facts["data"]["synthetic"] else None,
        "said": blocks,
        "next": [
            ["project open hospital_costs", "do it yourself, in a notebook"],
            [f"autopilot {folder.resolve() / 'files/train.csv'} --target spending_hospital", "any CSV, one command"],
            ["project clean hospital_costs", "remove the endpoint and the files"],
        ],
    }


def _head(facts: dict[str, Any], _: Path) -> str:
    data = facts["data"]
    best = next(row for row in facts["errors"] if row["model"] == "Autopilot")
    warning = ""
    if data["synthetic"]:
        warning = (
            '<div class="warning"><b>Synthetic sample.</b> A generator made this data; no hospital in it exists. '
            "The page shows how the project works, and says nothing about real costs. "
            "For the real file: <code>make run DATA=path/to/file.csv</code></div>"
        )
    figures = [
        (f"${best['rmse']:,.0f}", "error (RMSE) of Autopilot's best model"),
        (_signed(best["against_baseline"]), "against the baseline, the state's average"),
        (f"{data['held_out_hospitals']:,}", f"hospitals held out, of {data['hospitals']:,}"),
        (f"{len(facts['leaderboard'])}", "models that Autopilot tried"),
        (f"{facts['minutes']:.1f} min", "from the raw file to this page"),
    ]
    cells = "".join(f"<div><b>{value}</b><span>{_text(label)}</span></div>" for value, label in figures)
    return (
        '<header><div class="brand">Hospital costs</div><h1>What does a hospital stay cost Medicare?</h1>'
        f'<p class="muted">{_text(data["origin"])} · {data["rows"]:,} rows</p></header>{warning}'
        f'<section class="panel figures">{cells}</section>'
    )


def _results(facts: dict[str, Any], folder: Path) -> str:
    rows = "".join(
        f"<tr{' class=best' if place == 0 else ''}><td>{_text(row['name'])}</td>"
        f'<td class="num">${row["value"]:,.1f}</td><td class="num">{_latency(row["latency"])}</td></tr>'
        for place, row in enumerate(facts["leaderboard"])
    )
    errors = "".join(
        f'<tr><td>{_text(row["model"])}</td><td class="num">${row["rmse"]:,.0f}</td>'
        f'<td class="num">{_signed(row["against_baseline"])}</td><td class="num">${row["lines"]:,.0f}</td>'
        f'<td class="num">${row["episodes"]:,.0f}</td></tr>'
        for row in facts["errors"]
    )
    return (
        '<section class="two"><div class="panel"><h2>Error on hospitals that no model has seen</h2>'
        '<p class="muted">RMSE: the typical size of an error, in dollars, where large errors count more.</p>'
        f"{_image(folder, 'compared')}"
        '<table class="tight"><tr><th></th><th class="num">all rows</th><th class="num">against the baseline</th>'
        f'<th class="num">claim lines</th><th class="num">whole episodes</th></tr>{errors}</table></div>'
        '<div class="panel"><h2>Autopilot\'s leaderboard</h2><p class="muted">'
        f"{_text(facts['objective'])} of each model in cross-validation, on the training hospitals.</p>"
        f'<table><tr><th>model</th><th class="num">{_text(facts["objective"])}</th>'
        f'<th class="num">one row takes</th></tr>{rows}</table></div></section>'
    )


def _predictions(facts: dict[str, Any], folder: Path) -> str:
    cards = "".join(_card(row) for row in facts["predictions"])
    baseline = facts["predictions"][0]["baseline"]
    start = f" Each starts at ${baseline:,.0f}, the model's average." if baseline is not None else ""
    return (
        '<section class="panel"><h2>Three predictions from the live endpoint, and why</h2>'
        "<p class='muted'>None of these hospitals was in the training data. The bars are SHAP values: how many dollars "
        f"each feature adds (green) or takes away (violet).{start}</p>"
        f'<div class="three">{cards}</div></section>'
        f'<section class="two"><div class="panel"><h2>What moves the predictions in general</h2>'
        f"{_image(folder, 'importance')}</div><div class='panel'><h2>Whole episodes, unseen hospitals</h2>"
        f"{_image(folder, 'predicted')}</div></section>"
    )


def _card(row: dict[str, Any]) -> str:
    parts = sorted((row["explanation"] or {}).items(), key=lambda part: -abs(part[1]))
    widest = max((abs(value) for _, value in parts), default=1) or 1
    bars = ""
    for name, value in parts:
        width = 50 * abs(value) / widest
        side = f"left: 50%; width: {width:.1f}%" if value >= 0 else f"right: 50%; width: {width:.1f}%"
        bars += (
            f'<span>{_text(name)}</span><span class="track"><i class="{"" if value >= 0 else "less"}" '
            f'style="{side}"></i></span><span class="num">{_dollars(value)}</span>'
        )
    bars = f'<div class="bars">{bars}</div>' if parts else "<p>This endpoint gives no explanations.</p>"
    return (
        f"<div><h3>{_text(row['hospital'])}</h3><small>{_text(row['what'])}</small>"
        f"<p style='margin: 8px 0 0'><b>${row['predicted']:,.0f}</b> predicted, ${row['true']:,.0f} true, "
        f"${row['state_average']:,.0f} state average</p>{bars}</div>"
    )


def _leak(facts: dict[str, Any], folder: Path) -> str:
    return (
        f'<section class="two"><div class="panel">{_image(folder, "leak")}</div>'
        '<div class="panel"><h2>The leak that was left out</h2>'
        "<p>The column <code>percent_hospital</code> is computed from the target: it is the target divided by the "
        "hospital's total. Multiply the two again and you have the target back, up to rounding: "
        f"an error of <b>${facts['leak_rmse']:.2f}</b>. A model that is given both learns to multiply, looks perfect, "
        "and is of no use: whoever knows the percent knows the cost already.</p>"
        "<p>This is a <b>leak</b>: information that will not be there when the model is asked. The models above were "
        "trained without both columns, and judged on hospitals that they never saw.</p></div></section>"
    )


def _data(_: dict[str, Any], folder: Path) -> str:
    return (
        f'<section class="two"><div class="panel">{_image(folder, "where_the_money_goes")}</div>'
        f'<div class="panel">{_image(folder, "hospitals_differ")}</div></section>'
    )


def _links(facts: dict[str, Any], _: Path) -> str:
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td><code>{_text(value)}</code></td></tr>"
        for name, value in facts["links"].items()
        if value
    )
    return f'<section class="panel"><h2>Where everything is</h2><table>{rows}</table></section>'


def _image(folder: Path, name: str) -> str:
    path = folder / f"{name}.png"
    if not path.exists():
        return "<p class='muted'>not available here</p>"
    return f'<img alt="{name.replace("_", " ")}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'


def _latency(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.1f} ms"


def _dollars(value: float) -> str:
    return f"{'+' if value >= 0 else '−'}${abs(value):,.0f}"


def _signed(share: float) -> str:
    return "the baseline" if share == 0 else f"{'+' if share > 0 else '−'}{abs(share):.1%}"


def _text(value: object) -> str:
    return html.escape(str(value))
