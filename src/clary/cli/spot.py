"""``clary spot``: managed spot, whose instances may be taken away at any time; here, when you say so."""

from __future__ import annotations

from pathlib import Path

import click

from clary.cli import options
from clary.cli.client import ask
from clary.cli.environment import environment


@click.group()
def spot() -> None:
    """Take a spot job's instances away, to see it go on.

    A job that keeps checkpoints goes on from the last one.

    CLARY_SPOT_INTERRUPTIONS lets it happen by itself, so many times an hour on average.
    """


@spot.command()
@click.argument("job")
@options.data
@click.option("--region", help="The job's region (default: the one that `clary env` sets).")
def interrupt(job: str, data: Path | None, region: str | None) -> None:
    """Interrupt a training job: it starts again, as on AWS.

    JOB gets SIGTERM now and SIGKILL after two minutes, if it runs then; then it is started anew.
    """
    settings = options.settings(data=data)
    region = region or environment(settings.data)["AWS_DEFAULT_REGION"]
    ask(settings, "POST", "spot", interrupt=job, region=region)
    click.echo(f"{job} has two minutes' notice; then it starts again. See it: clary logs {job} --follow")
