"""``clary status``: the server, its sandbox, what runs, and what failed and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from clary import services
from clary.cli import options, servers
from clary.cli.client import client
from clary.engines.local import LocalEngine

_SHOWN = 10  # of each kind, the newest


@click.command()
@options.data
@click.option("--operations", is_flag=True, help="List every operation that this Clary serves.")
@click.option("--json", "as_json", is_flag=True, help="Print the server's address and process as JSON.")
def status(data: Path | None, operations: bool, as_json: bool) -> None:
    """Show the server, what runs on it, and what failed and why."""
    if operations:
        for service, name in sorted(services.discover()):
            click.echo(f"{service}:{name}")
        return
    settings = options.settings(data=data)
    server = servers.running(settings.data)
    if as_json:
        click.echo(json.dumps({"data": str(settings.data), **(vars(server) if server else {"url": None})}))
        return
    server = servers.require(settings.data)
    console = Console()
    console.print(f"[bold]Clary[/bold] answers at {server.url} (process {server.pid}), data in {settings.data}")
    engine = LocalEngine(settings.data / "tasks", sandbox=settings.sandbox)
    try:
        isolation = engine.isolation()
    finally:
        engine.close()
    console.print(f"Sandbox: {isolation.level}")
    for sentence in isolation.uncovered:
        console.print(f"  not covered: {sentence}", highlight=False)
    _tables(console, client(settings, "sagemaker"))


def _tables(console: Console, sagemaker: Any) -> None:
    kinds = [
        ("Training jobs", sagemaker.list_training_jobs, "TrainingJobSummaries", "TrainingJob"),
        ("Autopilot jobs", sagemaker.list_auto_ml_jobs, "AutoMLJobSummaries", "AutoMLJob"),
        ("Endpoints", sagemaker.list_endpoints, "Endpoints", "Endpoint"),
    ]
    for title, listing, members, noun in kinds:
        rows = listing(MaxResults=_SHOWN)[members]
        if not rows:
            continue
        table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
        for column in ("name", "status", "since", "why"):
            table.add_column(column, overflow="fold")
        for row in rows:
            name, state = row[f"{noun}Name"], row[f"{noun}Status"]
            table.add_row(name, state, f"{row['CreationTime']:%Y-%m-%d %H:%M}", _why(sagemaker, noun, name, state))
        console.print(table)


def _why(sagemaker: Any, noun: str, name: str, state: str) -> str:
    """The reason of a failure; for what runs, where it stands."""
    describe = {
        "TrainingJob": sagemaker.describe_training_job,
        "AutoMLJob": sagemaker.describe_auto_ml_job,
        "Endpoint": sagemaker.describe_endpoint,
    }[noun]
    if state in {"Completed", "Stopped", "InService"}:
        return ""
    found = describe(**{f"{noun}Name": name})
    return str(
        found.get("FailureReason") or found.get("SecondaryStatus") or found.get("AutoMLJobSecondaryStatus") or ""
    )
