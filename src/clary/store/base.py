"""The store of records: durable documents, one per resource, changed by compare-and-swap.

A store must meet these requirements.

* What ``create`` or ``put`` returned survives the death of the process and of the machine.
* A returned record is never changed by a later write.
* ``put`` and ``delete`` succeed only if nobody wrote since the record was read; else they raise ``Conflict``.
* ``scan`` yields records by name, in the order of their code points.
* Pages joined are the whole: ``page`` shows each record that was there all the while once, whatever comes and goes.
* A record's ``arn``, where it has one, is one record's only, whatever its case.
* Whoever subscribed is told of every change after it is durable, and never before.
* What a write was given ``also`` is done with it, in one transaction: both, or neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

GLOBAL = ""
"""The region of records that have none: buckets, roles, keys."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One resource. ``body`` holds JSON values, wire names, times as ISO 8601 strings.

    ``created`` and ``modified`` are what clients are told and lists sort by: whoever changes a record sets ``modified``.
    """

    region: str = GLOBAL
    kind: str
    name: str
    body: dict[str, Any]
    status: str = ""
    version: int = 0
    created: datetime | None = None
    modified: datetime | None = None
    arn: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.region, self.kind, self.name


class Conflict(Exception):
    """Somebody else wrote the record first, or a record of that key or that ARN exists already."""


Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "starts", "has"]
"""``in``: it is one of a list. ``contains``: the text holds it, Latin letters in any case. ``starts``: the text begins so.
``has``: the list holds it."""


class Condition(NamedTuple):
    """A field against a value, a ``datetime`` where it is a time. Fields are ``name``, ``status``, ``created`` and
    ``modified``, which have indexes, and members of the body by their path, ``Deep.Member``, which reads each record.

    A member that is not there fulfils no condition.
    """

    field: str
    operator: Operator
    value: Any


Position = tuple[str | int | float, str]
"""Where a page ended: the value it is ordered by, and the name. JSON keeps it whole."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which records, in which order: by a field, records alike in it by name, both ways turned round by ``descending``.

    ``after``: the position that the page before ended at. ``limit``: records at most.
    """

    where: Sequence[Condition] = ()
    order_by: str = "name"
    descending: bool = False
    after: Position | None = None
    limit: int = 100


Listener = Callable[[Record], None]

Also = Callable[[sqlite3.Connection], None]
"""A part of somebody else's transaction: what other tables offer as ``insertion`` or ``removal``."""


def together(*parts: Also) -> Also:
    """All of them, in this order."""

    def write(db: sqlite3.Connection) -> None:
        for part in parts:
            part(db)

    return write


class Store(Protocol):
    def create(self, record: Record, also: Also | None = None) -> Record:
        """Write a new record; ``Conflict`` if the key or the ARN is taken. Times not given are now."""

    def get(self, region: str, kind: str, name: str) -> Record | None: ...

    def find(self, arn: str) -> Record | None:
        """The record of this ARN, whatever its case."""

    def put(self, record: Record, also: Also | None = None) -> Record:
        """Write over the version that ``record`` was read at; ``Conflict`` if it is not the newest.

        Key, ``created`` and ``arn`` stay what they were.
        """

    def delete(self, record: Record, also: Also | None = None) -> None:
        """Remove it; listeners get the record with status ``Deleted``."""

    def scan(
        self, region: str | None, kind: str, *, status: str | None = None, without: Collection[str] = ()
    ) -> Iterator[Record]:
        """Records of a kind by name; ``region=None`` means every region. ``without``: statuses that are left out."""

    def page(self, region: str, kind: str, query: Query) -> tuple[list[Record], Position | None]:
        """The records asked for, and where to go on if there are more of them."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every changed record, from the writer's thread; returns the way out."""
