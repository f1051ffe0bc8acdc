"""``clary labelling``: the people who label."""

from __future__ import annotations

from pathlib import Path

import click

from clary.cli import options
from clary.cli.client import ask
from clary.cli.environment import environment
from clary.cli.labelling_jobs import jobs

_REGION = click.option("--region", help="The region of their work teams (default: that of `clary env`).")


@click.group()
def labelling() -> None:
    """Labelling jobs: how far they are, and who labels."""


labelling.add_command(jobs)


@labelling.group()
def workers() -> None:
    """Add people to work teams, and print the address that signs each in."""


@workers.command()
@click.argument("name")
@click.option(
    "--team", "teams", multiple=True, required=True, help="A work team they belong to; may be given several times."
)
@options.data
@_REGION
def add(name: str, teams: tuple[str, ...], data: Path | None, region: str | None) -> None:
    """Add a worker to teams, and print their address.

    The address signs them in, once and within a week.

    NAME is shown to nobody but you: an address of mail, or any name. The session that begins lasts two weeks; what they
    may do is label what their teams are asked.
    """
    click.echo(_ask(data, region, add=name, teams=",".join(teams)))


@workers.command()
@click.argument("name")
@options.data
@_REGION
def link(name: str, data: Path | None, region: str | None) -> None:
    """Print another address for a worker who is there."""
    click.echo(_ask(data, region, link=name))


@workers.command()
@click.argument("name")
@options.data
@_REGION
def remove(name: str, data: Path | None, region: str | None) -> None:
    """Remove a worker. Their answers stay; what they have open goes to others."""
    settings = options.settings(data=data)
    ask(settings, "POST", "workers", remove=name, region=_region(settings.data, region))
    click.echo(f"{name} is removed.")


@workers.command("list")
@click.option("--team", default="", help="Only those of this team.")
@options.data
@_REGION
def list_(team: str, data: Path | None, region: str | None) -> None:
    """Every worker and their teams."""
    settings = options.settings(data=data)
    for worker in ask(settings, "GET", "workers", team=team, region=_region(settings.data, region))["workers"]:
        click.echo(f"{worker['name']}: {', '.join(worker['teams']) or 'in no team'}")


def _ask(data: Path | None, region: str | None, **query: str) -> str:
    settings = options.settings(data=data)
    return str(ask(settings, "POST", "workers", region=_region(settings.data, region), **query)["url"])


def _region(data: Path, given: str | None) -> str:
    return given or environment(data)["AWS_DEFAULT_REGION"]
