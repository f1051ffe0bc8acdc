"""InvokeEndpoint: the body goes to a variant's serving process, its answer comes back."""

from __future__ import annotations

import http.client
import threading
import time
from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.sagemaker_runtime import traffic, variants

_IDLE = 32  # connections kept open to each process


@operation
def invoke_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointName"]
    variant, port = variants.choose(context, "InvokeEndpoint", request)
    began, status = time.monotonic(), 0
    try:
        status, headers, answer = _ask(port, request.get("Body", b""), variants.headers(request), context, name)
    finally:
        traffic.add(context, name, variant, time.monotonic() - began, status)
    if not 200 <= status < 300:
        raise variants.model_error(context, name, status, answer)
    return {"Body": answer, **variants.members(variant, headers)}


class _Connections:
    """Idle keep-alive connections by port, so that a call costs no handshake."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[int, list[http.client.HTTPConnection]] = {}

    def take(self, port: int) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            idle = self._idle.get(port)
            if idle:
                return idle.pop(), True
        return http.client.HTTPConnection("127.0.0.1", port, timeout=variants.PATIENCE), False

    def give(self, port: int, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(port, [])
            if len(idle) < _IDLE:
                idle.append(connection)
                return
        connection.close()


_connections = _Connections()


def _ask(
    port: int, body: bytes, headers: dict[str, str], context: Context, endpoint: str
) -> tuple[int, dict[str, str], bytes]:
    while True:
        connection, used = _connections.take(port)
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
        except TimeoutError:
            connection.close()
            raise variants.timed_out(context, endpoint) from None
        except (OSError, http.client.HTTPException):
            connection.close()
            if used:  # the process closed it while it lay idle; the request was not read
                continue
            raise variants.unreachable(endpoint) from None
        try:
            answer = response.read()
        except TimeoutError:
            connection.close()
            raise variants.timed_out(context, endpoint) from None
        except (OSError, http.client.HTTPException):
            connection.close()
            raise variants.model_error(context, endpoint, 500, b"the answer broke off") from None
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            connection.close()
        else:
            _connections.give(port, connection)
        return response.status, found, answer
