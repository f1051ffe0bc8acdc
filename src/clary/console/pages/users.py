"""Users and their keys: who may call this server, and what each may do. IAM's own operations."""

from __future__ import annotations

from typing import Any

from clary.console import boto3_code
from clary.console.page import Nav, action, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer
from clary.rights import managed

USUAL = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")


@page("/_/users", nav=Nav("Keep", "Users and keys", order=30))
def users(visit: Visit) -> HttpAnswer:
    wanted = visit.query.get("contains", "")
    asked: dict[str, Any] = {
        "MaxItems": 100,
        **({"Marker": visit.query["Marker"]} if visit.query.get("Marker") else {}),
    }
    answer = visit.call("iam", "ListUsers", **asked)
    rows = [each for each in answer["Users"] if wanted.lower() in each["UserName"].lower()]
    more = url("/_/users", contains=wanted, Marker=answer.get("Marker", "")) if answer.get("IsTruncated") else ""
    code = boto3_code.call("iam", "ListUsers", {})
    policies = sorted(managed.names())
    return visit.show("users.html", rows=rows, wanted=wanted, more=more, code=code, policies=policies, usual=USUAL)


@action("/_/users")
def add(visit: Visit) -> HttpAnswer:
    """A user with one of AWS's policies, or with the usual two; keys are made on its page."""
    name = visit.form.get("name", "").strip()
    chosen = visit.form.get("policy", "")
    visit.call("iam", "CreateUser", UserName=name)
    for policy in (chosen,) if chosen else USUAL:
        known = managed.by_name(policy)
        arn = known.arn if known else managed.PREFIX + policy  # which IAM then refuses by name
        visit.call("iam", "AttachUserPolicy", UserName=name, PolicyArn=arn)
    return visit.go(url("/_/users", name))


@page("/_/users/{name}")
@page("/_/users/{name}/keys")  # where whoever made a key stands
def user(visit: Visit) -> HttpAnswer:
    return _shown(visit, visit.path["name"])


@action("/_/users/{name}/keys")
def add_key(visit: Visit) -> HttpAnswer:
    """The secret is on this one answer and nowhere else."""
    name = visit.path["name"]
    made = visit.call("iam", "CreateAccessKey", UserName=name)["AccessKey"]
    return _shown(visit, name, made)


@action("/_/users/{name}/keys/{key}/status")
def switch_key(visit: Visit) -> HttpAnswer:
    name, status = visit.path["name"], visit.form.get("status", "")
    visit.call("iam", "UpdateAccessKey", UserName=name, AccessKeyId=visit.path["key"], Status=status)
    return visit.go(url("/_/users", name))


@action("/_/users/{name}/keys/{key}/delete")
def remove_key(visit: Visit) -> HttpAnswer:
    name = visit.path["name"]
    visit.call("iam", "DeleteAccessKey", UserName=name, AccessKeyId=visit.path["key"])
    return visit.go(url("/_/users", name))


def _shown(visit: Visit, name: str, made: dict[str, Any] | None = None) -> HttpAnswer:
    found = visit.call("iam", "GetUser", UserName=name)["User"]
    return visit.show(
        "user.html",
        user=found,
        made=made,
        keys=visit.call("iam", "ListAccessKeys", UserName=name)["AccessKeyMetadata"],
        attached=visit.call("iam", "ListAttachedUserPolicies", UserName=name)["AttachedPolicies"],
        written=visit.call("iam", "ListUserPolicies", UserName=name)["PolicyNames"],
        groups=visit.call("iam", "ListGroupsForUser", UserName=name)["Groups"],
        address=visit.context.url,
        code=boto3_code.call("iam", "GetUser", {"UserName": name}),
    )
