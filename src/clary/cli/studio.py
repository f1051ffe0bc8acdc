"""``clary studio``: JupyterLab on the projects, with the way to the server set."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from clary.cli import options, servers
from clary.images.environments import CannotBuild
from clary.learning import notebooks
from clary.settings import Settings


@click.command()
@options.data
@click.option("--stop", is_flag=True, help="End JupyterLab and its kernels. What is saved stays.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def studio(data: Path | None, stop: bool, no_browser: bool) -> None:
    """Open JupyterLab on your copies of the projects.

    Each notebook runs in its project's Python.

    It goes on in the background, and ends by itself when nobody has used it for a while (CLARY_NOTEBOOK_IDLE_MINUTES).
    """
    settings = options.settings(data=data)
    if stop:
        click.echo("JupyterLab ends." if notebooks.stop(settings.data) else "No JupyterLab runs.")
        return
    found = started(settings)
    click.echo(f"JupyterLab {found.address}")
    click.echo(f"Your copies of the projects: {settings.data / 'projects'}. End it: clary studio --stop")
    if not no_browser:
        click.launch(found.address)


def started(settings: Settings) -> notebooks.Notebooks:
    """JupyterLab, running; a message if it cannot be."""
    servers.require(settings.data)
    try:
        with Console(stderr=True).status("JupyterLab starts (its environment is built the first time: about 150 MB)"):
            return notebooks.start(settings.data, settings.cache, settings.notebook_idle_minutes * 60)
    except (CannotBuild, notebooks.NotStarted) as problem:
        raise click.ClickException(str(problem)) from None
