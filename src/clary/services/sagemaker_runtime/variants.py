"""Which serving process a call goes to, and what is told when it does not answer as it should."""

from __future__ import annotations

import random
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.store.base import Record

PATIENCE = 60.0  # seconds that a container has for an answer

_NOT_YET = {
    "TargetModel": "multi-model endpoints",
    "TargetContainerHostname": "several containers",
    "EnableExplanations": "online explanations by Clarify",
    "InferenceComponentName": "inference components",
    "SessionId": "stateful sessions",
}


def choose(context: Context, operation: str, request: dict[str, Any]) -> tuple[str, int]:
    """The name and the port of the variant asked for, else of one by weight."""
    for member, what in _NOT_YET.items():
        if request.get(member):
            raise NotServed(f"{operation} with {member} is not served yet: Clary has no {what} so far.")
    endpoint = _find(context, request["EndpointName"])
    variants: dict[str, dict[str, Any]] = endpoint.body["_variants"]
    target = request.get("TargetVariant")
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
    return name, variants[name]["port"]


def headers(request: dict[str, Any]) -> dict[str, str]:
    """What the container is told beside the body."""
    wanted = {
        "Content-Type": request.get("ContentType"),
        "Accept": request.get("Accept"),
        "X-Amzn-SageMaker-Custom-Attributes": request.get("CustomAttributes"),
        "X-Amzn-SageMaker-Inference-Id": request.get("InferenceId"),
    }
    return {name: value for name, value in wanted.items() if value}


def members(variant: str, headers: dict[str, str]) -> dict[str, Any]:
    """What the caller is told beside the body; header names in lower case."""
    return {
        "ContentType": headers.get("content-type"),
        "InvokedProductionVariant": variant,
        "CustomAttributes": headers.get("x-amzn-sagemaker-custom-attributes"),
    }


def unreachable(endpoint: str) -> ServiceError:
    return ServiceError(
        f"The serving process of {endpoint} is not there; it is being started again.",
        code="ServiceUnavailable",
        status=503,
    )


def model_error(context: Context, endpoint: str, status: int, answer: bytes) -> ServiceError:
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


def timed_out(context: Context, endpoint: str) -> ServiceError:
    return ServiceError(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        f'from container primary. Review the latency metrics for each container, resolve the issue, and try again.". '
        f"See {_log_link(context, endpoint)} for more information.",
        code="ModelError",
        status=424,
        OriginalStatusCode=0,
        OriginalMessage="timed out",
    )


def broken_off(context: Context, endpoint: str, why: str, code: str = "StreamBroken") -> ServiceError:
    """A container that began to answer and did not end; ``code`` as InvokeEndpointWithResponseStream knows it."""
    return ServiceError(
        f"The container of {endpoint} {why}. See {_log_link(context, endpoint)} for more information.",
        code="ModelStreamError",
        ErrorCode=code,
    )


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


def _log_link(context: Context, endpoint: str) -> str:
    return (
        f"https://{context.region}.console.aws.amazon.com/cloudwatch/home?region={context.region}#logEventViewer:"
        f"group=/aws/sagemaker/Endpoints/{endpoint} in account {context.account} (here: clary logs {endpoint})"
    )
