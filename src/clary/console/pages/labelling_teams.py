"""Work teams and the people in them: who is asked, and the address that signs each in."""

from __future__ import annotations

from typing import Any

from clary.console import boto3_code, labellers
from clary.console.page import action, page
from clary.console.signing_in import SIGN_IN, note
from clary.console.templates import url
from clary.console.visit import Visit
from clary.errors import AccessDenied
from clary.gateway.http import HttpAnswer
from clary.labelling import workers
from clary.labelling.workers import Worker

HOME = "/_/labelling/teams"
_POOL = {"UserPool": "us-east-1_clary", "ClientId": "clary"}
"""There is no user pool here: its names are told as they are, and must be the same for all teams of a region."""


@page(HOME)
@page(f"{HOME}/link")  # where whoever made a link stands
def teams(visit: Visit) -> HttpAnswer:
    return _shown(visit)


@action(HOME)
def add_team(visit: Visit) -> HttpAnswer:
    name = visit.form.get("name", "").strip()
    forces = visit.call("sagemaker", "ListWorkforces")["Workforces"]
    pool = forces[0].get("CognitoConfig") if forces else None
    member = {**(pool or _POOL), "UserGroup": name}
    visit.call(
        "sagemaker",
        "CreateWorkteam",
        WorkteamName=name,
        Description=visit.form.get("description", "").strip() or name,
        MemberDefinitions=[{"CognitoMemberDefinition": member}],
    )
    return visit.go(HOME)


@action(f"{HOME}/workers")
def add_worker(visit: Visit) -> HttpAnswer:
    _check_owner(visit)
    worker = workers.add(visit.context, visit.form.get("name", "").strip(), [visit.form.get("team", "")])
    return _with_link(visit, worker)


@action(f"{HOME}/link")
def link(visit: Visit) -> HttpAnswer:
    """A new address for a worker; it is on this one answer and nowhere else."""
    _check_owner(visit)
    return _with_link(visit, workers.find(visit.context, visit.form.get("name", "")))


@action(f"{HOME}/workers/remove")
def remove_worker(visit: Visit) -> HttpAnswer:
    _check_owner(visit)
    name = visit.form.get("name", "")
    named = labellers.name(workers.find(visit.context, name))
    workers.remove(visit.context, name)
    visit.sessions.end_of_worker(named)
    return visit.go(HOME)


@page(f"{HOME}/workers")
def to_teams(visit: Visit) -> HttpAnswer:
    return visit.go(HOME)


def _with_link(visit: Visit, worker: Worker) -> HttpAnswer:
    note(visit.context, visit.request, visit.context.identity, "CreateSignInLink")
    secret = visit.sessions.link(worker=labellers.name(worker))
    return _shown(visit, made={"name": worker.name, "url": visit.origin + url(SIGN_IN, token=secret)})


def _shown(visit: Visit, made: dict[str, str] | None = None) -> HttpAnswer:
    found: list[dict[str, Any]] = visit.call("sagemaker", "ListWorkteams", MaxResults=25)["Workteams"]
    everybody = workers.all_of(visit.context) if visit.context.identity.owner else []
    names = [team["WorkteamName"] for team in found]
    people = {name: [each for each in everybody if name in each.teams] for name in names}
    code = boto3_code.call("sagemaker", "ListWorkteams", {})
    return visit.show("labelling_teams.html", teams=found, people=people, made=made, code=code)


def _check_owner(visit: Visit) -> None:
    """Who labels is no operation of AWS's, so no policy speaks of it."""
    if not visit.context.identity.owner:
        raise AccessDenied(f"Who labels is the owner's to say, not {visit.context.identity.arn}'s.", status=403)
