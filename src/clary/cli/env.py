"""``clary env``: the lines that make any client in a shell talk to Clary."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import click

from clary.cli import options
from clary.cli.environment import Changes, changes, reversal

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command()
@options.data
@click.option("--no-proxy", is_flag=True, help="Only what boto3 reads: no tunnel and no CA files.")
@click.option("--unset", is_flag=True, help="Print the lines that give the old shell back.")
@click.option(
    "--shell",
    type=click.Choice(["sh", "fish", "json"]),
    default="sh",
    show_default=True,
    help="sh: bash, zsh and their like. json: an object of values, null where a variable is to be unset.",
)
def env(data: Path | None, no_proxy: bool, unset: bool, shell: str) -> None:
    """Print the variables by which clients reach the server.

    \b
    eval "$(clary env)"                  in bash and zsh
    clary env --shell fish | source      in fish
    eval "$(clary env --unset)"          and back
    """
    if unset:
        lines = reversal(os.environ)
        if not lines:
            click.echo("clary env: nothing to give back, this shell was not set by it", err=True)
    else:
        lines = changes(options.settings(data=data).data, os.environ, proxy=not no_proxy)
    # As bytes: a variable may hold some that are no UTF-8.
    click.echo(os.fsencode(_FORMS[shell](lines)), nl=False)


def _sh(lines: Changes) -> str:
    # The semicolons let it work where the quotes around $(clary env) were forgotten.
    return "".join(
        f"unset {name};\n" if value is None else f"export {name}={shlex.quote(value)};\n"
        for name, value in lines.items()
        if _NAME.fullmatch(name)
    )


def _fish(lines: Changes) -> str:
    return "".join(
        f"set -e {name};\n" if value is None else f"set -gx {name} {_fish_quote(value)};\n"
        for name, value in lines.items()
        if _NAME.fullmatch(name)
    )


def _fish_quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _json(lines: Changes) -> str:
    return json.dumps(lines, indent=2) + "\n"


_FORMS = {"sh": _sh, "fish": _fish, "json": _json}
