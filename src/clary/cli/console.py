"""``clary console``: an address that signs somebody in to the web pages."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from clary.cli import options
from clary.cli.client import ask


@click.command()
@options.data
@click.option("--user", metavar="NAME", help="For a user (see `clary users`), who may there what their keys allow.")
@click.option("--open", "opens", is_flag=True, help="Open it in this machine's browser.")
def console(data: Path | None, user: str | None, *, opens: bool) -> None:
    """Print an address that signs you in to the web pages.

    It does so once and within an hour.

    The session lasts until nobody used it for twelve hours, or you sign out.
    """
    url = ask(options.settings(data=data), "POST", "links", **({"user": user} if user else {}))["url"]
    click.echo(url)
    if opens:
        webbrowser.open(url)
