"""Work teams of vendors on the AWS Marketplace: nobody can subscribe to one here, so there are none."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation


@operation
def describe_subscribed_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - see the module
    raise ValidationException(
        f"The work team {request['WorkteamArn']} is not subscribed: there is no Marketplace on this machine. Make a private "
        "work team by CreateWorkteam."
    )


@operation
def list_subscribed_workteams(context: Context, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - see the module
    return {"SubscribedWorkteams": []}
