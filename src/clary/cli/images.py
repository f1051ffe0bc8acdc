"""``clary images``: what images there are, and getting one before a job needs it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from clary.cli import options
from clary.images import catalog
from clary.images.environments import CannotBuild, Environments


@click.group(invoke_without_command=True)
@options.data
@click.pass_context
def images(context: click.Context, data: Path | None) -> None:
    """List the images of jobs and endpoints, or get one.

    `clary images pull NAME` builds one before a job asks for it.
    """
    if context.invoked_subcommand is not None:
        return
    environments = Environments(options.settings(data=data).cache)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "repository in the image URI", "version", "here", "to fetch", "on disk"):
        table.add_column(column, justify="right" if column in {"to fetch", "on disk"} else "left")
    for image in catalog.images():
        here = "yes" if environments.python(image.lock) else "no"
        sizes = (f"{image.download_mb} MB", f"{image.disk_mb} MB")
        table.add_row(image.name, ", ".join(image.repositories), image.version, here, *sizes)
    Console().print(table)
    click.echo("\nAn image is built when a job first asks for it. Beforehand: clary images pull NAME")


@images.command()
@click.argument("names", nargs=-1, required=True)
@options.data
def pull(names: tuple[str, ...], data: Path | None) -> None:
    """Build the environments of images.

    Each of NAMES is an image's name, a repository, or an image URI.
    """
    console = Console()
    try:
        wanted = [catalog.find(name) for name in names]
    except catalog.UnknownImage as error:
        raise click.ClickException(f"{error}.") from None
    environments = Environments(options.settings(data=data).cache)
    for image in wanted:
        build(environments, image.lock, image.name, (image.download_mb, image.disk_mb), console)


@images.command()
@click.argument("names", nargs=-1, required=True)
@options.data
def key(names: tuple[str, ...], data: Path | None) -> None:
    """Print the key of a cache in CI for these images.

    It is one word, which changes when the environment of any of them would.
    """
    environments = Environments(options.settings(data=data).cache)
    try:
        locks = [catalog.find(name).lock for name in names]
    except catalog.UnknownImage as error:
        raise click.ClickException(f"{error}.") from None
    click.echo("_".join(environments.key(lock) for lock in sorted(set(locks))))


def build(environments: Environments, lock: Path, name: str, sizes: tuple[int, int], console: Console) -> Path:
    """The Python of a lock's environment, built with a word on what is fetched and what goes on."""
    if (python := environments.python(lock)) is not None:
        console.print(f"{name} is here: {python}", highlight=False)
        return python
    download, disk = sizes
    console.print(f"{name}: fetching about {download} MB from the package index, {disk} MB on disk, once.")
    try:
        with console.status(f"{name}: resolving") as status:
            python = environments.build(lock, lambda line: status.update(f"{name}: {line.strip()[:100]}"))
    except CannotBuild as error:
        raise click.ClickException(str(error)) from None
    console.print(f"{name} is built: {python}", highlight=False)
    return python
