"""``POST /_/links``: an address that signs somebody in, once. The request is signed as those of AWS are.

Who signs gets one for themselves; the owner may ask for a user's by ``user=NAME``, for a worker's by ``worker=NAME``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from clary import keys as access_keys
from clary.console.sessions import Sessions
from clary.console.signing_in import SIGN_IN, note
from clary.context import Context
from clary.errors import AccessDenied, ResourceNotFound, ServiceError
from clary.gateway import signature
from clary.gateway.authentication import authenticate
from clary.gateway.http import HttpRequest
from clary.gateway.signature import SignatureProblem
from clary.keys import Key, Keys


class LinksPage:
    """``url``: the address by which browsers reach this server."""

    def __init__(self, context: Context, keys: Keys, sessions: Sessions, url: str) -> None:
        self._context, self._keys, self._sessions, self._url = context, keys, sessions, url

    def answer(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        """A status and a document: the ``url``, or a ``message`` that says what is wrong."""
        try:
            _, key = authenticate(signature.read_claim(request), request, self._keys, request.path)
        except SignatureProblem as problem:
            return 403, {"message": f"The request is not signed by a key that counts ({problem.reason})."}
        if request.method != "POST":
            return 405, {"message": "Links takes POST."}
        asked = dict(signature.query_pairs(request.query))
        try:
            secret = self._secret(key, asked)
        except ServiceError as error:
            return error.status, {"message": error.message}
        note(self._context, request, key.identity, "CreateSignInLink")
        return 200, {"url": self.address(secret)}

    def of_owner(self, key: Key) -> str:
        """An address for the owner, whose key this is."""
        return self.address(self._sessions.link(key=key.access_key))

    def address(self, secret: str) -> str:
        return f"{self._url}{SIGN_IN}?{urlencode({'token': secret})}"

    def _secret(self, key: Key, asked: dict[str, str]) -> str:
        user = asked.get("user", "")
        if not user:
            return self._sessions.link(key=key.access_key)
        if not key.identity.owner:
            raise AccessDenied(f"Links for others are the owner's to make, not {key.arn}'s.", status=403)
        usable = [record.name for record in access_keys.of_user(self._context.store, user) if record.status == "Active"]
        if not usable:
            raise ResourceNotFound(
                f"There is no user {user} with an active key. `clary users add {user}` makes one.", status=404
            )
        return self._sessions.link(key=usable[0])
