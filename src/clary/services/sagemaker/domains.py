"""Domains of the Studio: create, describe, list, update, delete.

Subnets, security groups and the VPC are kept as they were given: this machine has none. There is no address to open
until the Studio serves its notebooks.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ResourceNotFound
from clary.services import operation, resources
from clary.services.iam import roles
from clary.services.sagemaker import studio_lifecycle_configs
from clary.services.sagemaker.kinds import Kind, User, refuse, refuse_used
from clary.store.base import Condition, Record

DOMAINS = Kind(
    name="Domain",
    type="domain",
    status="Status",
    missing=(ResourceNotFound, "The Domain [{name}] does not exist."),
    taken=(ResourceInUse, "The Domain [{name}] exists already."),
)
_NOT_YET = {
    "KmsKeyId": "encrypt the data folder's disk",
    "HomeEfsFileSystemKmsKeyId": "encrypt the data folder's disk",
}
_SETTINGS = ("DefaultUserSettings", "DefaultSpaceSettings", "DomainSettings")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@operation
def create_domain(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, "CreateDomain", _NOT_YET)
    if request["AuthMode"] == "SSO":
        raise NotServed("CreateDomain with AuthMode SSO is not served: there is no identity center here, use IAM.")
    name = request["DomainName"]
    if DOMAINS.all(context, ("DomainName", "=", name), limit=1):
        raise ResourceInUse(f"A Domain with the name {name} exists already. Choose a different name.")
    check_settings(context, request["DefaultUserSettings"])
    check_settings(context, request.get("DefaultSpaceSettings", {}))
    identifier = "d-" + "".join(secrets.choice(_LETTERS) for _ in range(12))
    body = {
        "AppNetworkAccessType": "PublicInternetOnly",
        "TagPropagation": "DISABLED",
        **request,
        "DomainId": identifier,
    }
    record = DOMAINS.create(context, identifier, body, status="InService")
    return {"DomainArn": record.arn, "DomainId": identifier}


@operation
def describe_domain(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return DOMAINS.find(context, request["DomainId"]).body


@operation
def list_domains(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = DOMAINS.page(context, request)
    return {"Domains": [domain.body for domain in shown], **more}


@operation
def update_domain(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for settings in _SETTINGS[:2]:
        check_settings(context, request.get(settings, {}))
    plain = ("AppSecurityGroupManagement", "SubnetIds", "AppNetworkAccessType", "TagPropagation")
    update = {
        **resources.given(request, *plain, "HomeEfsFileSystemCreation", "VpcId", *_SETTINGS[:2]),
        **_domain_settings(request),
    }

    def edit(domain: Record) -> Record:
        return DOMAINS.edited(context, domain, {**update, **merged(domain, update, *_SETTINGS)})

    return {"DomainArn": DOMAINS.change(context, request["DomainId"], edit).arn}


@operation
def delete_domain(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    identifier = request["DomainId"]
    users: list[User] = [(kind, "name", "starts", f"{identifier}/") for kind in ("App", "Space", "UserProfile")]
    DOMAINS.delete(context, identifier, lambda domain: refuse_used(context, domain, *users))
    return {}


def check_settings(context: Context, settings: Mapping[str, Any]) -> None:
    """The role and the lifecycle configurations that settings name must be there. ``NotServed`` for a KMS key."""
    canvas = settings.get("CanvasAppSettings", {}).get("WorkspaceSettings", {})
    for place in (settings.get("SharingSettings", {}), canvas):
        refuse(place, "Settings", {"S3KmsKeyId": "set the default encryption of the bucket (PutBucketEncryption)"})
    if "ExecutionRole" in settings:
        roles.require(context, settings["ExecutionRole"])
    studio_lifecycle_configs.require(context, settings)


def key(request: Mapping[str, Any], *members: str) -> str:
    """The name of a record that belongs to a domain; its ARN ends so too."""
    return "/".join([request["DomainId"], *(request[member] for member in members)])


def merged(record: Record, request: Mapping[str, Any], *settings: str) -> dict[str, Any]:
    """The settings that the request holds, each over what the record has of it."""
    return {member: {**record.body.get(member, {}), **request[member]} for member in settings if member in request}


def page_in_domain(
    context: Context, kind: Kind, request: dict[str, Any], filters: resources.Filters
) -> tuple[list[Record], dict[str, str]]:
    """A page of what belongs to the domain that is asked for, or to any; the oldest first."""
    asked = request.get("DomainIdEquals")
    where = [Condition("name", "starts", f"{asked}/")] if asked else []
    return kind.page(context, request, order="Ascending", where=where, filters=filters)


def _domain_settings(request: Mapping[str, Any]) -> dict[str, Any]:
    """What DescribeDomain calls DomainSettings."""
    if "DomainSettingsForUpdate" not in request:
        return {}
    renamed = {"RStudioServerProDomainSettingsForUpdate": "RStudioServerProDomainSettings"}
    update = request["DomainSettingsForUpdate"]
    return {"DomainSettings": {renamed.get(member, member): value for member, value in update.items()}}
