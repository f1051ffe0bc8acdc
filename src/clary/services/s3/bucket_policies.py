"""A bucket's policy: who may do what with the bucket and all in it, beside what their own policies say.

Evaluated by ``clary.rights``. ``*`` means everybody with a key of this Clary: nobody without one is ever let in.
"""

from __future__ import annotations

import contextlib
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.rights import documents
from clary.rights.documents import MalformedPolicy, Policy
from clary.rights.rights import BUCKET_POLICY
from clary.services import operation
from clary.services.s3.access import open_bucket
from clary.store.base import Conflict, Record

_LARGEST = 20 << 10  # bytes


@operation
def put_bucket_policy(context: Context, request: dict[str, Any]) -> None:
    bucket, text = open_bucket(context, request).name, request["Policy"]
    if len(text.encode()) > _LARGEST:
        raise _malformed("Policy exceeds the maximum allowed document size.")
    try:
        policy = documents.read(text, "resource")
    except MalformedPolicy as error:
        raise _malformed(str(error)) from None
    _check(context, bucket, policy)
    while True:
        present = context.store.get("", BUCKET_POLICY, bucket)
        with contextlib.suppress(Conflict):
            if present is None:
                context.store.create(Record(kind=BUCKET_POLICY, name=bucket, body={"Policy": text}))
            else:
                context.store.put(Record(**{**vars(present), "body": {"Policy": text}}))
            return


@operation
def get_bucket_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Policy": _find(context, request).body["Policy"]}


@operation
def get_bucket_policy_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _find(context, request)
    return {"PolicyStatus": {"IsPublic": False}}  # without a key nobody is let in, whatever a policy says


@operation
def delete_bucket_policy(context: Context, request: dict[str, Any]) -> None:
    forget(context, open_bucket(context, request).name)


def forget(context: Context, bucket: str) -> None:
    """Remove the bucket's policy, if it has one."""
    while (present := context.store.get("", BUCKET_POLICY, bucket)) is not None:
        with contextlib.suppress(Conflict):
            context.store.delete(present)


def _find(context: Context, request: dict[str, Any]) -> Record:
    bucket = open_bucket(context, request).name
    found = context.store.get("", BUCKET_POLICY, bucket)
    if found is None:
        raise ServiceError("The bucket policy does not exist", code="NoSuchBucketPolicy", status=404, BucketName=bucket)
    return found


def _check(context: Context, bucket: str, policy: Policy) -> None:
    """What S3 looks at beyond the grammar: actions of S3, resources of this bucket, principals that are there."""
    own = f"arn:aws:s3:::{bucket}"
    for statement in policy.statements:
        if not all(action == "*" or action.lower().startswith("s3:") for action in statement.actions):
            raise _malformed("Policy has invalid action")
        if not all(each == own or each.startswith(f"{own}/") or each == f"{own}*" for each in statement.resources):
            raise _malformed("Policy has invalid resource")
        for type_, whom in statement.principals:
            if type_ == "AWS" and not _is_there(context, whom):
                raise _malformed("Invalid principal in policy")


def _is_there(context: Context, whom: str) -> bool:
    if whom in {"*", context.account, f"arn:aws:iam::{context.account}:root"}:
        return True
    kind, _, path = whom.removeprefix(f"arn:aws:iam::{context.account}:").partition("/")
    if kind in {"role", "user"}:
        holder = context.rights.holder(path.rpartition("/")[2])
        return holder is not None and whom in {holder.arn, holder.role_arn}
    return whom.startswith(f"arn:aws:sts::{context.account}:assumed-role/")


def _malformed(message: str) -> ServiceError:
    return ServiceError(message, code="MalformedPolicy")
