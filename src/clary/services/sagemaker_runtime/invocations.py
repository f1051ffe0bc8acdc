"""InvokeEndpoint: the body goes to a variant's serving process, its answer comes back."""

from __future__ import annotations

import http.client
import random
import threading
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.store.base import Record

_PATIENCE = 60.0  # seconds that a container has for an answer
_IDLE = 32  # connections kept open to each process

_NOT_YET = {
    "TargetModel": "multi-model endpoints",
    "TargetContainerHostname": "several containers",
    "EnableExplanations": "online explanations by Clarify",
    "InferenceComponentName": "inference components",
    "SessionId": "stateful sessions",
}


@operation
def invoke_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, body = request["EndpointName"], request.get("Body", b"")
    for member, what in _NOT_YET.items():
        if request.get(member):
            raise NotServed(f"InvokeEndpoint with {member} is not served yet: Clary has no {what} so far.")
    endpoint = _find(context, name)
    variant, where = _choose(endpoint, request.get("TargetVariant"))
    status, headers, answer = _ask(where["port"], body, _headers(request), context, name)
    if not 200 <= status < 300:
        raise _model_error(context, name, status, answer)
    return {
        "Body": answer,
        "ContentType": headers.get("content-type"),
        "InvokedProductionVariant": variant,
        "CustomAttributes": headers.get("x-amzn-sagemaker-custom-attributes"),
    }


def _find(context: Context, name: str) -> Record:
    endpoint = context.store.get(context.region, "Endpoint", name)
    if endpoint is None:
        raise ServiceError(f"Endpoint {name} of account {context.account} not found.", code="ValidationError")
    if endpoint.status not in {"InService", "Updating"}:
        raise ServiceError(
            f"Endpoint {name} is in status {endpoint.status} and cannot be asked: wait until it is InService.",
            code="ValidationError",
        )
    return endpoint


def _choose(endpoint: Record, target: str | None) -> tuple[str, dict[str, Any]]:
    """The variant asked for, else one by weight."""
    variants: dict[str, dict[str, Any]] = endpoint.body["_variants"]
    if target is not None:
        if target not in variants:
            raise ServiceError(
                f"Variant {target} not found on endpoint {endpoint.name}; it has {', '.join(variants)}.",
                code="ValidationError",
            )
        name = target
    else:
        weights = [variant["weight"] for variant in variants.values()]
        # Spreading traffic is no secret.
        name = random.choices(list(variants), weights if sum(weights) else None)[0]  # noqa: S311
    if "port" not in variants[name]:  # its process died and the next one is not up yet
        raise ServiceError(f"Variant {name} is starting again.", code="ServiceUnavailable", status=503)
    return name, variants[name]


def _headers(request: dict[str, Any]) -> dict[str, str]:
    wanted = {
        "Content-Type": request.get("ContentType"),
        "Accept": request.get("Accept"),
        "X-Amzn-SageMaker-Custom-Attributes": request.get("CustomAttributes"),
        "X-Amzn-SageMaker-Inference-Id": request.get("InferenceId"),
    }
    return {name: value for name, value in wanted.items() if value}


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
        return http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE), False

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
            answer = response.read()
        except TimeoutError:
            connection.close()
            raise _timed_out(context, endpoint) from None
        except (OSError, http.client.HTTPException):
            connection.close()
            if used:  # the process closed it while it lay idle; the request was not read
                continue
            raise ServiceError(
                f"The serving process of {endpoint} is not there; it is being started again.",
                code="ServiceUnavailable",
                status=503,
            ) from None
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            connection.close()
        else:
            _connections.give(port, connection)
        return response.status, found, answer


def _model_error(context: Context, endpoint: str, status: int, answer: bytes) -> ServiceError:
    text = answer.decode("utf-8", "replace")
    side = "server" if status >= 500 else "client"
    log = _log_link(context, endpoint)
    return ServiceError(
        f'Received {side} error ({status}) from primary with message "{text[:4096]}". See {log} for more information.',
        code="ModelError",
        status=424,
        OriginalStatusCode=status,
        OriginalMessage=text[:4096],
        LogStreamArn=f"arn:aws:logs:{context.region}:{context.account}:log-group:/aws/sagemaker/Endpoints/{endpoint}",
    )


def _timed_out(context: Context, endpoint: str) -> ServiceError:
    return ServiceError(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        f'from container primary. Review the latency metrics for each container, resolve the issue, and try again.". '
        f"See {_log_link(context, endpoint)} for more information.",
        code="ModelError",
        status=424,
        OriginalStatusCode=0,
        OriginalMessage="timed out",
    )


def _log_link(context: Context, endpoint: str) -> str:
    return (
        f"https://{context.region}.console.aws.amazon.com/cloudwatch/home?region={context.region}#logEventViewer:"
        f"group=/aws/sagemaker/Endpoints/{endpoint} in account {context.account} (here: clary logs {endpoint})"
    )
