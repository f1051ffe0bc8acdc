"""A visit of a page: who asks for what, and the ways to answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from clary.console.assets import Assets
from clary.console.cookies import Cookies
from clary.console.sessions import Session, Sessions
from clary.context import Context, Identity
from clary.errors import ValidationException
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.keys import Key
from clary.labelling import object_addresses
from clary.labelling.object_addresses import Signer

Act = Callable[[Context, HttpRequest, str, str, dict[str, Any]], dict[str, Any]]
"""The door for pages: ``Gateway.act``."""

Render = Callable[["Visit", str, Mapping[str, Any]], str]
"""A template's text, for a visit and with values."""

NOBODY = Session("", "", "")


@lru_cache(maxsize=4096)
def _signed(address: str, signer: Signer, region: str, seconds: int, _: int) -> str:
    """The same address for half its time, so that a page that is fetched anew does not load its pictures anew."""
    return object_addresses.signed(address, signer, region, seconds)


def _signer(key: Key) -> Signer:
    return Signer(key.access_key, key.secret, key.token)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """``path``: what the page's own path names by ``{name}``. ``context`` is for what no operation tells (the clock, a
    worker's tasks); its identity is whoever is signed in, ``key`` the access key that they are signed in by. What an
    operation does, a page asks for by ``call``.
    """

    request: HttpRequest
    context: Context
    session: Session = NOBODY
    path: Mapping[str, str] = field(default_factory=dict)
    act: Act
    render: Render
    sessions: Sessions
    cookies: Cookies
    identify: Callable[[Session], Identity]
    assets: Assets
    key: Key | None = None
    changes: str = ""  # the state that the page is made of, see changes.py

    @cached_property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark; of a name that comes twice the last."""
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of a form that was posted; of a name that comes twice the last."""
        try:
            return dict(parse_qsl(self.request.body.decode(), keep_blank_values=True, max_num_fields=1000))
        except ValueError:
            raise ValidationException("The form that was sent cannot be read.") from None

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON object that a script posted."""
        try:
            found = json.loads(self.request.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValidationException("What was sent is no JSON object.")
        return found

    @property
    def origin(self) -> str:
        """The address that the browser knows this server by: ``http://127.0.0.1:8780``."""
        return f"{'https' if self.request.secure else 'http'}://{self.request.headers['host']}"

    @property
    def wants_json(self) -> bool:
        """Whether a script asks, which reads no page."""
        return "text/html" not in self.request.headers.get("accept", "")

    def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        """What boto3 would be answered: with the rights of whoever is signed in. ``ServiceError`` becomes a page."""
        return self.act(self.context, self.request, service, operation, request)

    def object_address(self, bucket: str, key: str, seconds: int = 900) -> str:
        """Where the browser may read an object for a while, by the rights of whoever is signed in."""
        assert self.key is not None, "pages of users alone link to objects"
        address = f"{self.origin}/{bucket}/{quote(key)}"
        return _signed(address, _signer(self.key), self.context.region, seconds, int(time.monotonic() / seconds * 2))

    def signed(self, method: str, address: str, seconds: int = 3600) -> str:
        """An address of S3, with its query, where a script does what streams; by the same rights."""
        assert self.key is not None, "pages of users alone lead to objects"
        return object_addresses.signed(address, _signer(self.key), self.context.region, seconds, method)

    def show(self, template: str, status: int = 200, **values: Any) -> HttpAnswer:
        """The page that a template makes of these values."""
        text = self.render(self, template, values)
        return HttpAnswer(status, {"Content-Type": "text/html; charset=utf-8"}, text.encode())

    def json(self, value: Any, status: int = 200) -> HttpAnswer:
        return HttpAnswer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def go(self, path: str, **query: str) -> HttpAnswer:
        """Lead on to a page, which the browser asks for by GET; ``path`` as ``url`` makes it."""
        return HttpAnswer(303, {"Location": f"{path}?{urlencode(query)}" if query else path})
