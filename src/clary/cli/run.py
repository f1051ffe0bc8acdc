"""``clary run -- CMD``: a command with the variables of ``clary env``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from clary.cli import options
from clary.cli.environment import changes


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@options.data
@click.option("--no-proxy", is_flag=True, help="Only what boto3 reads: no tunnel and no CA files.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(data: Path | None, no_proxy: bool, command: tuple[str, ...]) -> None:
    """Run a command whose clients reach the server.

    \b
    clary run -- python train.py
    """
    lines = changes(options.settings(data=data).data, os.environ, proxy=not no_proxy)
    environment = {**os.environ, **{name: value for name, value in lines.items() if value is not None}}
    for name in (name for name, value in lines.items() if value is None):
        environment.pop(name, None)
    try:
        os.execvpe(command[0], list(command), environment)  # noqa: S606 - no shell is wanted
    except FileNotFoundError:
        raise click.ClickException(f"There is no command {command[0]!r}.") from None
    except OSError as error:
        raise click.ClickException(f"{command[0]} cannot be run: {error.strerror}.") from None
