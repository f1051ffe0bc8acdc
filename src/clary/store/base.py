"""The store of records: durable documents, one per resource, changed by compare-and-swap.

A store must meet these requirements.

* What ``create`` or ``put`` returned survives the death of the process and of the machine.
* A returned record is never changed by a later write.
* ``put`` and ``delete`` succeed only if nobody wrote since the record was read; else they raise ``Conflict``.
* ``scan`` yields records by name, in the order of their code points.
* Whoever subscribed is told of every change after it is durable, and never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

GLOBAL = ""
"""The region of records that have none: buckets, roles, keys."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One resource. ``body`` holds JSON values, wire names, times as ISO 8601 strings."""

    region: str = GLOBAL
    kind: str
    name: str
    body: dict[str, Any]
    status: str = ""
    version: int = 0
    created: datetime | None = None
    modified: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.region, self.kind, self.name


class Conflict(Exception):
    """Somebody else wrote the record first, or a record of that key exists already."""


Listener = Callable[[Record], None]


class Store(Protocol):
    def create(self, record: Record) -> Record:
        """Write a new record; ``Conflict`` if the key is taken."""

    def get(self, region: str, kind: str, name: str) -> Record | None: ...

    def put(self, record: Record) -> Record:
        """Write over the version that ``record`` was read at; ``Conflict`` if it is not the newest."""

    def delete(self, record: Record) -> None:
        """Remove it; listeners get the record with status ``Deleted``."""

    def scan(self, region: str | None, kind: str, *, status: str | None = None) -> Iterator[Record]:
        """Records of a kind by name; ``region=None`` means every region."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every changed record, from the writer's thread; returns the way out."""
