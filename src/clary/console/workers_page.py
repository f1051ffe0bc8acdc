"""``POST /_/workers?region=REGION&...``: the people who label, for the owner alone. Requests are signed as those of AWS are.

``add=NAME&teams=A,B`` and ``link=NAME`` answer an address that signs the worker in, once; ``remove=NAME`` ends what they have
open; GET lists all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.console import labellers
from clary.console.sessions import Sessions
from clary.console.signing_in import note
from clary.context import Context
from clary.errors import ServiceError
from clary.gateway import signature
from clary.gateway.http import HttpRequest
from clary.gateway.owners import NotTheOwner, owner
from clary.keys import Key, Keys
from clary.labelling import workers


class WorkersPage:
    """``address`` makes a link's address of its secret."""

    def __init__(self, context: Context, keys: Keys, sessions: Sessions, address: Callable[[str], str]) -> None:
        self._context, self._keys, self._sessions, self._address = context, keys, sessions, address

    def answer(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """A status and a document, whose ``message`` says what is wrong."""
        try:
            key = owner(request, self._keys, "Who labels")
        except NotTheOwner as error:
            return 403, {"message": str(error)}
        asked = dict(signature.query_pairs(request.query))
        context = self._context.at(asked.get("region") or self._context.region)
        if request.method == "GET":
            found = workers.all_of(context, asked.get("team", ""))
            return 200, {"workers": [{"name": each.name, "teams": list(each.teams)} for each in found]}
        try:
            return 200, self._do(context, request, key, asked)
        except ServiceError as error:
            return error.status, {"message": error.message}

    def _do(self, context: Context, request: HttpRequest, key: Key, asked: dict[str, str]) -> dict[str, Any]:
        match asked:
            case {"add": name}:
                worker = workers.add(context, name, [team for team in asked.get("teams", "").split(",") if team])
            case {"link": name}:
                worker = workers.find(context, name)
            case {"remove": name}:
                named = labellers.name(workers.find(context, name))
                workers.remove(context, name)
                self._sessions.end_of_worker(named)
                return {}
            case _:
                raise ServiceError("Workers takes add=NAME, link=NAME or remove=NAME.")
        note(context, request, key.identity, "CreateSignInLink")
        return {"url": self._address(self._sessions.link(worker=labellers.name(worker)))}
