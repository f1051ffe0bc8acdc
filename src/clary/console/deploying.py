"""A model behind an endpoint by one button: the three calls that it is, and what an unfinished try left taken over."""

from __future__ import annotations

import contextlib
from typing import Any

from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.keys import FIRST_ROLE_ARN

INSTANCE = "ml.m5.large"


def deploy(visit: Visit, name: str, *, model: str = "", containers: list[dict[str, Any]] | None = None) -> None:
    """CreateModel (of ``containers``, unless ``model`` names one), CreateEndpointConfig, CreateEndpoint, all of one name.

    A model or a configuration of that name that is there already, of an earlier try, is used; an endpoint is not.
    """
    if containers is not None:
        with _unless_there():
            visit.call(
                "sagemaker", "CreateModel", ModelName=name, ExecutionRoleArn=FIRST_ROLE_ARN, Containers=containers
            )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model or name,
        "InitialInstanceCount": 1,
        "InstanceType": INSTANCE,
    }
    with _unless_there():
        visit.call("sagemaker", "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])
    visit.call("sagemaker", "CreateEndpoint", EndpointName=name, EndpointConfigName=name)


def is_deployed(visit: Visit, name: str) -> bool:
    """Whether there is an endpoint of this name, as far as whoever is signed in may know."""
    try:
        visit.call("sagemaker", "DescribeEndpoint", EndpointName=name)
    except ServiceError:
        return False
    return True


@contextlib.contextmanager
def _unless_there() -> Any:
    try:
        yield
    except ServiceError as error:
        if "already exist" not in error.message:
            raise
