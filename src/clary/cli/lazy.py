"""Groups of commands that load a command's module when it is called, so that ``clary env`` costs no more than it needs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import ClassVar

import click


class Commands(click.Group):
    """A class of its own names the ``modules``: command → module of ``clary.cli``, in which the command has that name too."""

    modules: ClassVar[Mapping[str, str]]

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in self.modules:
            return None
        command = getattr(importlib.import_module(f"clary.cli.{self.modules[name]}"), name)
        assert isinstance(command, click.Command)
        return command
