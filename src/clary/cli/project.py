"""``clary project``: whole projects to run and to learn from.

A project uses boto3 and the SageMaker SDK only, in an environment of its own; this module gives it a folder to work in
and the variables that lead to the server, and says at the end what came out.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from clary.cli import options, project_results, servers
from clary.cli.environment import changes
from clary.cli.studio import started
from clary.images.environments import CannotBuild, Environments
from clary.learning import hints
from clary.learning.projects import Project, UnknownProject, projects, projects_folder, working_copy
from clary.learning.projects import find as find_project
from clary.learning.projects import reset as reset_copy
from clary.settings import Settings

_SAMPLE = "sample"  # a word that --input takes in place of a path


@click.group()
def project() -> None:
    """Whole projects to learn from: run, do, check, hint.

    Each goes from the raw data to a deployed and explained model. `clary project list` shows them in the order of the
    course.
    """


@project.command("list")
@options.data
def list_projects(data: Path | None) -> None:
    """List the projects, and your working copies of them."""
    folder = options.settings(data=data).data
    for each in projects():
        click.echo(f"{each.name:18}{each.title}: {each.summary}")
        if (folder / "projects" / each.name).is_dir():
            click.echo(f"{'':18}your copy: {folder / 'projects' / each.name}")
    click.echo(f"\nWhat they are and who each is for: {projects_folder() / 'README.md'}")


@project.command()
@click.argument("name")
@options.data
@click.option(
    "--input", "source", metavar="PATH", help="Your data file or folder, or the word `sample` for synthetic data."
)
@click.option("--minutes", type=click.FloatRange(min=0.5), help="How long Autopilot may take (default 2).")
def run(name: str, data: Path | None, source: str | None, minutes: float | None) -> None:
    """Run the project NAME end to end. The endpoint that it makes stays up."""
    settings, chosen = options.settings(data=data), find(name)
    server = servers.require(settings.data)
    given = {**_input(source, chosen), **({"CLARY_PROJECT_MINUTES": str(minutes)} if minutes else {})}
    folder = _prepared(chosen, settings)
    output = folder / "output"
    (output / "summary.json").unlink(missing_ok=True)
    began = time.monotonic()
    given["CLARY_PROJECT_OUTPUT"] = str(output)
    code = _python(chosen, settings, folder, ["solution.py"], given)
    if code != 0:
        raise click.ClickException(f"{chosen.name} stopped with exit status {code}; the lines above say why.")
    facts = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    project_results.say(Console(), chosen, facts, server.url, settings, time.monotonic() - began)


@project.command()
@click.argument("name")
@options.data
def check(name: str, data: Path | None) -> None:
    """Say which checkpoints hold, and what to do for the others."""
    _program(name, data, "check.py")


@project.command()
@click.argument("name")
@click.argument("step")
@click.option("--level", type=click.IntRange(1, 3), help="1 a nudge, 2 a plan, 3 nearly the code.")
@options.data
def hint(name: str, step: str, level: int | None, data: Path | None) -> None:
    """Give a hint for a step; asked again, a little more.

    STEP is its number in the guide of project NAME.
    """
    folder, _ = working_copy(find(name), options.settings(data=data).data)
    try:
        click.echo(hints.give(folder, step, level))
    except hints.NoHint as problem:
        raise click.ClickException(str(problem)) from None


@project.command()
@click.argument("name")
@options.data
def clean(name: str, data: Path | None) -> None:
    """Remove the endpoints, models and files that a project made. Its working folder stays."""
    _program(name, data, "clean.py")


@project.command()
@click.argument("name")
@options.data
def reset(name: str, data: Path | None) -> None:
    """Take the original files again; yours are kept beside them.

    What you changed in your copy of project NAME moves to a folder in it, before-TIME.
    """
    chosen, folder = find(name), options.settings(data=data).data
    aside = reset_copy(chosen, folder, f"{datetime.now():%Y-%m-%d-%H%M%S}")
    click.echo(f"Yours are in {aside}" if aside else f"Nothing to do: your copy of {chosen.name} has no file of yours")
    click.echo(f"The originals are in {folder / 'projects' / chosen.name}")


@project.command("open")
@click.argument("name")
@options.data
def open_notebook(name: str, data: Path | None) -> None:
    """Open a project's notebooks in JupyterLab.

    starter.ipynb is to do it yourself, solution.ipynb to read.
    """
    settings, chosen = options.settings(data=data), find(name)
    servers.require(settings.data)
    _prepared(chosen, settings)
    found = started(settings)
    address = f"{found.url}lab/tree/{chosen.name}/starter.ipynb?token={found.token}"
    click.echo(f"JupyterLab {address}\nEnd it: clary studio --stop")
    click.launch(address)


def find(name: str) -> Project:
    """The project of that name; a message that names those that there are if it is none."""
    try:
        return find_project(name)
    except UnknownProject as problem:
        raise click.ClickException(str(problem)) from None


def _program(name: str, data: Path | None, program: str) -> None:
    settings, chosen = options.settings(data=data), find(name)
    servers.require(settings.data)
    raise SystemExit(_python(chosen, settings, _prepared(chosen, settings), [program], {}))


def _input(source: str | None, chosen: Project) -> dict[str, str]:
    """The variable that names the data; a message if it is not there."""
    if source is None or source == _SAMPLE:
        return {"CLARY_PROJECT_INPUT": source} if source else {}
    path = Path(source).expanduser().absolute()
    if not (path.is_dir() if chosen.takes_folder else path.is_file()):
        what = "folder" if chosen.takes_folder else "file"
        raise click.ClickException(f"There is no {what} {path}. Name {chosen.takes}, or: --input {_SAMPLE}")
    if path.is_file() and path.stat().st_size == 0:
        raise click.ClickException(f"{path} is empty.")
    return {"CLARY_PROJECT_INPUT": str(path)}


def _prepared(chosen: Project, settings: Settings) -> Path:
    """The project's working folder, its environment built."""
    folder, kept = working_copy(chosen, settings.data)
    for name in kept:
        click.echo(
            f"{folder / name} was changed by you: left as it is (the original again: clary project reset {chosen.name})"
        )
    environments = Environments(settings.cache)
    if environments.python(chosen.lock) is None:
        console = Console()
        console.print(
            f"Building the project's Python environment: about {chosen.download_mb} MB from the package index, once."
        )
        try:
            with console.status("resolving") as status:
                environments.build(chosen.lock, lambda line: status.update(line[:100]))
        except CannotBuild as problem:
            raise click.ClickException(str(problem)) from None
    return folder


def _python(chosen: Project, settings: Settings, folder: Path, arguments: list[str], given: dict[str, str]) -> int:
    """Run the project's Python in its folder, with the way to the server; its exit status."""
    python = Environments(settings.cache).build(chosen.lock)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg", **given}
    environment.pop("PYTHONPATH", None)  # of this process: the server's libraries are not the project's
    for name, value in changes(settings.data, os.environ).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    with subprocess.Popen([str(python), *arguments], cwd=folder, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the child too: let it end
            process.wait()
            raise click.Abort from None
