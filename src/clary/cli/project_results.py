"""What ``clary project run`` says at the end of a project: the part ``said`` of its ``output/summary.json``.

``said`` is a list of blocks, each one of:

* ``{"table": title, "columns": [...], "rows": [[...], ...]}``: texts; the first column is aligned left, the others right
* ``{"line": text}``: a line of its own
* ``{"bars": {name: value}}``: shares that add to something or take away from it

Beside it, ``summary.json`` holds ``warning`` (a text, or null), ``report`` (a page's path), ``endpoint`` (a name, or null) and
``next``: commands of ``clary`` to try, ``[[arguments, why], ...]``.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clary.cli import bars
from clary.learning.projects import Project
from clary.settings import Settings


def say(
    console: Console, project: Project, facts: dict[str, Any], url: str, settings: Settings, seconds: float
) -> None:
    """Print the results, the addresses, and what to try."""
    console.rule(f"[bold]{project.title}")
    if facts.get("warning"):
        console.print(f"[bold yellow]{escape(facts['warning'])}[/]\n", highlight=False)
    for block in facts["said"]:
        _block(console, block)
    console.print(f"\nreport   {facts['report']}", f"server   {url}", sep="\n", highlight=False, soft_wrap=True)
    stays = f"endpoint {facts['endpoint']} stays up; " if facts.get("endpoint") else ""
    console.print(f"{stays}{seconds / 60:.1f} minutes in all\n", highlight=False)
    console.print("Try next:", style="bold")
    flag = _flag(settings)
    for arguments, why in facts["next"]:
        console.print(f"  {_command()} {arguments}{flag}", style="green", highlight=False, soft_wrap=True, markup=False)
        console.print(f"      {why}", style="dim", highlight=False, markup=False)


def _block(console: Console, block: dict[str, Any]) -> None:
    if "table" in block:
        table = Table(title=escape(block["table"]), title_justify="left", box=None, padding=(0, 2, 0, 0))
        for place, column in enumerate(block["columns"]):
            table.add_column(escape(column), justify="right" if place else "left")
        for row in block["rows"]:
            table.add_row(*(escape(str(value)) for value in row))
        console.print(table, "")
    elif "bars" in block:
        console.print(bars.signed(block["bars"]))
    else:
        console.print(block["line"], highlight=False, markup=False)


def _command() -> str:
    """The program as it can be called from here: by name, by path, or as a module."""
    program = Path(sys.argv[0])
    if program.name != "clary":
        return f"{Path(sys.executable).name} -m clary"
    return "clary" if shutil.which("clary") else os.path.relpath(program)


def _flag(settings: Settings) -> str:
    """What to add to a command so that it means the same data folder."""
    return "" if settings.data == Path("~/.clary").expanduser().absolute() else f" --data {settings.data}"
