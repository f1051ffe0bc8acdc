"""``clary up``: start the server, here or in the background."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
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
@click.option("--host", help="The address to bind (default 127.0.0.1); another than loopback needs --tls-cert.")
@click.option("--tls-cert", metavar="FILE", help="A certificate in PEM form, its chain behind it: the API speaks TLS.")
@click.option("--tls-key", metavar="FILE", help="The certificate's key, in PEM form and without a password.")
@click.option("--detach", is_flag=True, help="Start it in the background and return once it serves.")
@click.option("--ephemeral", is_flag=True, help="A new folder that is removed when the server ends; any free port.")
@click.option(
    "--commands",
    is_flag=True,
    help="With --ephemeral: obey standard input (`new` and `end N` make and end accounts), and end when it does.",
)
def up(
    data: Path | None,
    port: int | None,
    host: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    *,
    detach: bool,
    ephemeral: bool,
    commands: bool,
) -> None:
    """Start the server. It prints `ready http://...` once it answers."""
    if commands and not ephemeral:
        raise click.UsageError("--commands goes with --ephemeral: it makes accounts that end with the server")
    if ephemeral and port is None and "CLARY_PORT" not in os.environ:
        port = 0
    settings = options.settings(data=data, port=port, host=host, tls_cert=tls_cert, tls_key=tls_key)
    _check(settings)
    with contextlib.ExitStack() as end:
        if ephemeral:
            settings = replace(settings, data=_throwaway(data))
            end.callback(shutil.rmtree, settings.data, ignore_errors=True)
        _run(settings, detach=detach, ephemeral=ephemeral, commands=commands)
        if detach:  # the server, which runs, removes it
            end.pop_all()


def _run(settings: Settings, *, detach: bool, ephemeral: bool, commands: bool) -> None:
    try:
        folder = DataFolder(settings.data)
        if detach:
            _detach(settings, ["--ephemeral"] if ephemeral else [])
        else:
            _serve(settings, folder, ephemeral=ephemeral, commands=commands)
    except (FolderProblem, CannotIsolate, RuntimeError) as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as problem:
        where = problem.filename or settings.data
        raise click.ClickException(f"The server cannot run on {settings.data}: {problem.strerror} ({where})") from None


def _check(settings: Settings) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise click.ClickException("--tls-cert and --tls-key go together: give both, or neither.")
    if not settings.tls_cert and settings.host not in _LOOPBACK:
        raise click.ClickException(
            f"--host {settings.host} would open the API to the network without TLS, and what goes over it may be "
            "patients' data. Give it a certificate (--tls-cert FILE --tls-key FILE), or leave it at 127.0.0.1 and reach "
            "it over ssh: ssh -L 8780:127.0.0.1:8780 THIS_MACHINE"
        )
    if settings.job_network not in {"on", "off"}:
        raise click.ClickException(f"CLARY_JOB_NETWORK is {settings.job_network!r}; it takes on or off.")


def _throwaway(data: Path | None) -> Path:
    """The folder of an ephemeral server; one that is given must hold nothing that its end would take along."""
    if data is None:
        data = Path(tempfile.mkdtemp(prefix="clary-"))
    elif data.exists() and (not data.is_dir() or {path.name for path in data.iterdir()} - {"server.log"}):
        raise click.ClickException(f"{data} is not empty, and --ephemeral removes it at the end: name a new folder")
    click.echo(f"ephemeral: {data} and all in it is removed when this server ends", err=True)
    return data


def _serve(settings: Settings, folder: DataFolder, *, ephemeral: bool, commands: bool) -> None:
    if not folder.lock():
        _say_first(settings.data)
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Imported here: it brings every part in, which a second `up` does not need.
    from clary import accounts, app  # noqa: PLC0415

    def ready(url: str, link: Callable[[], str]) -> None:
        click.echo(f"ready {url}")
        if sys.stdout.isatty():  # a log keeps no link
            click.echo(f"open  {link()}")

    if ephemeral:
        accounts.serve(settings, folder, ready, commands=commands)
    else:
        app.serve(settings, folder, ready)


def _say_first(data: Path) -> None:
    server = _await_server(data)
    if server is None:
        raise click.ClickException(f"Another process holds {data} but does not answer. Look at {data}/server.log")
    click.echo(f"Clary runs on {data} already (process {server.pid}).")
    _say(data, server)


def _detach(settings: Settings, flags: list[str]) -> None:
    if servers.is_locked(settings.data):
        _say_first(settings.data)
        return
    command = [sys.executable, "-m", "clary", "up", "--data", str(settings.data), "--port", str(settings.port), *flags]
    command += ["--host", settings.host]
    if settings.tls_cert:
        command += ["--tls-cert", settings.tls_cert, "--tls-key", settings.tls_key]
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
    _say(settings.data, server)


def _say(data: Path, server: servers.Server) -> None:
    """Where it answers, and an address that signs the owner in."""
    click.echo(f"ready {server.url}")
    from clary.cli.client import ask  # noqa: PLC0415 - a server that runs here needs no client

    click.echo(f"open  {ask(options.settings(data=data), 'POST', 'links')['url']}")


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
