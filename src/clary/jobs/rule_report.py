"""The report of a training job's rules: one page, with nothing to load, of what each of them found and what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from clary.images import lines, pages

NAME = "report.html"
"""Below ``rule-output`` of the job."""

_MOST = 6  # lines of one chart
_WORDS = {
    "IssuesFound": "fired",
    "NoIssuesFound": "found nothing",
    "Error": "could not be evaluated",
    "Stopped": "was stopped",
    "Stopping": "is being stopped",
    "InProgress": "looks",
}
_LOUD = frozenset({"IssuesFound", "Error"})


def uri(job: Mapping[str, Any]) -> str:
    """Where it is stored, by the training job's description."""
    return f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job['TrainingJobName']}/rule-output/{NAME}"


def build(job: Mapping[str, Any], evaluations: Mapping[str, Mapping[str, Any]]) -> str:
    """The page. ``job``: the training job's description; ``evaluations``: by rule, what it left (may be empty)."""
    statuses = sorted(
        job["DebugRuleEvaluationStatuses"], key=lambda status: status["RuleEvaluationStatus"] not in _LOUD
    )
    count = sum(status["RuleEvaluationStatus"] == "IssuesFound" for status in statuses)
    found = (
        f"{count} of {len(statuses)} rules found an issue" if count else f"none of {len(statuses)} rules found an issue"
    )
    facts = {
        "training_job": job["TrainingJobStatus"],
        "rules": len(statuses),
        "issues": count,
        "training_seconds": job.get("TrainingTimeInSeconds"),
    }
    fired = [(name, each["step"]) for name, each in evaluations.items() if each.get("finding")]
    first = min(fired, key=lambda each: int(each[1])) if fired else None
    parts = [pages.figures(**facts), _table(statuses, evaluations)]
    if losses := _losses(evaluations):
        mark = (float(first[1]), f"{first[0]} fired") if first else None
        parts.append(pages.panel("Losses", lines.chart(losses, "losses by step", mark=mark)))
    parts += [_rule(status, evaluations.get(status["RuleConfigurationName"], {})) for status in statuses]
    last = job["SecondaryStatusTransitions"][-1].get("StatusMessage", "")
    return pages.page(f"Rules of {job['TrainingJobName']}", f"{found}. {last}".strip(), *parts)


def _table(statuses: list[Any], evaluations: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for status in statuses:
        evaluation = evaluations.get(status["RuleConfigurationName"], {})
        finding = evaluation.get("finding") or {}
        kind = status["RuleEvaluationStatus"]
        rows.append(
            {
                "rule": status["RuleConfigurationName"],
                "status": kind,
                "step": str(evaluation["step"]) if finding else "",
                "what it found": finding.get("text")
                or (status.get("StatusDetails", "").strip() if kind == "Error" else ""),
                "when": _time(status["LastModifiedTime"]),
            }
        )
    return pages.panel("Rules", pages.table(rows))


def _rule(status: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    """What one rule looked at, and what it made of it."""
    name, kind = status["RuleConfigurationName"], status["RuleEvaluationStatus"]
    finding, step = evaluation.get("finding"), evaluation.get("step", -1)
    said = []
    if finding:
        said.append(pages.paragraph(f"Step {step}: {finding['text']}.", "warn"))
    elif kind == "Error":
        said.append(pages.paragraph(status.get("StatusDetails", "").strip(), "warn"))
    elif evaluation.get("looked"):
        said.append(pages.paragraph(f"It looked at {evaluation['looked']:,} values, up to step {step}.", "muted"))
    elif evaluation:
        said.append(
            pages.paragraph(
                "It looked at nothing: no tensor that it wants was saved. Its log names those that were.", "warn"
            )
        )
    said += [pages.paragraph(f"{action['name']}: {action['text']}.") for action in evaluation.get("actions", [])]
    series = _series(evaluation.get("series", {}), finding["tensor"] if finding else "")
    if series:
        mark = (float(step), "fired") if finding else None
        said.append(lines.chart(series, f"what {name} judged by, by step", mark=mark))
    log = escape(status["RuleEvaluationJobArn"].rpartition("/")[2])
    said.append(f'<p class="muted">Its job: {log}</p>')
    return pages.panel(f"{name} {_WORDS[kind]}", "".join(said))


def _series(found: Mapping[str, Any], first: str) -> dict[str, list[tuple[float, float]]]:
    """The lines of a chart, the tensor that fired alone where there is one."""
    names = [first] if first in found else list(found)[:_MOST]
    return {name: [(float(step), float(number)) for step, number in found[name]] for name in names}


def _losses(evaluations: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Of the rule that has looked the longest."""
    longest = max(evaluations.values(), key=lambda each: int(each.get("step", -1)), default={})
    return _series(longest.get("losses", {}), "")


def _time(moment: Any) -> str:
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{known:%Y-%m-%d %H:%M:%S}"
