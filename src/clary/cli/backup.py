"""``clary backup`` and ``clary restore``: everything in one file, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clary import backups
from clary.cli import options

_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_FILE
@options.data
def backup(file: Path, data: Path | None) -> None:
    """Write everything, as it is at this moment, to one file.

    FILE becomes a tar archive of all records and objects.

    The server may run and goes on. FILE holds secrets (keys): only you can read it, so keep it so.
    """
    settings = options.settings(data=data)
    with _bar(file.name) as progress:
        summary = backups.take(settings.data, file, progress)
    click.echo(f"{file}: {summary.files} files, {summary.bytes / 1e6:.1f} MB, of {settings.data}")
    if summary.root_key_elsewhere:
        click.echo(
            "The root key of its encryption keys is not in it, but where CLARY_KMS_KEY_FILE says: keep a copy of that "
            "file too. Without it what is encrypted is lost."
        )


@click.command()
@_FILE
@options.data
def restore(file: Path, data: Path | None) -> None:
    """Make a data folder of the backup FILE. The folder must be new or empty; every checksum is verified first."""
    settings = options.settings(data=data)
    with _bar(f"checking {file.name}") as progress:
        summary = backups.restore(file, settings.data, progress)
    click.echo(
        f"{settings.data}: {summary.files} files, {summary.bytes / 1e6:.1f} MB. Start it: clary up --data {settings.data}"
    )
    if summary.root_key_elsewhere:
        click.echo("The root key of its encryption keys was not in the backup: name its file in CLARY_KMS_KEY_FILE.")


@contextmanager
def _bar(text: str) -> Iterator[Callable[[int, int], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    try:
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(text, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    except backups.BackupProblem as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as problem:
        raise click.ClickException(f"{problem.strerror}: {problem.filename or text}") from None
