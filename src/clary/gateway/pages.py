"""What is no AWS call: ``GET /`` of a browser, ``GET /health``, and under ``/_/`` the clock, the credentials of tasks and
the console."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from clary.gateway.health import OK, Health
from clary.gateway.http import HttpAnswer, HttpRequest

Page = Callable[[HttpRequest], HttpAnswer | Awaitable[HttpAnswer]]
"""A plain function runs in a thread and gets no body; a coroutine function finds it in ``request.stream``."""


class Site(Protocol):
    """Pages of a layer above, for browsers: they take every address under ``/_/`` that nothing else here answers."""

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """``request.stream`` is its body, unread."""


class Pages:
    """``credentials`` answers a task that asks for its role's keys (the path's rest, the Authorization header).

    ``own`` are Clary's own pages by their path: each answers a status and a document. ``site`` has those for browsers.
    """

    def __init__(
        self,
        credentials: Callable[[str, str], dict[str, str] | None],
        health: Health,
        own: Mapping[str, Callable[[HttpRequest], tuple[int, dict[str, Any]]]],
        site: Site,
    ) -> None:
        self._credentials = credentials
        self._look = health.look
        self._own, self._site = own, site

    def find(self, request: HttpRequest) -> Page | None:
        """The page of this address; None if the request is an AWS call."""
        if request.path == "/" and request.method == "GET" and self._is_browser(request):
            return self._site.answer
        if request.path == "/_/health" or (request.path == "/health" and self._is_probe(request)):
            return self._health
        if (own := self._own.get(request.path)) is not None:
            return lambda asked: _json(*own(asked))
        if request.path.startswith("/_/credentials/"):
            return self._task_credentials
        if request.path.startswith("/_/"):
            return self._site.answer
        return None

    @staticmethod
    def _is_browser(request: HttpRequest) -> bool:
        unsigned = "authorization" not in request.headers and not request.query
        return unsigned and "text/html" in request.headers.get("accept", "")

    @staticmethod
    def _is_probe(request: HttpRequest) -> bool:
        """Not a client that reads a bucket of that name: without a signature that would be refused anyway."""
        unsigned = "authorization" not in request.headers and not request.query
        return unsigned and request.method in {"GET", "HEAD"}

    def _health(self, _: HttpRequest) -> HttpAnswer:
        found = self._look()
        return _json(200 if found["status"] == OK else 503, found)

    def _task_credentials(self, request: HttpRequest) -> HttpAnswer:
        task = request.path.removeprefix("/_/credentials/")
        found = self._credentials(task, request.headers.get("authorization", ""))
        if found is None:
            return _json(
                403, {"message": "These credentials are a running task's own; its token is wrong or it has ended."}
            )
        return _json(200, found)


def _json(status: int, value: dict[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
