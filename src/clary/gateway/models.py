"""The service models, as botocore ships them: the truth of every protocol. Loaded when first asked for."""

from __future__ import annotations

import threading
from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVED = (
    "sagemaker",
    "sagemaker-runtime",
    "sagemaker-metrics",
    "sagemaker-featurestore-runtime",
    "s3",
    "sts",
    "iam",
    "logs",
    "cloudwatch",
    "cloudtrail",
    "kms",
)
"""The services that Clary knows; of each it serves the operations that ``clary status --operations`` lists."""

_lock = threading.Lock()
_loader = Loader()


def service(name: str) -> ServiceModel:
    """The model of a service; ``botocore.exceptions.UnknownServiceError`` if botocore has none."""
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> ServiceModel:
    return ServiceModel(_loader.load_service_model(name, "service-2"), name)


@cache
def by_target_prefix() -> dict[str, str]:
    """X-Amz-Target prefix → service."""
    return {prefix: name for name in SERVED if (prefix := service(name).metadata.get("targetPrefix"))}


@cache
def by_signing_name() -> dict[str, tuple[str, ...]]:
    """The service in a signature's scope → the services that sign so: ``sagemaker`` is four of them."""
    found: dict[str, tuple[str, ...]] = {}
    for name in SERVED:
        signing = service(name).signing_name
        found[signing] = (*found.get(signing, ()), name)
    return found


@cache
def by_query_version() -> dict[tuple[str, str], str]:
    """(API version, operation) of the query protocol → service."""
    return {
        (service(name).api_version, operation): name
        for name in SERVED
        if "query" in protocols(name)
        for operation in service(name).operation_names
    }


def protocols(name: str) -> list[str]:
    metadata = service(name).metadata
    return list(metadata.get("protocols") or [metadata["protocol"]])


def warm() -> None:
    """Load every model: for a thread beside the start, so that the first request finds them."""
    by_target_prefix()
    by_signing_name()
    by_query_version()
