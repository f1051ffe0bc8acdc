"""Work teams: create, describe, list, update, delete. Who belongs to one is in ``clary.labelling.workers``."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ResourceLimitExceeded, ValidationException
from clary.labelling import workers
from clary.services import operation, resources
from clary.services.sagemaker import workforces
from clary.services.sagemaker.kinds import Kind
from clary.services.sagemaker.workforces import WORKFORCES
from clary.store.base import Record

WORKTEAMS = Kind(
    name="Workteam",
    type="workteam/private-crowd",
    missing=(ValidationException, "The work team {arn} does not exist in this account and region."),
    taken=(ResourceInUse, "Workteam name must be unique within an AWS account and region, and {arn} already exists."),
)

_MOST = 25  # of a region
_ENDED = ["Completed", "Failed", "Stopped"]


@operation
def create_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request, "CreateWorkteam")
    pool = _pool(request["MemberDefinitions"])
    if len(WORKTEAMS.all(context)) >= _MOST:
        raise ResourceLimitExceeded(f"An account has at most {_MOST} work teams in a region: delete one first.")
    workforce = _workforce(context, request.get("WorkforceName", ""), pool)
    members = {name: value for name, value in request.items() if name != "WorkforceName"}
    body = {**members, "WorkforceArn": workforce.arn}
    made = WORKTEAMS.create(context, request["WorkteamName"], body, parent=(WORKFORCES, workforce.name))
    return {"WorkteamArn": made.arn}


@operation
def describe_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Workteam": _told(context, WORKTEAMS.find(context, request["WorkteamName"]))}


@operation
def list_workteams(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = WORKTEAMS.page(context, request, sort_by="Name", order="Ascending", sorts={"CreateDate": "created"})
    return {"Workteams": [_told(context, team) for team in shown], **more}


@operation
def update_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request, "UpdateWorkteam")
    team = WORKTEAMS.find(context, request["WorkteamName"])
    if "MemberDefinitions" in request:
        _check_pool(WORKFORCES.find(context, team.body["WorkforceArn"]), _pool(request["MemberDefinitions"]))
    members = resources.given(request, "MemberDefinitions", "Description", "WorkerAccessConfiguration")
    return {"Workteam": _told(context, WORKTEAMS.update(context, team.name, members))}


@operation
def delete_workteam(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Its workers stay, without it."""

    def check(team: Record) -> None:
        jobs = resources.matching(context, "LabelingJob", ("HumanTaskConfig.WorkteamArn", "=", team.arn))
        if running := [job.name for job in jobs if job.status not in _ENDED]:
            raise ResourceInUse(
                f"The work team {team.name} works on the labeling job {running[0]}: stop the job and wait until it has ended."
            )

    name = request["WorkteamName"]
    WORKTEAMS.delete(context, name, check)
    workers.leave_team(context, name)
    return {"Success": True}


def _told(context: Context, team: Record) -> dict[str, Any]:
    return {
        **team.body,
        "SubDomain": workforces.portal(context),
        "CreateDate": team.body["CreationTime"],
        "LastUpdatedDate": team.body["LastModifiedTime"],
    }


def _refuse(request: dict[str, Any], operation: str) -> None:
    if request.get("NotificationConfiguration", {}).get("NotificationTopicArn"):
        raise NotServed(
            f"{operation} with NotificationConfiguration is not served: there is no SNS. Leave it out; workers see new jobs "
            "in their portal."
        )
    constraints = request.get("WorkerAccessConfiguration", {}).get("S3Presign", {}).get("IamPolicyConstraints", {})
    if "Enabled" in constraints.values():
        raise NotServed(
            f"{operation} with WorkerAccessConfiguration is not served: addresses of objects are not bound to the worker's "
            "IP address. Leave it out."
        )


def _pool(definitions: list[dict[str, Any]]) -> dict[str, str]:
    """The user pool and client that all members name."""
    if any("OidcMemberDefinition" in each for each in definitions):
        raise NotServed(
            "A work team with OidcMemberDefinition is not served: workers sign in by Clary's own links. Give a "
            "CognitoMemberDefinition, whose names are kept as they are, and add workers by clary labelling workers add."
        )
    if not all("CognitoMemberDefinition" in each for each in definitions):
        raise ValidationException("Each of MemberDefinitions needs a CognitoMemberDefinition.")
    pools = {
        (each["CognitoMemberDefinition"]["UserPool"], each["CognitoMemberDefinition"]["ClientId"])
        for each in definitions
    }
    if len(pools) > 1:
        raise ValidationException("All of MemberDefinitions must name the same UserPool and the same ClientId.")
    ((user_pool, client),) = pools
    return {"UserPool": user_pool, "ClientId": client}


def _workforce(context: Context, name: str, pool: dict[str, str]) -> Record:
    """The one that is named, else the region's; a first one is made where there is none and none is named."""
    if name:
        found = WORKFORCES.find(context, name)
    else:
        there = WORKFORCES.all(context, limit=1)
        found = there[0] if there else workforces.create(context, {"WorkforceName": "default", "CognitoConfig": pool})
    _check_pool(found, pool)
    return found


def _check_pool(workforce: Record, pool: dict[str, str]) -> None:
    own = workforce.body["CognitoConfig"]
    if own != pool:
        raise ValidationException(
            f"MemberDefinitions names the user pool {pool['UserPool']} with the client {pool['ClientId']}; the workforce "
            f"{workforce.name} has {own['UserPool']} with {own['ClientId']}."
        )
