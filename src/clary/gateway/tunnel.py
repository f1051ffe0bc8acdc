"""The tunnel: a proxy on loopback by which clients that wire AWS's address in reach Clary, and none reaches AWS.

It takes CONNECT. For a name below amazonaws.com it is the host itself: it does the TLS handshake under a certificate of
Clary's own CA and hands the bytes to the gateway. AWS's names elsewhere are refused, for no certificate of ours may
cover them and no call may leave by mistake. Every other host is passed through unread, by the user's proxy where one
was set when the server started.

Not covered: who asks. Whoever has an account on this machine can use it, as any proxy on loopback; the gateway behind
it checks signatures as ever.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from clary.gateway.certificates import DOMAIN, Authority
from clary.gateway.pipes import Head, HeadTooLong, Pipe, pair
from clary.gateway.upstream import Routes, UnknownProxy, Upstream

log = logging.getLogger(__name__)

P = TypeVar("P", bound=asyncio.BaseProtocol)

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PATIENCE = 30.0  # seconds for a head, a connection or a handshake
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# AWS's names that a certificate of ours cannot cover: China, Europe's own cloud, the dual-stack names.
_ELSEWHERE = ("amazonaws.com.cn", "amazonaws.eu", "api.aws", "on.aws")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_TARGET = re.compile(r"(?:\[([0-9a-f:.%]+)\]|([^:\[\]/@]+)):(\d{1,5})", re.IGNORECASE)
_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Tunnel:
    """Answers AWS's names from the gateway on ``gateway_port``; ``environment`` tells the user's own proxy.

    ``only_aws``: every other host is refused.
    """

    def __init__(
        self,
        gateway_port: int,
        authority: Authority,
        environment: Mapping[str, str] | None = None,
        patience: float = _PATIENCE,
        *,
        only_aws: bool = False,
    ) -> None:
        self._gateway_port, self._authority, self._patience = gateway_port, authority, patience
        self._only_aws = only_aws
        self._routes = Routes(os.environ if environment is None else environment)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket | int = 0) -> int:
        """Serve on a listening socket or a port of loopback (0 picks one); returns the port."""
        loop = asyncio.get_running_loop()
        if isinstance(listener, int):
            self._server = await loop.create_server(lambda: Head(self._accept), "127.0.0.1", listener)
        elif listener.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(lambda: Head(self._accept), sock=listener)
            return 0
        else:
            self._server = await loop.create_server(lambda: Head(self._accept), sock=listener)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(self, client: Head) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Head) -> None:
        opened: list[asyncio.Transport] = [client.transport]
        try:
            try:
                ends = await self._connect(client, opened)
            except _Refused as refused:
                client.transport.write(_answer(refused.status, refused.text))
                client.transport.close()
                return
            await asyncio.gather(*(end.lost for end in ends))
        except OSError as error:  # the client went away, or does not trust our certificate
            log.debug("a connection ended early: %s", error)
        finally:
            for transport in opened:
                if not transport.is_closing():
                    transport.abort()

    async def _connect(self, client: Head, opened: list[asyncio.Transport]) -> tuple[Pipe, Pipe]:
        """Do what the client's head asks for; the two ends, joined."""
        try:
            async with asyncio.timeout(self._patience):
                head, rest = await client.found
        except TimeoutError:
            raise _Refused(408, "No request came.") from None
        except HeadTooLong:
            raise _Refused(431, "The request's head is larger than 16 KiB.") from None
        host, port = _target(head)
        if host == DOMAIN or host.endswith(f".{DOMAIN}"):
            if rest:
                raise _Refused(400, "Bytes came before the tunnel was there.")
            return await self._answer_as(host, client, opened)
        if host.endswith(tuple(f".{name}" for name in _ELSEWHERE)):
            raise _Refused(
                403,
                f"{host} belongs to AWS, and Clary lets no call out to AWS. It answers the names below {DOMAIN} "
                "itself: use a region and an endpoint there, or `clary env --no-proxy`.",
            )
        if self._only_aws:
            raise _Refused(
                403, f"{host} is out of reach: this job reaches Clary alone. CLARY_JOB_NETWORK=on lets jobs out."
            )
        return await self._pass(host, port, client, rest, opened)

    async def _answer_as(self, host: str, client: Head, opened: list[asyncio.Transport]) -> tuple[Pipe, Pipe]:
        """Be the host: TLS with the client, plain bytes to the gateway."""
        loop = asyncio.get_running_loop()
        context = self._authority.context(host)
        near, far = pair()
        transport, _ = await self._dial(loop.create_connection(lambda: far, "127.0.0.1", self._gateway_port), host)
        opened.append(transport)
        client.transport.write(_ESTABLISHED)
        try:
            secure = await loop.start_tls(
                client.transport, near, context, server_side=True, ssl_handshake_timeout=self._patience
            )
        except ssl.SSLError as error:
            log.info(
                "a client broke off TLS as %s (%s): does it trust Clary's CA? `clary env` sets what it needs",
                host,
                error.reason,
            )
            raise
        if secure is None:
            raise ConnectionResetError("the client went away during the handshake")
        opened.append(secure)
        near.attach(secure)
        far.flow()
        return near, far

    async def _pass(
        self, host: str, port: int, client: Head, rest: bytes, opened: list[asyncio.Transport]
    ) -> tuple[Pipe, Pipe]:
        """Join the client to another host, unread."""
        proxy = self._proxy(host, port)
        near, far = pair()
        early = b""
        if proxy is None:
            loop = asyncio.get_running_loop()
            transport, _ = await self._dial(loop.create_connection(lambda: far, host, port), host)
            opened.append(transport)
        else:
            upstream, early = await self._through(proxy, host, port, opened)
            far.take(upstream)
        near.take(client.transport)
        near.send(_ESTABLISHED + early)
        far.send(rest)
        near.flow()
        far.flow()
        return near, far

    def _proxy(self, host: str, port: int) -> Upstream | None:
        try:
            proxy = self._routes.to(host, port)
        except UnknownProxy as problem:
            raise _Refused(502, f"{host} cannot be reached: {problem}.") from None
        if host in _LOOPBACK and port == self._port:
            raise _Refused(400, "That is the tunnel itself.")
        if proxy is not None and proxy.host in _LOOPBACK and proxy.port == self._port:
            return None  # it is this tunnel
        return proxy

    async def _through(
        self, proxy: Upstream, host: str, port: int, opened: list[asyncio.Transport]
    ) -> tuple[asyncio.Transport, bytes]:
        """A connection to the host through the user's proxy, and what came on it already."""
        loop = asyncio.get_running_loop()
        name = f"the proxy {proxy.host}:{proxy.port}"
        tls = ssl.create_default_context() if proxy.tls else None
        transport, answer = await self._dial(loop.create_connection(Head, proxy.host, proxy.port, ssl=tls), name)
        opened.append(transport)
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        authorization = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
        transport.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n".encode())
        try:
            async with asyncio.timeout(self._patience):
                head, early = await answer.found
        except TimeoutError:
            raise _Refused(504, f"{name} does not answer.") from None
        except (HeadTooLong, OSError) as error:
            raise _Refused(
                502, f"{name} gives no answer that can be read: {error or 'its head is too long'}."
            ) from None
        status = head.split(b"\r\n", 1)[0].decode("latin-1")
        if not re.match(r"HTTP/1\.[01] 2\d\d", status):
            raise _Refused(502, f"{name} refuses the way to {host}: {status[:100]}")
        return transport, early

    async def _dial(
        self, connecting: Coroutine[Any, Any, tuple[asyncio.Transport, P]], name: str
    ) -> tuple[asyncio.Transport, P]:
        try:
            async with asyncio.timeout(self._patience):
                transport, protocol = await connecting
        except TimeoutError:
            raise _Refused(504, f"{name} does not answer.") from None
        except OSError as error:
            raise _Refused(502, f"{name} cannot be reached: {error.strerror or error}.") from None
        if (plain := transport.get_extra_info("socket")) is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # an end that went silent is found out
        return transport, protocol


def _target(head: bytes) -> tuple[str, int]:
    """The host (lower case, without a last dot) and port that a CONNECT names."""
    line = head.split(b"\r\n", 1)[0].decode("latin-1")
    method, _, rest = line.partition(" ")
    if method != "CONNECT":
        raise _Refused(
            405,
            "This is Clary's tunnel: it takes CONNECT, as clients send for https. Set it as HTTPS_PROXY, not as "
            "HTTP_PROXY (`clary env` does). The API is at AWS_ENDPOINT_URL.",
        )
    match = _TARGET.fullmatch(rest.partition(" ")[0])
    host = (match.group(1) or match.group(2)).lower().removesuffix(".") if match else ""
    if match is None or not 0 < int(match.group(3)) < 65536 or not (match.group(1) or _HOST.fullmatch(host)):
        raise _Refused(400, "CONNECT takes a host and a port, as in CONNECT sts.us-east-1.amazonaws.com:443")
    return host, int(match.group(3))


def _answer(status: int, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
