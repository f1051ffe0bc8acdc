"""Which operations of the service models are served: the truth behind ``clary status --operations`` and its page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from botocore import xform_name

from clary.gateway import models


@dataclass(frozen=True)
class Coverage:
    """A service's operations by name; ``protocols`` are those that its model lists."""

    service: str
    protocols: tuple[str, ...]
    served: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.served) + len(self.missing)


def coverage(served: Iterable[tuple[str, str]]) -> list[Coverage]:
    """Of every service that Clary knows; ``served`` are (service, snake_case name), as ``services.discover`` tells."""
    known = set(served)
    found = []
    for service in models.SERVED:
        names = sorted(models.service(service).operation_names)
        is_served = {name: (service, xform_name(name)) in known for name in names}
        found.append(
            Coverage(
                service,
                tuple(models.protocols(service)),
                tuple(name for name in names if is_served[name]),
                tuple(name for name in names if not is_served[name]),
            )
        )
    return found
