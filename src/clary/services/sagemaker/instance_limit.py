"""How many instances one job may ask for on this machine."""

from __future__ import annotations

from clary.context import Context
from clary.errors import ResourceLimitExceeded


def check(context: Context, count: int, noun: str) -> None:
    """``noun``: the kind of job, in words. ``ResourceLimitExceeded``."""
    most = context.settings.instances
    if count > most:
        raise ResourceLimitExceeded(
            f"The limit of instances for one {noun} is {most} Instances, with a request for {count} Instances. "
            "CLARY_INSTANCES raises it."
        )
