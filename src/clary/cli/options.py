"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from clary.settings import Settings

data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder (default: CLARY_DATA, else ~/.clary).",
)


def settings(**flags: Any) -> Settings:
    """The settings in force; a clear message if a variable cannot be read."""
    try:
        return Settings.read(**flags)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
