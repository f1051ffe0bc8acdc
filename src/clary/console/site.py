"""The site: one request for a page through its steps, top to bottom.

host → origin → asset → page → session → body → the page itself → headers. Whatever is refused answers a page that says why
and the way out, or JSON to a script.
"""

from __future__ import annotations

import gzip
import ipaddress
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from clary.console import labellers, pages
from clary.console.assets import PREFIX, Assets
from clary.console.changes import Changes
from clary.console.cookies import Cookies
from clary.console.page import Page, Who
from clary.console.sessions import LINK, SESSION, Session, Sessions
from clary.console.templates import Templates
from clary.console.visit import NOBODY, Act, Visit
from clary.context import Context, Identity
from clary.errors import AccessDenied, ResourceNotFound, ServiceError
from clary.gateway import bodies
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.keys import USE, Keys

log = logging.getLogger(__name__)

HOME = "/_/"
LARGEST = 32 << 20
"""Bytes of what a page posts: a worker's answer may hold pictures."""

_EVENTS: dict[str, Who] = {"/_/events": "user", "/_/portal/events": "worker"}
# What AWS answers for some resources that are not there, with the code of a request that breaks a rule.
_MISSING = re.compile(r"^(?:Could not find|Requested resource not found|RecordNotFound)")
_PACKED = 1024  # bytes from which on a page is compressed
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: a form's Origin would be null then, by which forged ones are told.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Console:
    """``hosts``: names beside those of loopback that this server is asked by. ``foot``: lines at the end of the navigation.

    ``act`` is the door for pages, which the composition root hangs in.
    """

    act: Act

    def __init__(
        self,
        context: Context,
        keys: Keys,
        hosts: frozenset[str] = frozenset(),
        foot: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._context, self._keys, self._hosts = context, keys, hosts
        self.sessions = Sessions(context.store, context.now)
        self._cookies = Cookies(context.url)
        self._assets = Assets()
        self._pages = pages.discover()
        self._templates = Templates(self._assets, self._pages, foot)
        self._changes = Changes(context.store, frozenset({USE, LINK, SESSION}))

    def close(self) -> None:
        """End the streams to open pages."""
        self._changes.close()

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """The page, whatever happens to it; only a bug raises."""
        if (problem := self._refusal(request)) is not None:
            return _sealed(problem)
        if request.path == "/":
            return HttpAnswer(303, {"Location": HOME})
        if request.path.startswith(PREFIX) and (file := await run_in_threadpool(self._assets.answer, request)):
            return file
        found = self._find(request)
        visit = await run_in_threadpool(self._visit, request, found)
        try:
            if found is not None and request.method == "POST" and self._is_let_in(found[0], visit):
                assert request.stream is not None
                body = await bodies.read_whole(request.stream, LARGEST, request.headers.get("content-length"))
                visit = replace(visit, request=replace(request, body=body, stream=None))
        except ServiceError as error:
            return _sealed(await run_in_threadpool(self._told, visit, error))
        if request.path in _EVENTS and visit.session != NOBODY:
            return self._changes.answer()
        return await run_in_threadpool(self._shown, visit, found[0] if found else None)

    def _refusal(self, request: HttpRequest) -> HttpAnswer | None:
        """What keeps another site out: its name for this address, and its forms."""
        host = request.headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if not (_is_loopback(name) or name in self._hosts):
            text = f"This server is not {host!r}. Ask it by the address that `clary status` prints.\n"
            return HttpAnswer(421, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
        if request.method in {"GET", "HEAD"}:
            return None
        own = f"{'https' if request.secure else 'http'}://{host}"
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if (origin is None and site != "same-origin") or (origin is not None and origin != own):
            text = f"A form of {origin or 'another site'} may change nothing here. Open {own}{HOME} and do it there.\n"
            return HttpAnswer(403, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
        return None

    def _find(self, request: HttpRequest) -> tuple[Page, dict[str, str]] | None:
        method = "GET" if request.method == "HEAD" else request.method
        for page in self._pages:
            if page.method == method and (path := page.match(request.path)) is not None:
                return page, dict(path)
        return None

    def _visit(self, request: HttpRequest, found: tuple[Page, dict[str, str]] | None) -> Visit:
        who: Who = found[0].who if found else _EVENTS.get(request.path, "user")
        session = self.sessions.find(self._cookies.read(request, worker=who == "worker")) or NOBODY
        identity = self._identity(session)
        if identity is None:
            session = NOBODY
        return Visit(
            request=request,
            context=replace(self._context, identity=identity or Identity("")),
            session=session,
            path=found[1] if found else {},
            act=self.act,
            render=self._templates.render,
            sessions=self.sessions,
            cookies=self._cookies,
            identify=lambda session: self._identity(session) or Identity(""),
            assets=self._assets,
            key=self._keys.find(session.key) if session.key else None,
            changes=self._changes.state,
        )

    def _identity(self, session: Session) -> Identity | None:
        """Who is signed in, as the key says now; None once it was deleted, made inactive, or has expired."""
        if session.worker:
            return labellers.identity(self._context, session.worker)
        key = self._keys.find(session.key) if session.key else None
        return None if key is None or self._keys.is_over(key) else key.identity

    @staticmethod
    def _is_let_in(page: Page, visit: Visit) -> bool:
        return page.who == "anyone" or (
            visit.session != NOBODY and bool(visit.session.worker) == (page.who == "worker")
        )

    def _shown(self, visit: Visit, page: Page | None) -> HttpAnswer:
        request = visit.request
        try:
            if page is None and request.path not in _EVENTS:
                raise ResourceNotFound(f"There is no page {request.path}.", status=404)
            if page is None or not self._is_let_in(page, visit):
                raise AccessDenied("You are not signed in.", code="NotSignedIn", status=401)
            answer = page.show(visit)
        except ServiceError as error:
            answer = self._told(visit, error)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            text = "Clary made a mistake here. Its log (server.log in the data folder) says more."
            answer = self._told(visit, ServiceError(text, code="InternalFailure", status=500))
        return _packed(request, _sealed(answer))

    def _told(self, visit: Visit, error: ServiceError) -> HttpAnswer:
        """An error as a page, or to a script as JSON. The status is the error's; one of AWS's 400s that names nothing is 404."""
        missing = error.status == 400 and (
            error.code in {"ResourceNotFound", "NoSuchBucket", "NoSuchKey"} or bool(_MISSING.search(error.message))
        )
        status = 404 if missing else 403 if error.is_refusal else error.status
        if visit.wants_json:
            return visit.json({"message": error.message, "code": error.code}, status)
        template = "signed_out.html" if status == 401 else "error.html"
        return visit.show(template, status, error=error, missing=status == 404, refused=status == 403)


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _sealed(answer: HttpAnswer) -> HttpAnswer:
    """With the headers that every page has; those of its own win."""
    return replace(answer, headers={**_HEADERS, **answer.headers})


def _packed(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    body, kind = answer.body, answer.headers.get("Content-Type", "")
    if not isinstance(body, bytes) or len(body) < _PACKED or not kind.startswith(("text/", "application/json")):
        return answer
    if "gzip" not in request.headers.get("accept-encoding", "") or "Content-Encoding" in answer.headers:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return replace(answer, headers=headers, body=gzip.compress(body, 5, mtime=0))
