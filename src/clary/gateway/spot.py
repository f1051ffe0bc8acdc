"""``POST /_/spot?interrupt=JOB&region=REGION``: takes a spot job's instances away, for the owner alone.

Requests are signed as those of AWS are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.gateway import signature
from clary.gateway.http import HttpRequest
from clary.gateway.owners import NotTheOwner, owner
from clary.keys import Keys


class SpotPage:
    """``interrupt`` does it, for a job of the context's region; ``ServiceError`` if it has nothing to take."""

    def __init__(self, context: Context, keys: Keys, interrupt: Callable[[Context, str], None]) -> None:
        self._context, self._keys, self._interrupt = context, keys, interrupt

    def answer(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """A status and a document, whose ``message`` says what was done or what is wrong."""
        try:
            owner(request, self._keys, "Interrupting")
        except NotTheOwner as error:
            return 403, {"message": str(error)}
        if request.method != "POST":
            return 405, {"message": "Spot takes POST."}
        asked = dict(signature.query_pairs(request.query))
        if not asked.get("interrupt"):
            return 400, {"message": "Spot takes interrupt=JOB."}
        try:
            self._interrupt(self._context.at(asked.get("region") or self._context.region), asked["interrupt"])
        except ServiceError as error:
            return error.status, {"message": error.message}
        return 200, {"message": "interrupted"}
