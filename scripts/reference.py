"""Writes docs/reference/ from the code: settings, operations, commands, images, errors.

Usage: python scripts/reference.py           write the pages
       python scripts/reference.py --check   say which are not what the code says; exit status 1 if any
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from clary import services
from clary.cli import main as cli
from clary.errors import ServiceError
from clary.gateway import bodies, connections
from clary.gateway.coverage import coverage
from clary.gateway.protocols import json_values
from clary.images import catalog
from clary.settings import Settings

FOLDER = Path(__file__).parent.parent / "docs/reference"
_NOTE = "<!-- Written by scripts/reference.py from the code; change it there. -->\n\n"


def settings() -> str:
    rows = [
        f"| `CLARY_{item.name.upper()}` | `{item.default}` | {item.metadata['help']} |" for item in fields(Settings)
    ]
    head = "# Settings\n\nEach is a variable; `clary up`'s flags win over them.\n\n"
    head += "| variable | default | what it does |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n\n" + limits()


def limits() -> str:
    """What a request may be. uvicorn on httptools, which serves, has no limit of its own on any of these."""
    rows = [
        ("request line and headers", f"{connections.HEAD_BYTES >> 10} KiB, {connections.HEAD_FIELDS} fields", "431"),
        ("headers that do not end", "`CLARY_HEAD_SECONDS`", "408"),
        ("silence within a body", "`CLARY_BODY_SECONDS`", "400 `RequestTimeout`"),
        ("a reader who takes nothing", "`CLARY_BODY_SECONDS`", "the connection is cut"),
        ("silence between two requests", f"{connections.KEEP_ALIVE} s", "the connection is closed"),
        ("connections, all at work", "`CLARY_CONNECTIONS`", "503"),
        ("body of InvokeEndpoint", f"{bodies.INVOCATION >> 20} MiB", "413 `RequestEntityTooLarge`"),
        ("an object put at once, a part", f"{bodies.OBJECT >> 30} GiB", "400 `EntityTooLarge`"),
        ("any other body: S3's XML", f"{bodies.DOCUMENT >> 20} MiB", "400 `MaxMessageLengthExceeded`"),
        ("any other body: JSON", f"{bodies.DOCUMENT >> 20} MiB", "413 `RequestEntityTooLarge`"),
        ("any other body: a form (IAM, STS)", f"{bodies.FORM >> 20} MiB", "413 `RequestEntityTooLarge`"),
        ("nesting of JSON", f"{json_values.DEEPEST} levels", "400 `SerializationException`"),
    ]
    head = "## Limits of a request\n\n| what | limit | beyond it |\n|---|---|---|\n"
    return head + "\n".join(f"| {what} | {most} | {answer} |" for what, most, answer in rows) + "\n"


def operations() -> str:
    found = coverage(services.discover())
    text = (
        "# Operations\n\nWhat is served is done for real. Any other operation answers 501 `NotImplemented` with its name.\n"
        "`clary status --operations` tells the same.\n\n"
        "| service | protocols | served | of |\n|---|---|---|---|\n"
    )
    for c in found:
        protocols = ", ".join(c.protocols)
        text += f"| [{c.service}](#{c.service}) | {protocols} | {len(c.served)} | {c.total} |\n"
    for c in found:
        text += f"\n## {c.service}\n\n| operation | served |\n|---|---|\n"
        names = sorted((*c.served, *c.missing))
        text += "".join(f"| {name} | {'yes' if name in c.served else 'no'} |\n" for name in names)
    return text


def commands() -> str:
    text = "# Commands\n\n`clary COMMAND --help` tells the same.\n"
    context = click.Context(cli, info_name="clary")
    for name in cli.list_commands(context):
        text += _command(cli.get_command(context, name), f"clary {name}", context)
    return text


def _command(command: click.Command | None, path: str, parent: click.Context) -> str:
    assert command is not None
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    with context:
        text = f"\n## {path}\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            text += _command(command.get_command(context, name), f"{path} {name}", context)
    return text


def images() -> str:
    rows = []
    for i in catalog.images():
        names = ", ".join(f"`{repository}`" for repository in i.repositories)
        rows.append(f"| {i.name} | {names} | {i.library} {i.version} | {i.download_mb} MB | {i.disk_mb} MB |")
    head = (
        "# Images\n\nFound by the repository name in an image URI, whatever its account, region and tag. One version of each is "
        "kept; a job whose tag asks for another says so in its first log line.\n\n"
        "| image | repositories | version | to fetch | on disk |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def errors() -> str:
    """Every error of Clary's own, by code; those that one operation alone knows are in its model."""
    services.discover()
    rows = {
        (e.code, e.status): (e.__doc__ or "").partition("\n")[0].rstrip(".")
        for e in sorted(_below(ServiceError), key=lambda e: (e.code, e.__module__), reverse=True)
    }
    head = (
        "# Errors\n\nIn the form of the protocol that was asked: a code, a message that names the thing, the value and the way "
        "out, and an HTTP status. Errors that a single operation has come from the service's model, with AWS's words.\n\n"
        "| code | status | when |\n|---|---|---|\n"
    )
    return head + "".join(f"| `{code}` | {status} | {when} |\n" for (code, status), when in sorted(rows.items()))


def _below(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("clary."):
            yield each
            yield from _below(each)


PAGES = {
    "errors.md": errors,
    "settings.md": settings,
    "operations.md": operations,
    "commands.md": commands,
    "images.md": images,
}


def main() -> int:
    check = "--check" in sys.argv
    stale = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        text, path = _NOTE + write(), FOLDER / name
        if check and (not path.exists() or path.read_text() != text):
            stale.append(name)
        elif not check:
            path.write_text(text)
    if stale:
        print(f"not what the code says: {', '.join(stale)}. Write them: python scripts/reference.py")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
