"""``clary down``: stop the server. Its jobs go on, and are taken up again by the next one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from clary.cli import options, servers


@click.command()
@options.data
def down(data: Path | None) -> None:
    """Stop the server. Jobs that run go on; endpoints too. `clary up` takes them up again."""
    settings = options.settings(data=data)
    server = servers.running(settings.data)
    if server is None:
        click.echo(f"No server runs on {settings.data}.")
        return
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + 40
    while servers.is_locked(settings.data):
        if time.monotonic() > deadline:
            raise click.ClickException(f"Process {server.pid} does not end. Look at {settings.data}/server.log")
        time.sleep(0.02)
    click.echo(f"Clary on {settings.data} is down.")
