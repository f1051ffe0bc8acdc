"""``clary spot``: managed spot, whose instances may be taken away at any time; here, when you say so."""

from __future__ import annotations

from pathlib import Path

import click

from clary.cli import options
from clary.cli.client import ask
from clary.cli.environment import environment


@click.group()
def spot() -> None:
    """Take the instances of a managed spot job away, to see whether it goes on from its checkpoints.

    CLARY_SPOT_INTERRUPTIONS lets it happen by itself, so many times an hour on average.
    """


@spot.command()
@click.argument("job")
@options.data
@click.option("--region", help="The job's region (default: the one that `clary env` sets).")
def interrupt(job: str, data: Path | None, region: str | None) -> None:
    """Interrupt the training job JOB: SIGTERM now, SIGKILL after two minutes, then it starts again."""
    settings = options.settings(data=data)
    region = region or environment(settings.data)["AWS_DEFAULT_REGION"]
    ask(settings, "POST", "spot", interrupt=job, region=region)
    click.echo(f"{job} has two minutes' notice; then it starts again. See it: clary logs {job} --follow")
