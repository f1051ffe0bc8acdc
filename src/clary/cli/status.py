"""``clary status``: the server, its sandbox, what runs, and what failed and why."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from clary import costs, services
from clary.cli import described, options, rules, servers
from clary.cli.client import ask, client
from clary.cli.durations import duration
from clary.engines.local import LocalEngine
from clary.gateway import models
from clary.gateway.coverage import coverage

_PATIENCE = 20  # seconds: whoever asks how it is wants to hear that it does not answer
_SHOWN = 10  # of each kind, the newest


@click.command()
@options.data
@click.option("--operations", is_flag=True, help="List the operations that this Clary serves, and those it does not.")
@click.option("--service", type=click.Choice(models.SERVED), help="With --operations: of this service only.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the server's address and process (or the operations) as JSON."
)
def status(data: Path | None, operations: bool, service: str | None, as_json: bool) -> None:
    """Show the server, what runs on it, and what failed and why."""
    if operations or service:
        _operations(service, as_json)
        return
    settings = options.settings(data=data)
    server = servers.running(settings.data)
    if as_json:
        click.echo(json.dumps({"data": str(settings.data), **(vars(server) if server else {"url": None})}))
        return
    server = servers.require(settings.data)
    console = Console()
    console.print(f"[bold]Clary[/bold] answers at {server.url} (process {server.pid}), data in {settings.data}")
    clock = ask(settings, "GET", "clock")
    if offset := clock["offset"]:
        console.print(
            f"[bold]Clary's clock[/bold] is {duration(offset)} ahead of this machine's; back: clary clock reset"
        )
    engine = LocalEngine(settings.data / "tasks", sandbox=settings.sandbox)
    try:
        isolation = engine.isolation()
    finally:
        engine.close()
    console.print(f"Sandbox: {isolation.level}")
    for sentence in isolation.uncovered:
        console.print(f"  not covered: {sentence}", highlight=False)
    now = datetime.fromisoformat(clock["time"])
    _tables(console, client(settings, "sagemaker", patience=_PATIENCE, tries=1), now)


def _operations(service: str | None, as_json: bool) -> None:
    found = [c for c in coverage(services.discover()) if service in {None, c.service}]
    if as_json:
        told = {c.service: {"protocols": c.protocols, "served": c.served, "not_served": c.missing} for c in found}
        click.echo(json.dumps(told))
        return
    for c in found:
        click.echo(f"{c.service} ({', '.join(c.protocols)}): {len(c.served)} of {c.total} operations served")
    for c in found:
        for name in sorted((*c.served, *c.missing)):
            click.echo(f"{c.service}:{name} {'served' if name in c.served else 'not served'}")


def _tables(console: Console, sagemaker: Any, now: datetime) -> None:
    kinds = [
        ("Training jobs", sagemaker.list_training_jobs, "TrainingJobSummaries", "TrainingJob"),
        ("Processing jobs", sagemaker.list_processing_jobs, "ProcessingJobSummaries", "ProcessingJob"),
        ("Transform jobs", sagemaker.list_transform_jobs, "TransformJobSummaries", "TransformJob"),
        ("Autopilot jobs", sagemaker.list_auto_ml_jobs, "AutoMLJobSummaries", "AutoMLJob"),
        ("Endpoints", sagemaker.list_endpoints, "Endpoints", "Endpoint"),
    ]
    priced = False
    for title, listing, members, noun in kinds:
        rows = listing(MaxResults=_SHOWN)[members]
        if not rows:
            continue
        table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
        for column in ("name", "status", "since", costs.COLUMN, "why"):
            table.add_column(column, overflow="fold", no_wrap=column == costs.COLUMN)
        for row in rows:
            name, state, since = row[f"{noun}Name"], row[f"{noun}Status"], f"{row['CreationTime']:%Y-%m-%d %H:%M}"
            found = described.describe(sagemaker, noun, name)
            cost = described.cost(sagemaker, noun, found, now)
            priced = priced or "$" in cost
            table.add_row(name, state, since, cost, _why(found, state))
        console.print(table)
    if priced:
        console.print(costs.NOTE, highlight=False)


def _why(found: dict[str, Any], state: str) -> str:
    """The reason of a failure, or which rule ended it or fired; for what runs, where it stands."""
    if "TrainingJobStatus" in found and (why := rules.stopped_by(found)):
        return why
    if names := rules.fired(found):
        return f"{', '.join(names)} fired; see: clary describe {found['TrainingJobName']}"
    if state in {"Completed", "Stopped", "InService"}:
        return ""
    if found.get("SecondaryStatus") == "Pending":
        return str(found["SecondaryStatusTransitions"][-1]["StatusMessage"])
    return str(
        found.get("FailureReason") or found.get("SecondaryStatus") or found.get("AutoMLJobSecondaryStatus") or ""
    )
