"""``clary up``: start the server, here or in the background."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import click

from clary.cli import options, servers
from clary.data_folder import DataFolder, FolderProblem
from clary.engines.base import CannotIsolate
from clary.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost")


@click.command()
@options.data
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port (default: CLARY_PORT, else 8780); 0 picks a free one."
)
@click.option("--host", help="The address to bind (default 127.0.0.1). Only loopback: the API holds patients' data.")
@click.option("--detach", is_flag=True, help="Start it in the background and return once it serves.")
def up(data: Path | None, port: int | None, host: str | None, detach: bool) -> None:
    """Start the server. It prints `ready http://...` once it answers."""
    settings = options.settings(data=data, port=port, host=host)
    if settings.host not in _LOOPBACK:
        raise click.ClickException(
            f"--host {settings.host} would open the API to the network without TLS, which is not built yet. "
            "Leave it at 127.0.0.1 and reach it over ssh: ssh -L 8780:127.0.0.1:8780 THIS_MACHINE"
        )
    try:
        folder = DataFolder(settings.data)
        if detach:
            _detach(settings)
        else:
            _serve(settings, folder)
    except (FolderProblem, CannotIsolate, RuntimeError) as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as problem:
        where = problem.filename or settings.data
        raise click.ClickException(f"The server cannot run on {settings.data}: {problem.strerror} ({where})") from None


def _serve(settings: Settings, folder: DataFolder) -> None:
    if not folder.lock():
        _say_first(settings.data)
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Imported here: it brings every part in, which a second `up` does not need.
    from clary import app  # noqa: PLC0415

    app.serve(settings, folder, lambda url: click.echo(f"ready {url}"))


def _say_first(data: Path) -> None:
    server = _await_server(data)
    if server is None:
        raise click.ClickException(f"Another process holds {data} but does not answer. Look at {data}/server.log")
    click.echo(f"Clary runs on {data} already (process {server.pid}).")
    click.echo(f"ready {server.url}")


def _detach(settings: Settings) -> None:
    if servers.is_locked(settings.data):
        _say_first(settings.data)
        return
    command = [sys.executable, "-m", "clary", "up", "--data", str(settings.data), "--port", str(settings.port)]
    descriptor = os.open(settings.data / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(descriptor, "ab") as log:  # noqa: PTH123 - opened by descriptor, for its mode
        began = log.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    server = _await_server(settings.data, child)
    if server is None:
        text = (settings.data / "server.log").read_bytes()[began:].decode("utf-8", "replace").strip()
        raise click.ClickException(f"The server did not start: {text.removeprefix('Error: ')}")
    click.echo(f"ready {server.url}")


def _await_server(data: Path, child: subprocess.Popen[bytes] | None = None) -> servers.Server | None:
    """The server once it says that it serves; None if it ends first, or within 30 seconds does not."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (server := servers.running(data)) is not None:
            return server
        if child is not None and child.poll() is not None:
            return servers.running(data)
        time.sleep(0.02)
    return None
