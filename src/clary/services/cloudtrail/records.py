"""A row of the audit trail in the form of CloudTrail's record, version 1.11.

Source: AWS's CloudTrail user guide, "CloudTrail record contents". Left out is what Clary does not keep: the members of
requests and answers beyond the names in them, and the texts of errors.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clary.context import ACCOUNT
from clary.store.audit_events import AuditEvent, Resource


def time_of(event: AuditEvent) -> datetime:
    return datetime.fromtimestamp(event.id / 1_000_000, UTC)


def record(event: AuditEvent) -> dict[str, Any]:
    """The record as JSON values."""
    return {
        "eventVersion": "1.11",
        "userIdentity": _identity(event),
        "eventTime": f"{time_of(event):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": event.source,
        "eventName": event.name,
        "awsRegion": event.region,
        "sourceIPAddress": event.address,
        "userAgent": event.agent,
        **({"errorCode": event.error} if event.error else {}),
        "requestParameters": _parameters(event),
        "responseElements": None,
        **({"additionalEventData": {"AuthenticationMethod": event.signed}} if event.signed else {}),
        "requestID": _request_id(event),
        "eventID": event.request_id,
        "readOnly": event.read_only,
        "resources": [_resource(item) for item in event.resources],
        "eventType": "AwsApiCall",
        "managementEvent": not _is_data(event),
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data" if _is_data(event) else "Management",
    }


def _request_id(event: AuditEvent) -> str:
    """As the client saw it: S3's are shorter."""
    return event.request_id.replace("-", "")[:16].upper() if event.source == "s3.amazonaws.com" else event.request_id


def _is_data(event: AuditEvent) -> bool:
    """Whether the call was about data, not about the resource that holds it: objects, and what endpoints are asked."""
    return event.name.startswith("InvokeEndpoint") or any(item.type == "AWS::S3::Object" for item in event.resources)


def _identity(event: AuditEvent) -> dict[str, Any]:
    key = {"accessKeyId": event.access_key} if event.access_key else {}
    if not event.arn:  # refused before it was known who asks
        return {"type": "Unknown" if key else "AWSAccount", "principalId": "", "accountId": "anonymous", **key}
    found = {"principalId": event.principal, "arn": event.arn, "accountId": ACCOUNT, **key}
    if event.address == event.source:
        found["invokedBy"] = event.source
    kind = event.arn.rpartition(":")[2].partition("/")[0]
    if kind == "assumed-role":
        issuer = {
            "type": "Role",
            "principalId": event.principal.partition(":")[0],
            "accountId": ACCOUNT,
            "userName": event.arn.split("/")[1],
        }
        return {"type": "AssumedRole", **found, "sessionContext": {"sessionIssuer": issuer}}
    if kind == "root":
        return {"type": "Root", **found}
    return {"type": "IAMUser", **found, "userName": event.username}


def _parameters(event: AuditEvent) -> dict[str, Any] | None:
    parameters: dict[str, Any] = {}
    for item in event.resources:
        name = item.name.partition(":::")[2].partition("/")[2] if item.member == "Key" else item.name
        member = "bucketName" if item.member == "Bucket" else item.member[0].lower() + item.member[1:]
        if member in parameters:  # DeleteObjects names many
            parameters.setdefault("keys", [parameters[member]]).append(name)
        else:
            parameters[member] = name
    if "keys" in parameters:
        del parameters["key"]
    return parameters or None


def _resource(item: Resource) -> dict[str, str]:
    if item.type == "AWS::S3::Bucket":
        return {"type": item.type, "ARN": f"arn:aws:s3:::{item.name}", "accountId": ACCOUNT}
    named = "ARN" if item.name.startswith("arn:") else "resourceName"
    return {"type": item.type, named: item.name, "accountId": ACCOUNT}
