"""The ASGI application: one request through its steps, top to bottom.

identify → authenticate → parse → validate → authorize → call → serialize. What is refused on the way is answered in
the form of the protocol that the request came in.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import logging
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

from botocore import xform_name
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from clary.context import Context, Handler, Identity
from clary.errors import DiskFull, NotServed, ServiceError
from clary.gateway import bodies, browsers, cors, form_uploads, models, routing, signature
from clary.gateway.answers import send_answer
from clary.gateway.audit import Call, Trail
from clary.gateway.authentication import Family, authenticate, refusal
from clary.gateway.authorization import Authorization
from clary.gateway.bodies import PayloadHash
from clary.gateway.form_uploads import FormUpload
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.pages import Pages
from clary.gateway.routing import Route
from clary.gateway.signature import SignatureProblem
from clary.gateway.threads import Threads
from clary.gateway.told import told
from clary.gateway.validation import validate
from clary.gateway.waiting import Waiting
from clary.gateway.zero_copy import ZERO_COPY
from clary.keys import Key, Keys

log = logging.getLogger(__name__)

# Of a body that an early answer leaves unread, so many bytes are taken in all the same, and for so many seconds: whoever
# is still sending would find the connection reset and not the answer.
_LEFT, _LINGER = 16 << 20, 2.0
_SHORT = 64 << 10  # bytes of a body that are hashed or parsed in less than a millisecond


class Gateway:
    """``operations`` by (service, snake_case name); ``pages`` answers what is no AWS call (``/_/...``)."""

    def __init__(self, context: Context, keys: Keys, operations: dict[tuple[str, str], Handler], pages: Pages) -> None:
        self._context, self._keys, self._pages = context, keys, pages
        self._operations = operations
        self._threads = Threads()
        self._waiting = Waiting(context.store, self._threads)
        self._authorization = Authorization(self.call)
        self._trail = Trail(context.audit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":  # a browser may try a websocket
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = Headers(scope=scope)
        request = HttpRequest(
            method=scope["method"],
            path=scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            client=(scope.get("client") or ("127.0.0.1",))[0],  # a Unix socket's has no address
            secure=scope.get("scheme") == "https",
        )
        body = _Stream(receive, self._context.settings.body_seconds)
        if (page := self._pages.find(request)) is not None:
            if inspect.iscoroutinefunction(page):
                answer = await page(replace(request, stream=aiter(body)))
            else:
                answer = await run_in_threadpool(page, request)
        else:
            answer = await self._answer(request, body, (scope.get("client") or ("",))[0])
        if not body.ended and (body.begun or "expect" not in headers):
            await body.drain()
        await send_answer(
            answer,
            send,
            head=request.method == "HEAD",
            close=not body.ended,
            gone=body.gone,
            zero_copy=ZERO_COPY in scope.get("extensions", {}),
        )

    def call(self, context: Context, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """The door for those inside: validated and handled as a client's request is."""
        model = models.service(service).operation_model(operation)
        validate(model, request)
        with self._trail.inside(context, model, request):
            result = self._handler(service, operation)(context, request)
        if inspect.iscoroutine(result):
            result.close()
            raise NotServed(f"{service}:{operation} streams its body; use the objects behind it instead")
        return dict(result or {})

    def act(
        self, context: Context, http: HttpRequest, service: str, operation: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The door for pages: a call of whoever is signed in, with their rights and no more, told in the trail as theirs.

        ``http``: the request for the page, whose address and browser the trail names.
        """
        route = routing.named(service, operation, http)
        with self._trail.follow(str(uuid.uuid4()), http, http.client, page=True) as call:
            call.route, call.identity, call.request, call.region = route, context.identity, request, context.region
            try:
                return self._act(call, route, context)
            except ServiceError as error:
                call.error = error
                raise

    def _act(self, call: Call, route: Route, context: Context) -> dict[str, Any]:
        validate(route.operation, call.request)
        handler = self._handler(route.service, route.operation.name)
        if inspect.iscoroutinefunction(handler):
            raise NotServed(f"{route.service}:{route.operation.name} streams its body; a page links to it instead")
        if not self._authorization.is_free(context, route.operation):
            handler = self._authorization.admit(context, route, call.request, handler)
        self._trail.board(call)
        result: dict[str, Any] = told(route.operation.output_shape, handler(context, call.request) or {})
        return result

    async def _answer(self, http: HttpRequest, body: _Stream, address: str) -> HttpAnswer:
        """The answer of a call, with what lets a web page read it where a bucket's CORS rules do."""
        if http.method == "OPTIONS":
            return await run_in_threadpool(self._preflight, http)
        with self._trail.follow(str(uuid.uuid4()), http, address) as call:
            answer = await self._outcome(call, body)
        if "origin" in http.headers and (call.route is None or call.route.service == "s3"):
            path, buckets = routing.path_style(http), self._context.buckets
            answer = await run_in_threadpool(cors.shared, http, path, buckets, answer)
        return browsers.harmless(http, answer)

    def _preflight(self, http: HttpRequest) -> HttpAnswer:
        try:
            return cors.preflight(http, routing.path_style(http), self._context.buckets)
        except ServiceError as error:
            return routing.serialize_error(http, None, error, str(uuid.uuid4()))

    async def _outcome(self, call: Call, body: _Stream) -> HttpAnswer:
        http = call.http
        form: FormUpload | None = None
        try:
            if form_uploads.is_upload(http, path := routing.path_style(http)):
                form = await form_uploads.read(http, path, aiter(body))
                call.claim, http = form.claim, form.put
            else:
                call.claim, http = await _identify(http, body)
            call.route = route = routing.route(http, call.claim.service if call.claim else None)
            http = await _with_body(route, body)
            identity, key = await self._authenticate(call.claim, http, route)
            call.identity = identity
            assert call.claim is not None  # authenticate refuses a request without a claim
            context = replace(self._context, region=call.claim.region, identity=identity)
            answer = await self._serve(call, replace(call.route, request=http), context, key)
            return form.answer(answer) if form else answer
        except SignatureProblem as problem:
            call.error = refusal(problem, _family(http, call.route))
        except ServiceError as error:
            # Without its frames: they hold the call, and the two would hold a long body until they are collected.
            call.error = error.with_traceback(None)
        except Exception as error:
            log.exception("%s %s failed", http.method, http.path)
            call.error = _failure(error, call.route)
        return routing.serialize_error(http, call.route, call.error, call.request_id)

    async def _authenticate(
        self, claim: signature.Claim | None, http: HttpRequest, route: Route
    ) -> tuple[Identity, Key]:
        # A thread takes longer than a signature; the store and a long body take longer than a thread.
        if claim is None or (self._keys.is_at_hand(claim.access_key) and len(http.body) <= _SHORT):
            return authenticate(claim, http, self._keys, route.resource)
        return await run_in_threadpool(authenticate, claim, http, self._keys, route.resource)

    async def _serve(self, call: Call, route: Route, context: Context, key: Key) -> HttpAnswer:
        http = route.request
        handler = self._handler(route.service, route.operation.name)
        beside: dict[str, Any] = {}
        if http.stream is not None:
            assert call.claim is not None
            streams = route.operation.has_streaming_input
            stream, beside = _checked(http.stream, http, call.claim, key, streams=streams)
            if streams:
                http = replace(http, stream=stream)
            else:
                length = http.headers.get("content-length")
                http = replace(http, body=await bodies.read_whole(stream, bodies.DOCUMENT, length, "s3"), stream=None)
        read = partial(_members, route, http)
        # A long document takes its time, which is nobody else's.
        request = read() if len(http.body) <= _SHORT else await self._threads.run_long(read)
        call.request = request
        operation = route.operation
        if not self._authorization.is_free(context, operation):
            handler = await run_in_threadpool(self._authorization.admit, context, route, request, handler)
        self._trail.board(call)
        request |= beside
        try:
            if inspect.iscoroutinefunction(handler):
                result = await handler(context, request)
            else:
                result = await self._waiting.call(operation, http, lambda: handler(context, request))
        except ServiceError as error:
            told = self._authorization.told(context, route, request, error)
            if told is error:
                raise
            raise told from error
        answer: HttpAnswer = route.protocol.serialize(operation, result or {}, call.request_id)
        return answer

    def _handler(self, service: str, operation: str) -> Handler:
        handler = self._operations.get((service, xform_name(operation)))
        if handler is None:
            raise NotServed(f"{service}:{operation} is not served by Clary. `clary status --operations` lists what is.")
        return handler


def _members(route: Route, http: HttpRequest) -> dict[str, Any]:
    request: dict[str, Any] = route.protocol.parse(route.operation, http, route.labels)
    validate(route.operation, request)
    return request


class _Stream:
    """The request's body in pieces, as the server receives them; ``patience``: seconds for the next one."""

    def __init__(self, receive: Receive, patience: float) -> None:
        self._receive, self._patience = receive, patience
        self.begun = self.ended = False

    async def drain(self) -> None:
        """Read on for a while and keep nothing."""
        left = _LEFT
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                async for piece in self:
                    left -= len(piece)
                    if left < 0:
                        return

    async def gone(self) -> None:
        """Returns when the client went away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun = True
        while not self.ended:
            try:
                async with asyncio.timeout(self._patience):
                    message: Message = await self._receive()
            except TimeoutError:
                raise bodies.too_slow(self._patience) from None
            if message["type"] == "http.disconnect":
                self.ended = True
                raise bodies.incomplete()
            self.ended = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]


async def _identify(http: HttpRequest, body: _Stream) -> tuple[signature.Claim | None, HttpRequest]:
    """The claim, and the request; a form's body is needed to know its operation."""
    claim = signature.read_claim(http)
    is_form = http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if is_form and not (claim and claim.service == "s3"):  # an object may have any content type
        http = await _whole(http, body, bodies.FORM)
    return claim, http


async def _with_body(route: Route, body: _Stream) -> HttpRequest:
    """The request with its body: whole, but a stream for S3, whose signatures declare what it must be."""
    http = route.request
    if http.stream is not None or body.ended:  # a form's
        return http
    if route.service == "s3":
        if route.operation.has_streaming_input:
            given = http.headers
            bodies.check_object(given.get("x-amz-decoded-content-length") or given.get("content-length"))
        return replace(http, stream=aiter(body))
    return await _whole(http, body, bodies.limit(route.service), route.service)


async def _whole(http: HttpRequest, body: _Stream, most: int, service: str = "") -> HttpRequest:
    """The request with its body, out of its Content-Encoding."""
    sent = await bodies.read_whole(aiter(body), most, http.headers.get("content-length"), service)
    bodies.check_whole(sent, http.headers.get("x-amz-content-sha256", signature.UNSIGNED))
    encoding = http.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return replace(http, body=sent)
    return replace(http, body=await run_in_threadpool(bodies.unpack, sent, encoding, most), packed=sent)


def _checked(
    stream: AsyncIterator[bytes], http: HttpRequest, claim: signature.Claim, key: Key, *, streams: bool
) -> tuple[AsyncIterator[bytes], dict[str, Any]]:
    """The stream out of its framing, and what whoever reads it must look at; an error at its end if it is not as signed.

    ``_trailers`` fill when it is read to its end. Where the operation ``streams`` its body, the hash that its pieces must
    have together is not computed here: ``_payload`` is that of whoever takes them in.
    """
    declared = http.headers.get("x-amz-content-sha256", signature.UNSIGNED)
    if declared.startswith(bodies.STREAMING):
        length = http.headers.get("x-amz-decoded-content-length", "")
        chunked = bodies.Chunked(
            stream,
            declared,
            int(length) if re.fullmatch("[0-9]{1,19}", length) else None,
            claim,
            signature.signing_key(key.secret, claim),
        )
        return aiter(chunked), {"_trailers": chunked.trailers}
    if bodies.is_plain_hash(declared):
        return (stream, {"_payload": PayloadHash(declared)}) if streams else (bodies.checked(stream, declared), {})
    return stream, {}


def _failure(error: Exception, route: Route | None) -> ServiceError:
    """What a client is told of an error that is none of its own."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull("the data folder")
    return ServiceError(
        "We encountered an internal error. Clary's log (server.log in the data folder) says more.",
        code="InternalError" if route and route.service == "s3" else "InternalFailure",
        status=500,
    )


def _family(http: HttpRequest, route: Route | None) -> Family:
    name = routing.protocol_name(http, route)
    if name == "rest-xml":
        return "s3"
    return "query" if name in {"query", "ec2"} else "rest-json" if name == "rest-json" else "json"


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
