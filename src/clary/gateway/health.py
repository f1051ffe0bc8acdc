"""Whether the server works: what ``GET /health`` answers to probes, without a signature and without a secret."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clary import __version__
from clary.clock import Clock

OK = "ok"


class Health:
    """``probes``: what is looked at, by name; each answers ``OK`` or a sentence that says what is wrong, at once."""

    def __init__(
        self, probes: Mapping[str, Callable[[], str]], operations: Iterable[tuple[str, str]], clock: Clock
    ) -> None:
        self._probes, self._clock = probes, clock
        self._services = dict(sorted(Counter(service for service, _ in operations).items()))
        self._began = time.monotonic()

    def look(self) -> dict[str, Any]:
        """``status`` is ``ok``, or ``failing`` if any part is not; ``services``: how many operations each serves."""
        parts = {name: probe() for name, probe in self._probes.items()}
        return {
            "status": OK if all(found == OK for found in parts.values()) else "failing",
            "version": __version__,
            "clock": {"time": self._clock.now().isoformat(), "ahead": self._clock.offset / 1000},  # seconds
            "uptime": round(time.monotonic() - self._began, 1),  # seconds
            "parts": parts,
            "services": self._services,
        }
