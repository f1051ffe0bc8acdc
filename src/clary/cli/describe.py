"""``clary describe``: a job or an endpoint on one page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from clary import costs
from clary.cli import described, options, rules, servers
from clary.cli.client import ask, client

_TIMES = (
    "Creation",
    "TrainingStart",
    "ProcessingStart",
    "TransformStart",
    "TrainingEnd",
    "ProcessingEnd",
    "TransformEnd",
)
_LIVE = frozenset({"InProgress", "Stopping", "Creating", "InService"})


@click.command()
@click.argument("name")
@options.data
def describe(name: str, data: Path | None) -> None:
    """Show the job or endpoint NAME on one page.

    Its status and the steps to it, its reason if it failed, what it measured and left, and what AWS would have asked for it.
    """
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker, console = client(settings, "sagemaker"), Console()
    now = datetime.fromisoformat(ask(settings, "GET", "clock")["time"])
    for noun, found in described.find(sagemaker, name):
        state = str(found[f"{noun}Status"])
        console.print(f"[bold]{noun} {name}[/bold]: {state}", highlight=False)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        table.add_column()
        table.add_column(overflow="fold")  # an ARN is to be copied whole
        for title, text in _rows(noun, found):
            table.add_row(title, text)
        if statuses := found.get("DebugRuleEvaluationStatuses"):
            left = rules.evaluations(client(settings, "s3"), found)
            for each in statuses:
                table.add_row("rule", rules.told(each, left.get(each["RuleConfigurationName"], {})))
        if price := described.cost(sagemaker, noun, found, now):
            table.add_row(costs.COLUMN, price)
        console.print(table, highlight=False)
        if "$" in price:
            console.print(costs.NOTE, highlight=False)
        console.print(f"Its log: clary logs {name}" + (" --follow" if state in _LIVE else ""), highlight=False)


def _rows(noun: str, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if noun == "TrainingJob" and (why := rules.stopped_by(found)):
        yield "why", f"Stopped: {why}"
    if reason := found.get("FailureReason") or found.get("ExitMessage"):
        yield "why", str(reason)
    for each in _TIMES:
        if (time := found.get(f"{each}Time")) is not None:
            yield _words(each), f"{time:%Y-%m-%d %H:%M:%S}"
    for step in found.get("SecondaryStatusTransitions", []):
        took = f" ({_seconds(step['EndTime'] - step['StartTime'])})" if "EndTime" in step else ""
        yield "step", f"{step['Status']}{took}: {step.get('StatusMessage', '')}"
    if (trained := found.get("TrainingTimeInSeconds")) is not None:
        paid = found.get("BillableTimeInSeconds", trained)
        saved = f": {1 - paid / trained:.0%} saved on spot" if trained and paid < trained else ""
        yield "seconds", f"{trained}, of which {paid} to be paid{saved}"
    for metric in found.get("FinalMetricDataList", []):
        yield "metric", f"{metric['MetricName']} = {metric['Value']:g}"
    yield from (("left", uri) for uri in _left(noun, found))
    yield "arn", str(found[f"{noun}Arn"])


def _left(noun: str, found: dict[str, Any]) -> list[str]:
    """Where in S3 lies what a job made."""
    if noun == "ProcessingJob":
        outputs = found.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [output["S3Output"]["S3Uri"] for output in outputs if "S3Output" in output]
    if noun == "TransformJob":
        return [found["TransformOutput"]["S3OutputPath"]]
    artifacts = found.get("ModelArtifacts", {})
    return [artifacts["S3ModelArtifacts"]] if "S3ModelArtifacts" in artifacts else []


def _words(name: str) -> str:
    """``TrainingStart``: training start."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"
