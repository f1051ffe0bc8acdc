"""The cookies of sessions: one for whoever has keys, one for whoever labels, which the portal alone is sent."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from clary.console.sessions import LONGEST
from clary.gateway.http import HttpRequest


class Cookies:
    """``url``: this server's; its port is part of the names, for a browser gives a cookie to every port of a machine."""

    def __init__(self, url: str) -> None:
        self._name = f"clary{url.rpartition(':')[2]}"

    def read(self, request: HttpRequest, *, worker: bool) -> str:
        """The secret that the browser holds; "" if none."""
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self._called(worker=worker))
        except CookieError:
            return ""
        return found.value if found is not None else ""

    def header(self, request: HttpRequest, secret: str, *, worker: bool) -> str:
        """What sets it; an empty secret removes it."""
        secure = "; Secure" if request.secure else ""
        ends = f"; Max-Age={int(LONGEST.total_seconds())}" if secret else "; Max-Age=0"
        path = "/_/portal" if worker else "/_/"
        return f"{self._called(worker=worker)}={secret}; Path={path}; HttpOnly; SameSite=Lax{ends}{secure}"

    def _called(self, *, worker: bool) -> str:
        return f"{self._name}_work" if worker else self._name
