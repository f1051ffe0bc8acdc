"""Asking the model's container: one connection for each thread, with a time limit, again where that may help.

What is asked again: an answer of 500 or more, none in time, a connection that broke. Source: the API reference of
ModelClientConfig; the texts are those that AWS writes to a job's data-log.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PIECE = 1 << 20  # bytes of a chunk
_FIRST_PAUSE = 0.25  # seconds before asking again; each next one is twice as long


class ModelFailed(Exception):
    """``blame``: as a FailureReason begins. ``words``: what stands in the log below it, such as the answer's body."""

    def __init__(self, blame: str, text: str, words: str = "") -> None:
        super().__init__(text)
        self.blame, self.words = blame, words


@dataclass(frozen=True)
class Answer:
    body: bytes
    content_type: str


class Invocations:
    """``port`` of loopback. ``headers`` go with each request. ``timeout``: seconds. ``chunked``: sent so, in pieces."""

    def __init__(self, port: int, headers: Mapping[str, str], timeout: float, retries: int, *, chunked: bool) -> None:
        self._port, self._headers, self._timeout = port, headers, timeout
        self._retries, self._chunked = retries, chunked
        self._local = threading.local()

    def parameters(self) -> dict[str, Any]:
        """What the container proposes (GET /execution-parameters); empty if it proposes nothing."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            connection = self._connection()
            connection.request("GET", "/execution-parameters")
            response = connection.getresponse()
            found = json.loads(response.read())
            if response.status == 200 and isinstance(found, dict):
                return found
        self._forget()
        return {}

    def ask(self, body: bytes | memoryview) -> Answer:
        """``ModelFailed`` once there is no use in asking again."""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                return self._ask(body)
            except ModelFailed as error:
                if error.blame == "ClientError" or attempt == self._retries:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, body: bytes | memoryview) -> Answer:
        try:
            status, kind, answer = self._exchange(body)
        except TimeoutError:
            self._forget()
            raise ModelFailed(
                "AlgorithmError",
                f"Model server did not respond to /invocations request within {self._timeout:g} seconds",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            raise ModelFailed("AlgorithmError", "Unable to get response from algorithm", repr(error)) from None
        words = answer[:4096].decode("utf-8", "replace") if status >= 300 else ""
        if 400 <= status < 500:
            raise ModelFailed("ClientError", str(status), words)
        if not 200 <= status < 300:
            raise ModelFailed("AlgorithmError", f"Bad HTTP status received from algorithm: {status}", words)
        return Answer(answer, kind)

    def _exchange(self, body: bytes | memoryview) -> tuple[int, str, bytes]:
        while True:
            used = getattr(self._local, "connection", None) is not None
            connection = self._connection()
            try:
                if self._chunked:
                    headers = {**self._headers, "Transfer-Encoding": "chunked"}
                    connection.request("POST", "/invocations", _pieces(body), headers, encode_chunked=True)
                else:
                    connection.request("POST", "/invocations", body, self._headers)
                response = connection.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self._forget()
                if used:  # it was closed while it lay idle; the request was not read
                    continue
                raise
            answer = response.read()
            if response.will_close:
                self._forget()
            return response.status, response.headers.get("Content-Type", ""), answer

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
            self._local.connection = connection
        return connection

    def _forget(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


def _pieces(body: bytes | memoryview) -> Iterator[bytes | memoryview]:
    view = memoryview(body)
    for at in range(0, len(view), _PIECE):
        yield view[at : at + _PIECE]
