"""The images that requests name: Clary's own by their repository, all others where Docker or Podman can run them."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.engines import containers
from clary.errors import NotServed, ValidationException
from clary.images import catalog


def find(context: Context, uri: str) -> catalog.Image | None:
    """Clary's image, None for one of the user's own; ``ValidationException`` if nothing here can run it, with the way out."""
    try:
        return catalog.find(uri)
    except catalog.UnknownImage as unknown:
        runner = containers.find(context.settings.containers)
        if not runner.program:
            raise ValidationException(f"{unknown}: {runner.complaint}.") from None
        return None


def require(context: Context, uri: str, specification: dict[str, Any] | None = None) -> None:
    """As ``find``, and ``specification``, of which ContainerEntrypoint and ContainerArguments are members, fits the image."""
    given = specification or {}
    if find(context, uri) and given.get("ContainerArguments") and not given.get("ContainerEntrypoint"):
        raise NotServed(
            "ContainerArguments without a ContainerEntrypoint are not served for Clary's images, whose programs take none: "
            "name the program to run as ContainerEntrypoint."
        )


def metric_definitions(uri: str) -> list[dict[str, str]]:
    """Those of the image's built-in algorithm; none if it has none."""
    try:
        return list(catalog.find(uri).metric_definitions)
    except catalog.UnknownImage:
        return []
