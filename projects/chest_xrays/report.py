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
h2 { font-size: 15px; margin: 0 0 10px; font-weight: 620 }
p { margin: 0 0 10px; max-width: 74ch } .muted { color: var(--muted) } header p { margin: 6px 0 0 }
code { font: 12.5px/1.6 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere }
.brand { color: var(--accent); font-weight: 650; font-size: 13px; margin-bottom: 10px }
.warning { background: #fdf3dd; border: 1px solid #ecd49b; color: #6d4708; border-radius: 8px; padding: 12px 16px }
.panel p:last-child { margin-bottom: 0 }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 18px; min-width: 0 }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); padding: 0 }
.figures div { padding: 14px 18px; border-left: 1px solid var(--line) } .figures div:first-child { border: 0 }
.figures b { display: block; font-size: 21px; font-weight: 620 } .figures span { color: var(--muted); font-size: 12px }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px }
table { width: 100%; border-collapse: collapse } th { text-align: left; font-size: 12px; font-weight: 500;
  color: var(--muted); padding: 0 12px 6px 0 } td { padding: 7px 12px 7px 0; border-top: 1px solid var(--line) }
.num { text-align: right; white-space: nowrap } tr.best td { background: var(--soft) }
td:first-child, th:first-child { padding-left: 8px } td:last-child, th:last-child { padding-right: 8px }
img { width: 100%; height: auto; display: block }
@media (max-width: 800px) { .two { grid-template-columns: 1fr } main { padding: 20px 14px } }
"""
CITATION = (
    "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks "
    "on Weakly-Supervised Classification and Localization of Common Thorax Diseases. IEEE CVPR 2017."
)


def write(folder: Path, facts: dict[str, Any]) -> Path:
    """Write ``report.html`` and ``summary.json`` to ``folder``; the plots are taken from its PNG files."""
    page = folder / "report.html"
    facts = {**facts, **_told(facts), "report": str(page.resolve())}
    body = "".join(section(facts, folder) for section in (_head, _pictures, _results, _runs, _data, _links))
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Chest X-rays: the report</title><style>{STYLE}</style><main>{body}</main></html>\n",
        encoding="utf-8",
    )
    (folder / "summary.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return page


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """What a terminal shows of the facts: tables, lines, a warning, and commands to try."""
    columns = ["detector", "AP50", "top box right", "mean IoU"]
    rows = [
        [name, *(f"{row[key]:.2f}" for key in ("AP50", "top box", "IoU"))] for name, row in facts["results"].items()
    ]
    saved = [[name, f"{share:.0%}"] for name, share in facts["savings"].items()]
    said: list[dict[str, Any]] = [
        {"table": "On held-out patients", "columns": columns, "rows": rows},
        {"table": "What spot saved", "columns": ["run", "of the price"], "rows": saved},
    ]
    said += [{"line": f"{rule['RuleConfigurationName']}: {rule['RuleEvaluationStatus']}; {facts['bad']['job']} is "
                      f"{facts['bad']['status']}"} for rule in facts["rules"]]  # fmt: skip
    warning = (
        "SYNTHETIC sample: no person in it exists, and its results mean nothing."
        if facts["data"]["synthetic"]
        else None
    )
    steps = [
        ["project open chest_xrays", "do it yourself, in a notebook, and label some pictures"],
        ["project check chest_xrays", "which checkpoints hold"],
        ["project clean chest_xrays", "remove the endpoint and the files"],
    ]
    return {"said": said, "warning": warning, "next": steps}


def _head(facts: dict[str, Any], _: Path) -> str:
    about, best = facts["data"], facts["results"][f"own ({facts['best']})"]
    warning = ""
    if about["synthetic"]:
        warning = (
            '<div class="warning"><b>Synthetic sample.</b> A generator drew these pictures; no person in them exists. The '
            "page shows how the project works, and says nothing about real radiographs, which are harder. For real ones: "
            "<code>clary project run chest_xrays</code> with a network, or <code>--input FOLDER</code></div>"
        )
    figures = [
        (f"{best['AP50']:.2f}", "AP50 of the own detector, held-out patients"),
        (f"{best['top box']:.0%}", "of its surest boxes are right"),
        (f"{about['held_out']:,}", f"pictures held out, of {about['pictures']:,}"),
        (f"{facts['milliseconds']:.0f} ms", "from a picture to its box"),
        (f"{facts['minutes']:.1f} min", "from the raw pictures to this page"),
    ]
    cells = "".join(f"<div><b>{value}</b><span>{_text(label)}</span></div>" for value, label in figures)
    return (
        '<header><div class="brand">Chest X-rays</div><h1>Where is the trachea?</h1>'
        f'<p class="muted">{_text(about["origin"])} · {about["pictures"]:,} pictures of {about["patients"]:,} patients, '
        f'{about["labelled_by_you"]} labelled by you</p></header>{warning}<section class="panel figures">{cells}</section>'
    )


def _pictures(_: dict[str, Any], folder: Path) -> str:
    return (
        '<section class="panel"><h2>Predicted and true boxes, from the live endpoint</h2>'
        "<p class='muted'>Patients that no detector has seen. The four worst first, then others from bad to good. Green: "
        f"drawn. Yellow: found, and right. Red: found, and wrong.</p>{_image(folder, 'predictions')}</section>"
    )


def _results(facts: dict[str, Any], folder: Path) -> str:
    best = max(facts["results"], key=lambda name: facts["results"][name]["AP50"])
    rows = "".join(
        f"<tr{' class=best' if name == best else ''}><td>{_text(name)}</td>"
        + "".join(f'<td class="num">{row[key]:.2f}</td>' for key in ("AP50", "top box", "IoU"))
        + "</tr>"
        for name, row in facts["results"].items()
    )
    return (
        '<section class="two"><div class="panel"><h2>What it is worth</h2>'
        "<p class='muted'>A box is right if its IoU with the drawn one is at least 0.5.</p><table><tr><th>detector</th>"
        f'<th class="num">AP50</th><th class="num">top box right</th><th class="num">mean IoU</th></tr>{rows}</table></div>'
        f'<div class="panel"><h2>What limits it</h2>{_image(folder, "what_limits")}</div></section>'
    )


def _runs(facts: dict[str, Any], folder: Path) -> str:
    saved = "".join(
        f'<tr><td>{_text(name)}</td><td class="num">{share:.0%}</td></tr>' for name, share in facts["savings"].items()
    )
    rules = "".join(
        f"<tr><td>{_text(rule['RuleConfigurationName'])}</td><td>{_text(rule['RuleEvaluationStatus'])}</td>"
        f"<td>{_text(rule.get('StatusDetails', ''))}</td></tr>"
        for rule in facts["rules"]
    )
    return (
        f'<section class="two"><div class="panel"><h2>The runs of the experiment</h2>{_image(folder, "learning")}</div>'
        f'<div class="panel"><h2>What spot saved</h2><table><tr><th>run</th><th class="num">of the price</th></tr>{saved}'
        f"</table><h2 style='margin-top: 22px'>The run that went wrong</h2><p>A learning rate that is far too high. "
        f"Debugger's rule saw it; the job is <b>{_text(facts['bad']['status'])}</b>.</p>"
        f"<table><tr><th>rule</th><th>found</th><th>details</th></tr>{rules}</table></div></section>"
    )


def _data(_: dict[str, Any], folder: Path) -> str:
    return (
        f'<section class="two"><div class="panel"><h2>The pictures</h2>{_image(folder, "examples")}</div>'
        f'<div class="panel"><h2>The boxes</h2>{_image(folder, "sizes")}</div></section>'
    )


def _links(facts: dict[str, Any], _: Path) -> str:
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td><code>{_text(value)}</code></td></tr>"
        for name, value in facts["links"].items()
        if value
    )
    credit = "" if facts["data"]["synthetic"] else f"<p class='muted'>Pictures: NIH Clinical Center. {CITATION}</p>"
    return f'<section class="panel"><h2>Where everything is</h2><table>{rows}</table>{credit}</section>'


def _image(folder: Path, name: str) -> str:
    path = folder / f"{name}.png"
    if not path.exists():
        return "<p class='muted'>not available here</p>"
    return f'<img alt="{name.replace("_", " ")}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'


def _text(value: object) -> str:
    return html.escape(str(value))
