"""Requests as bytes: signed by botocore, sent by a bare socket, so that nothing on the way repairs what is malformed."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
_PATIENCE = 20.0  # seconds for an answer: whoever waits longer calls it a hang


class _S3(S3SigV4Auth):
    """botocore's, which leaves a hash of the payload that is already there as it is."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        given = request.headers.get("X-Amz-Content-Sha256")
        super()._modify_request_before_signing(request)
        if given is not None:
            request.headers.replace_header("X-Amz-Content-SHA256", given)

    def payload(self, request: AWSRequest) -> str:
        return str(request.headers.get("X-Amz-Content-SHA256") or super().payload(request))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Wire:
    """A server's address and the owner's keys."""

    host: str
    port: int
    credentials: Credentials = field(repr=False)

    @classmethod
    def of(cls, url: str, data: Path) -> Wire:
        parts, keys = urlsplit(url), json.loads((data / "keys.json").read_text())
        return cls(parts.hostname or "", parts.port or 0, Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]))

    def connect(self) -> socket.socket:
        connection = socket.create_connection((self.host, self.port), timeout=_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def signed(
        self,
        service: str,
        method: str = "POST",
        target: str = "/",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> bytes:
        """A whole request with a signature that holds; ``target`` is the raw path and query."""
        url = f"http://{self.host}:{self.port}{target}"
        request = AWSRequest(method, url, dict(headers or {}), data=body)
        signer = _S3 if service == "s3" else SigV4Auth
        signer(self.credentials, service, "us-east-1").add_auth(request)
        given = {"Host": f"{self.host}:{self.port}", "Content-Length": str(len(body)), **dict(request.headers.items())}
        return head(method, target, given) + body

    def ask(self, request: bytes) -> Answer:
        """What the server says to these bytes. ``TimeoutError`` if it hangs."""
        found = self.ask_or_none(request)
        assert found is not None, "the server closed the connection without a word"
        return found

    def ask_or_none(self, request: bytes, *, end: bool = False) -> Answer | None:
        """The same; None if the server closes without a word.

        ``end``: say after them that no more will come.
        """
        with self.connect() as connection:
            try:
                connection.sendall(request)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has answered before it read all
            return answer(connection, request[:5] == b"HEAD ")


def head(method: str, target: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", "surrogateescape")


def answer(connection: socket.socket, is_head: bool = False) -> Answer | None:
    """The next answer that comes; None if the connection ends first."""
    response = http.client.HTTPResponse(connection, method="HEAD" if is_head else "GET")
    try:
        response.begin()
        body = response.read()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None
    finally:
        response.close()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
