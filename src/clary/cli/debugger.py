"""``clary debugger``: what a training job saved of itself, and what its rules made of it."""

from __future__ import annotations

import importlib

import click

# command → module; a command's object has the command's name.
_COMMANDS = {
    "report": "debugger_report",
    "plot": "debugger_plot",
}


class _Commands(click.Group):
    """Loads a command's module when it is called."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"clary.cli.{_COMMANDS[name]}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands)
def debugger() -> None:
    """Show what a training job saved, and what its rules found."""
