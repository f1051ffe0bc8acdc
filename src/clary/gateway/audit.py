"""What the audit trail tells of a call: who, what, from where, which resource, with what outcome.

Of a body it keeps nothing but the names of resources, of an address nothing but the names in its path: no query, so no
token and no presigned signature. The text of an error may repeat what was sent; its code alone is kept.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.model import OperationModel

from clary.context import Context, Identity
from clary.errors import ServiceError
from clary.gateway import models
from clary.gateway.http import HttpRequest
from clary.gateway.routing import Route
from clary.gateway.signature import Claim
from clary.store.audit_events import AuditEvent, AuditEvents, Resource
from clary.store.database import riding

_READS = re.compile(
    r"(Get|List|Describe|Head|Search|Query|Lookup|BatchGet|Filter|Simulate|Decode|Test)(?=[A-Z0-9]|$)|"
    r"(Encrypt|Decrypt|ReEncrypt|GenerateDataKey|GenerateDataKeyWithoutPlaintext|GenerateRandom)$"  # of KMS
)
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")  # what else is given as a key's id may be a secret in the wrong place
_ARN = re.compile(r"arn:aws[a-z-]*:([a-z0-9-]+):[^:]*:[^:]*:([a-z0-9-]+)[/:].+")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_LOOK, _LOOKS = 60_000_000, 4096  # microseconds between two rows of one look, looks that are remembered
_LONGEST, _AGENT = 2048, 512  # characters of a name, of a user agent, that are kept

# The services whose types CloudFormation does not name as the model names the service.
_TYPES = {"logs": "Logs", "monitoring": "CloudWatch"}


@dataclass
class Call:
    """A call on its way: each step adds what it found, so that one that is refused tells what was known by then."""

    number: int
    request_id: str
    http: HttpRequest
    address: str
    claim: Claim | None = None
    route: Route | None = None
    identity: Identity | None = None
    request: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None
    region: str = "us-east-1"  # where no claim says another


class Trail:
    def __init__(self, events: AuditEvents) -> None:
        self._events = events
        self._looks: dict[tuple[str, str, tuple[Resource, ...]], int] = {}  # a page's look → the number of its last row

    @contextmanager
    def follow(self, request_id: str, http: HttpRequest, address: str, *, page: bool = False) -> Iterator[Call]:
        """The call, to be filled in; its row is written when it is over, unless ``board`` has.

        ``page``: an open page asks, which looks again whenever something changes: its reads get a row a minute.
        """
        call = Call(self._events.new_id(), request_id, http, address)
        try:
            yield call
        finally:
            rider = riding.get()
            riding.set(None)
            if (rider is None or not rider.durable or call.error is not None) and not (
                page and self._is_repeated(call)
            ):
                self._events.add(_event(call))

    def _is_repeated(self, call: Call) -> bool:
        if call.route is None or call.error is not None or not is_read_only(call.route.operation.name):
            return False
        operation = call.route.operation
        look = (call.identity.arn if call.identity else "", operation.name, tuple(resources(operation, call.request)))
        if call.number - self._looks.get(look, -_LOOK) < _LOOK:
            return True
        if len(self._looks) > _LOOKS:
            self._looks = {}
        self._looks[look] = call.number
        return False

    def board(self, call: Call) -> None:
        """Let the row share the transaction of whatever the call writes first from here on."""
        riding.set(self._events.rider(_event(call)))

    @contextmanager
    def inside(self, context: Context, operation: OperationModel, request: dict[str, Any]) -> Iterator[None]:
        """A call by the door for those inside: its row is written if it changes something."""
        if is_read_only(operation.name):
            yield
            return
        source = _source(operation)
        event = AuditEvent(
            id=self._events.new_id(),
            request_id=str(uuid.uuid4()),
            region=context.region,
            source=source,
            name=operation.name,
            read_only=False,
            address=source,
            resources=tuple(resources(operation, request)),
            **_who(context.identity),
        )
        rider = self._events.rider(event)
        outer = riding.set(rider)
        try:
            yield
        except ServiceError as error:
            event = replace(event, error=error.code)
            raise
        finally:
            riding.reset(outer)
            if not rider.durable or event.error:
                self._events.add(event)


@cache
def is_read_only(operation: str) -> bool:
    """By its verb: CloudTrail's own field is not in the service models."""
    return _READS.match(operation) is not None


def resources(operation: OperationModel, request: dict[str, Any]) -> Iterator[Resource]:
    """What a request names: its members that hold a name or an ARN, and the ids that it must hold."""
    if operation.service_model.service_name == "s3":
        yield from _objects(request)
        return
    for member, kind in _naming(operation):
        name = request.get(member)
        if isinstance(name, str) and name:
            yield Resource(member, _type_of_arn(name) or kind, name[:_LONGEST])


def _objects(request: dict[str, Any]) -> Iterator[Resource]:
    bucket, key = request.get("Bucket"), request.get("Key")
    if bucket:
        yield Resource("Bucket", "AWS::S3::Bucket", bucket)
    if bucket and key:
        yield Resource("Key", "AWS::S3::Object", f"arn:aws:s3:::{bucket}/{key}")
    if source := request.get("CopySource"):
        name = unquote(str(source).partition("?")[0]).removeprefix("/")
        yield Resource("CopySource", "AWS::S3::Object", f"arn:aws:s3:::{name[:_LONGEST]}")
    for item in (request.get("Delete") or {}).get("Objects", []):
        yield Resource("Key", "AWS::S3::Object", f"arn:aws:s3:::{bucket}/{item.get('Key', '')}")


@cache
def _members(service: str, operation: str) -> tuple[tuple[str, str], ...]:
    """(member, type) of the members that name a resource."""
    model = models.service(service)
    shape, found = model.operation_model(operation).input_shape, []
    area = _TYPES.get(model.signing_name, model.service_id.partition(" ")[0])
    for member, value in shape.members.items() if shape else ():
        named = re.fullmatch(r"(.+?)(Name|Arn|ARN|Identifier|Id)", member)
        if named is None or value.type_name != "string" or value.metadata.get("sensitive"):
            continue
        if named[2] == "Id" and member not in shape.required_members:  # a token, a trace, a client's own word
            continue
        found.append((member, f"AWS::{area}::{named[1][0].upper()}{named[1][1:]}"))
    return tuple(found)


def _naming(operation: OperationModel) -> tuple[tuple[str, str], ...]:
    return _members(operation.service_model.service_name, operation.name)


def _type_of_arn(name: str) -> str:
    """``AWS::IAM::Role`` of ``arn:aws:iam::000000000000:role/x``; empty for what is no ARN."""
    found = _ARN.fullmatch(name)
    if found is None:
        return ""
    area = {"sagemaker": "SageMaker", "logs": "Logs"}.get(found[1], found[1].upper())
    return f"AWS::{area}::{''.join(word.capitalize() for word in found[2].split('-'))}"


def _event(call: Call) -> AuditEvent:
    claim, route = call.claim, call.route
    if route is not None:
        source, name = _source(route.operation), route.operation.name
        named = tuple(resources(route.operation, call.request or route.labels))
    else:
        source, name = _unrouted(call)
        named = ()
    who = _who(call.identity)
    if call.identity is None and claim is not None and _KEY_ID.fullmatch(claim.access_key):
        who["access_key"] = claim.access_key
    return AuditEvent(
        id=call.number,
        request_id=call.request_id,
        region=claim.region if claim else call.region,
        source=source,
        name=name,
        read_only=is_read_only(name),
        address=call.address,
        agent=call.http.headers.get("user-agent", "")[:_AGENT],
        signed=("QueryString" if claim.presigned else "AuthHeader") if claim else "",
        error=call.error.code if call.error else "",
        resources=named,
        **who,
    )


def _who(identity: Identity | None) -> dict[str, str]:
    if identity is None:
        return {}
    return {
        "arn": identity.arn,
        "principal": identity.user_id,
        "username": identity.arn.rpartition("/")[2] if "/" in identity.arn else "root",
        "access_key": identity.access_key,
    }


def _source(operation: OperationModel) -> str:
    return f"{operation.service_model.signing_name}.amazonaws.com"


def _unrouted(call: Call) -> tuple[str, str]:
    """(source, name) of a request that is no operation: of what it claims to be, as far as that is a plain word."""
    target = call.http.headers.get("x-amz-target", "").rpartition(".")[2]
    service = call.claim.service if call.claim else ""
    return (
        f"{service if _WORD.fullmatch(service) else 'unknown'}.amazonaws.com",
        target if _WORD.fullmatch(target) else "Unknown",
    )
