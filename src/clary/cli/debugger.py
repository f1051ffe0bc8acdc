"""``clary debugger``: what a training job saved of itself, and what its rules made of it."""

from __future__ import annotations

from typing import ClassVar

import click

from clary.cli.lazy import Commands


class _Commands(Commands):
    modules: ClassVar = {"report": "debugger_report", "plot": "debugger_plot"}


@click.group(cls=_Commands)
def debugger() -> None:
    """Show what a training job saved, and what its rules found."""
