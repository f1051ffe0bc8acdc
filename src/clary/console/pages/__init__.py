"""The pages: one module each, or for a few that belong together."""

from __future__ import annotations

import importlib
import pkgutil

from clary.console.page import Page, registered


def discover() -> tuple[Page, ...]:
    """Every page of the modules here."""
    for module in pkgutil.iter_modules(__path__, __name__ + "."):
        importlib.import_module(module.name)
    return tuple(registered)
