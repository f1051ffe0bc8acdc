"""What each caller may do, by the store; kept in memory until a record that says so changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

from clary.clock import machine_now
from clary.rights import documents, holders
from clary.rights.documents import MalformedPolicy, Policy
from clary.rights.evaluation import Caller, Decision, Held, decide, narrowed
from clary.rights.facts import NOTHING, Facts, Known
from clary.rights.holders import Holder
from clary.rights.identity import Identity
from clary.store.base import GLOBAL, Record, Store

T = TypeVar("T")

BUCKET_POLICY = "BucketPolicy"
"""The kind of a bucket's policy: ``{Policy: document}`` under the bucket's name."""

_REMEMBERED = 4096
_UNKNOWN = object()
_EVERYTHING = Decision(allowed=True)


class Rights:
    def __init__(self, store: Store, now: Callable[[], datetime] = machine_now) -> None:
        self._store, self._now = store, now
        self._holders: dict[str, Holder | None] = {}
        self._buckets: dict[str, Policy | None] = {}
        self._changes = 0  # counted so that a read that a change overtook is not remembered
        self._lock = threading.Lock()
        store.subscribe(self._forget)

    def holder(self, name: str) -> Holder | None:
        """The role or user of this name."""
        return self._kept(self._holders, name, lambda: holders.find(self._store, name))

    def holder_of(self, role_arn: str) -> Holder | None:
        """The holder that is this role, path included, or answers as it."""
        found = self.holder(role_arn.rpartition("/")[2])
        return found if found is not None and found.role_arn == role_arn else None

    def of_role(self, role_arn: str, session: str) -> Identity | None:
        """Who a service is while it acts as this role; None if there is no such role."""
        found = self.holder_of(role_arn)
        return None if found is None else Identity(found.session_arn(session), f"{found.id}:{session}")

    def decide(self, identity: Identity, action: str, resource: str, facts: Facts = NOTHING) -> Decision:
        """Whether the caller may; of a role that is to be assumed, whether it trusts the caller as well."""
        standing = self._standing(identity, action, resource, facts)
        return standing if isinstance(standing, Decision) else decide(action, resource, *standing)

    def decider(
        self, identity: Identity, action: str, resource: str, facts: Facts = NOTHING
    ) -> Callable[[str], Decision]:
        """``decide`` for many resources that the same policy speaks of, as a bucket's objects: ``resource`` is one of them."""
        standing = self._standing(identity, action, resource, facts)
        if isinstance(standing, Decision):
            return lambda _: standing
        held, caller, known = standing
        held = narrowed(held, action, known)
        return lambda each: decide(action, each, held, caller, known)

    def _standing(
        self, identity: Identity, action: str, resource: str, facts: Facts
    ) -> tuple[Held, Caller, Facts] | Decision:
        """What counts when the caller asks for a resource, or the answer where nothing does."""
        trusts = action in {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}
        if identity.owner and not trusts:
            return _EVERYTHING
        holder = self.holder(identity.name)
        if holder is not None and identity.user_id.partition(":")[0] != holder.id:
            holder = None  # of a namesake that was deleted
        if holder is None and not identity.owner:
            return Decision(allowed=False)
        known = facts.joined(_about(identity, holder, self._now()))
        session = None if identity.session is None else tuple(_read(text) for text in identity.session)
        caller = holder.caller(identity.arn) if holder else Caller(own=(identity.arn,), account=identity.account)
        target = self.holder_of(resource) if trusts else None
        held = Held(
            identity=(_ALLOW_ALL,) if identity.owner else holder.policies if holder else (),
            boundary=holder.boundary if holder and not identity.owner else None,
            session=session,
            resource=target.trust if target else self._bucket(resource),
            must_name=trusts,
        )
        return held, caller, known

    def trusts(self, role_arn: str, service: str, facts: Facts = NOTHING) -> bool:
        """Whether a service (sagemaker.amazonaws.com) may act as the role."""
        holder = self.holder_of(role_arn)
        if holder is None:
            return False
        held = Held(resource=holder.trust, must_name=True)
        return decide("sts:AssumeRole", role_arn, held, Caller(service=service), facts).allowed

    def bucket_policy(self, bucket: str) -> Policy | None:
        return self._kept(self._buckets, bucket, lambda: self._read_bucket_policy(bucket))

    def _read_bucket_policy(self, bucket: str) -> Policy | None:
        record = self._store.get(GLOBAL, BUCKET_POLICY, bucket)
        return None if record is None else documents.read(record.body["Policy"], "resource", bucket, "Resource Policy")

    def _kept(self, cache: dict[str, T], name: str, read: Callable[[], T]) -> T:
        """What is known of a name, read if it is not; what a change overtook is not remembered."""
        found: T | object = cache.get(name, _UNKNOWN)
        if found is not _UNKNOWN:
            return cast("T", found)
        before = self._changes
        new = read()
        with self._lock:
            if self._changes == before:
                if len(cache) >= _REMEMBERED:
                    cache.clear()
                cache[name] = new
        return new

    def _bucket(self, resource: str) -> Policy | None:
        """The policy that a bucket has; it speaks of the bucket and all in it."""
        name = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        return self.bucket_policy(name) if resource.startswith("arn:aws:s3:::") and name != "*" else None

    def _forget(self, record: Record) -> None:
        if record.kind in holders.KINDS or record.kind == BUCKET_POLICY:
            with self._lock:
                self._changes += 1
                self._holders.clear()
                self._buckets.clear()


_ALLOW_ALL = documents.read(
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
)


def _about(identity: Identity, holder: Holder | None, now: datetime) -> Facts:
    """The condition keys that say who asks and when."""
    known: dict[str, Known] = {
        "aws:PrincipalArn": holder.arn if holder else identity.arn,
        "aws:PrincipalAccount": identity.account,
        "aws:PrincipalType": "User" if holder and holder.kind == "User" else "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        "aws:userid": holder.id if holder and holder.kind == "User" else identity.user_id,
        "aws:username": holder.name if holder and holder.kind == "User" else None,
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:TokenIssueTime": identity.issued or None,
    }
    tags = {**(holder.tags if holder else {}), **identity.tags}
    return Facts(known, {"aws:PrincipalTag": lambda: tags})


def _read(text: str) -> Policy:
    try:
        return documents.read(text)
    except MalformedPolicy:  # checked when the session was made
        return Policy(())
