"""Signing in: links that work once, and the sessions that they begin.

Both are records under the hash of a secret that only the link, or the browser's cookie, holds; both end by Clary's clock. A
session names the access key that it stands for, so its rights are that key's, and it ends when the key does; or a worker.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clary.store.base import Conflict, Record, Store

LINK = "ConsoleLink"
"""``{Key or Worker, Issued, Expires}``."""
SESSION = "ConsoleSession"
"""``{Key or Worker, Issued, Expires}``; ``Expires`` moves on while it is used."""

OWNER_LINK = timedelta(hours=1)
WORKER_LINK = timedelta(days=7)  # it travels by mail
IDLE = timedelta(hours=12)
"""How long a session lasts that nobody uses."""
LONGEST = timedelta(days=14)
"""How long one lasts at most, and for a worker while nobody uses it: a table of people's own is signed by no password."""

_SLEW = timedelta(minutes=5)  # that a machine's clock may be corrected by
_RENEW = timedelta(minutes=10)  # between two notes of a session's use


class LinkProblem(Exception):
    """The link does not work, or no longer; the message says why and the way out."""


@dataclass(frozen=True)
class Session:
    """``key``: the access key that it stands for, or ``worker``: who labels; the other is empty."""

    id: str
    key: str
    worker: str


class Sessions:
    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def link(self, *, key: str = "", worker: str = "") -> str:
        """The secret of a new link that signs this key's holder, or this worker, in once."""
        self._sweep()
        return self._new(LINK, key, worker, WORKER_LINK if worker else OWNER_LINK)

    def peek(self, secret: str) -> Session:
        """Whom a link would sign in; ``LinkProblem`` if nobody."""
        return _session(self._good_link(secret))

    def enter(self, secret: str) -> tuple[str, Session]:
        """Use a link: the secret of the session that begins, and the session; ``LinkProblem``."""
        record = self._good_link(secret)
        try:
            self._store.delete(record)
        except Conflict:  # two used it at the same time
            raise _unknown() from None
        session = _session(record)
        lasts = LONGEST if session.worker else IDLE
        cookie = self._new(SESSION, session.key, session.worker, lasts)
        return cookie, replace(session, id=_hash(cookie))

    def find(self, secret: str) -> Session | None:
        """The session behind a cookie; None if it is over or never was."""
        record = self._store.get("", SESSION, _hash(secret)) if secret else None
        if record is None or self._is_over(record):
            return None
        self._note_use(record)
        return _session(record)

    def end(self, session: Session) -> None:
        """Sign out; nothing happens if it has ended already."""
        self._end(lambda record: record.name == session.id)

    def end_of_worker(self, worker: str) -> None:
        """End the links and sessions of a worker who may label no more."""
        self._end(lambda record: record.body.get("Worker") == worker)

    def _end(self, is_meant: Callable[[Record], bool]) -> None:
        for kind in (SESSION, LINK):
            for record in list(self._store.scan("", kind)):
                if is_meant(record):
                    with contextlib.suppress(Conflict):
                        self._store.delete(record)

    def _new(self, kind: str, key: str, worker: str, lasts: timedelta) -> str:
        secret, now = secrets.token_urlsafe(32), self._now()
        body = {"Issued": now.isoformat(), "Expires": (now + lasts).isoformat()}
        body |= {"Worker": worker} if worker else {"Key": key}
        self._store.create(Record(kind=kind, name=_hash(secret), body=body))
        return secret

    def _good_link(self, secret: str) -> Record:
        record = self._store.get("", LINK, _hash(secret))
        if record is None or self._is_over(record):
            raise _unknown()
        return record

    def _is_over(self, record: Record) -> bool:
        """Whether its time is, or has not come: then the clock was set back behind it."""
        now, issued = self._now(), datetime.fromisoformat(record.body["Issued"])
        return now >= datetime.fromisoformat(record.body["Expires"]) or issued > now + _SLEW

    def _note_use(self, record: Record) -> None:
        now, issued = self._now(), datetime.fromisoformat(record.body["Issued"])
        lasts = LONGEST if "Worker" in record.body else IDLE
        expires = min(now + lasts, issued + LONGEST)
        if expires - datetime.fromisoformat(record.body["Expires"]) >= _RENEW:
            with contextlib.suppress(Conflict):  # another request of the same browser notes it
                self._store.put(replace(record, body={**record.body, "Expires": expires.isoformat()}))

    def _sweep(self) -> None:
        for kind in (SESSION, LINK):
            for record in list(self._store.scan("", kind)):
                if self._is_over(record):
                    with contextlib.suppress(Conflict):
                        self._store.delete(record)


def _unknown() -> LinkProblem:
    return LinkProblem("This link was used already, or its time is over. Each signs in once.")


def _session(record: Record) -> Session:
    return Session(record.name, record.body.get("Key", ""), record.body.get("Worker", ""))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
