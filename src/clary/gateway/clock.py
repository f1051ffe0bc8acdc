"""``/_/clock``: Clary's time, for its owner alone. GET tells it; POST moves it, as its query says:

``advance=SECONDS``, ``set=TIME`` (ISO 8601 with a zone) or ``reset=``. Requests are signed as those of AWS are.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from clary.clock import machine_now
from clary.context import Context
from clary.gateway import signature
from clary.gateway.http import HttpRequest
from clary.gateway.owners import NotTheOwner, owner
from clary.keys import Key, Keys
from clary.store import clock_moves
from clary.store.audit_events import AuditEvent
from clary.store.clock_moves import CannotMove


class ClockPage:
    def __init__(self, context: Context, keys: Keys) -> None:
        self._context, self._keys = context, keys

    def answer(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """A status and a document: the time, or a ``message`` that says what is wrong."""
        try:
            key = owner(request, self._keys, "The clock")
        except NotTheOwner as error:
            return 403, {"message": str(error)}
        if request.method == "GET":
            return 200, self._told()
        if request.method != "POST":
            return 405, {"message": "The clock takes GET and POST."}
        try:
            self._move(dict(signature.query_pairs(request.query)))
        except CannotMove as error:
            return 400, {"message": str(error)}
        self._note(request, key)
        return 200, self._told()

    def _move(self, asked: dict[str, str]) -> None:
        store, clock = self._context.store, self._context.clock
        match asked:
            case {"advance": seconds}:
                try:
                    by = timedelta(seconds=float(seconds))
                except (ValueError, OverflowError):
                    raise CannotMove(f"advance is {seconds!r}; it takes seconds, as in advance=7200") from None
                clock_moves.advance(store, clock, by)
            case {"set": moment}:
                try:
                    to = datetime.fromisoformat(moment)
                except ValueError:
                    to = None
                if to is None or to.tzinfo is None:
                    raise CannotMove(f"set is {moment!r}; it takes a time with its zone, as in 2027-01-01T00:00Z")
                clock_moves.set_to(store, clock, to)
            case {"reset": _}:
                clock_moves.reset(store, clock)
            case _:
                raise CannotMove("the clock takes advance=SECONDS, set=TIME or reset=")

    def _told(self) -> dict[str, Any]:
        clock = self._context.clock
        return {
            "time": clock.now().isoformat(),
            "machine": machine_now().isoformat(),
            "offset": clock.offset / 1000,  # seconds
        }

    def _note(self, request: HttpRequest, key: Key) -> None:
        """Time that was moved is a fact that whoever reads the audit trail needs."""
        self._context.audit.add(
            AuditEvent(
                id=self._context.audit.new_id(),
                request_id=str(uuid.uuid4()),
                region=self._context.region,
                source="clary",
                name="MoveClock",
                read_only=False,
                address=request.client,
                agent=request.headers.get("user-agent", ""),
                signed="AuthHeader",
                arn=key.arn,
                principal=key.user_id,
                username=key.arn.rpartition("/")[2],
                access_key=key.access_key,
            )
        )
