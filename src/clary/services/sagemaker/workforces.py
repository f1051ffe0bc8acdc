"""The workforce of a region: create, describe, list, update, delete. It names the user pool that work teams refer to.

There is no user pool on this machine: its names are kept as they are given. Who labels are Clary's own workers
(``clary.labelling.workers``), who sign in by a link, so what would let others in, or keep them out, is refused.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

WORKFORCES = Kind(
    name="Workforce",
    type="workforce",
    status="Status",
    missing=(ValidationException, "No workforce found with name {name} in this account and region."),
    taken=(ValidationException, "A workforce with the name {name} already exists in this account and region."),
)

PORTAL = "/_/work"
"""The path of the workers' pages."""

_EVERYBODY = ["0.0.0.0/0", "::/0"]


@operation
def create_workforce(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if ("CognitoConfig" in request) == ("OidcConfig" in request):
        raise ValidationException("Specify either CognitoConfig or OidcConfig, and not both.")
    return {"WorkforceArn": create(context, request).arn}


@operation
def describe_workforce(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Workforce": told(context, WORKFORCES.find(context, request["WorkforceName"]))}


@operation
def list_workforces(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = WORKFORCES.page(context, request, sort_by="Name", order="Ascending", sorts={"CreateDate": "created"})
    return {"Workforces": [told(context, workforce) for workforce in shown], **more}


@operation
def update_workforce(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request, "UpdateWorkforce")
    members = resources.given(request, "SourceIpConfig", "IpAddressType")
    return {"Workforce": told(context, WORKFORCES.update(context, request["WorkforceName"], members))}


@operation
def delete_workforce(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(workforce: Record) -> None:
        if used := resources.matching(context, "Workteam", ("WorkforceArn", "=", workforce.arn), limit=1):
            raise ResourceInUse(
                f"The workforce {workforce.name} has work teams ({used[0].name}): delete them before you delete it."
            )

    WORKFORCES.delete(context, request["WorkforceName"], check)
    return {}


def create(context: Context, members: dict[str, Any]) -> Record:
    """The region's one workforce; ``ValidationException`` if there is one already."""
    _refuse(members, "CreateWorkforce")
    name = members["WorkforceName"]
    made = WORKFORCES.create(context, name, members, status="Active")
    if others := [each.name for each in WORKFORCES.all(context) if each.name != name]:
        context.store.delete(made)
        raise ValidationException(
            f"You can only create one workforce in each AWS Region per AWS account: {others[0]} is there already."
        )
    return made


def told(context: Context, workforce: Record) -> dict[str, Any]:
    """As Describe tells it."""
    return {
        **workforce.body,
        "SubDomain": portal(context),
        "CreateDate": workforce.body["CreationTime"],
        "LastUpdatedDate": workforce.body["LastModifiedTime"],
    }


def portal(context: Context) -> str:
    """Where workers sign in, without a scheme, as AWS tells it."""
    return context.url.partition("://")[2] + PORTAL


def _refuse(members: dict[str, Any], operation: str) -> None:
    if members.get("OidcConfig"):
        raise NotServed(
            f"{operation} with OidcConfig is not served: workers sign in by Clary's own links. Give a CognitoConfig, whose "
            "names are kept as they are, and add workers by clary labelling workers add."
        )
    if members.get("WorkforceVpcConfig"):
        raise NotServed(f"{operation} with WorkforceVpcConfig is not served: there is no VPC. Leave it out.")
    cidrs = members.get("SourceIpConfig", {}).get("Cidrs", [])
    if len(cidrs) > 10:
        raise ValidationException(f"SourceIpConfig.Cidrs holds {len(cidrs)} ranges; 10 are the most.")
    if set(cidrs) - set(_EVERYBODY):
        raise NotServed(
            f"{operation} with SourceIpConfig is not served: who may reach this server is said by CLARY_HOST and the "
            "machine's firewall. Leave it out."
        )
