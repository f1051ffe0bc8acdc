"""What every operation and every reconciler may reach: who asks, where, and the stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from botocore.model import ServiceModel

from clary.buckets import Buckets
from clary.clock import Clock
from clary.encryption_keys import EncryptionKeys
from clary.errors import AccessDenied
from clary.guarded_buckets import GuardedBuckets
from clary.rights.identity import Identity
from clary.rights.rights import Rights
from clary.settings import Settings
from clary.store.associations import Associations
from clary.store.audit_events import AuditEvents
from clary.store.base import Store
from clary.store.component_metrics import ComponentMetrics
from clary.store.feature_records import FeatureRecords
from clary.store.labelling_objects import LabellingObjects
from clary.store.log_events import LogEvents
from clary.store.metric_points import MetricPoints
from clary.store.search import Search

__all__ = ["ACCOUNT", "OWNER", "Context", "Door", "Handler", "Identity"]

ACCOUNT = "000000000000"


OWNER = Identity(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, owner=True)
"""Clary itself, when a reconciler asks."""


class Door:
    """The way from one resource to another: parsed, validated and answered as a client's call is.

    The composition root hangs the gateway's call in; nothing below the gateway imports it.
    """

    def __init__(self) -> None:
        self.open: Callable[[Context, str, str, dict[str, Any]], dict[str, Any]] | None = None

    def call(self, context: Context, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.open is None:
            raise RuntimeError("the door is not hung in: build the application first")
        return self.open(context, service, operation, request)


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handed to every operation (for the caller's region) and every reconciler (use ``at`` for its record's)."""

    settings: Settings
    store: Store
    buckets: Buckets
    logs: LogEvents
    metrics: MetricPoints
    associations: Associations
    component_metrics: ComponentMetrics
    features: FeatureRecords
    labelling: LabellingObjects
    audit: AuditEvents
    search: Search
    door: Door
    model: Callable[[str], ServiceModel]  # a service's model, as the gateway reads it
    rights: Rights
    encryption_keys: EncryptionKeys
    clock: Clock = field(default_factory=Clock)
    url: str = ""  # where clients reach this server: http://127.0.0.1:8780
    region: str = "us-east-1"
    identity: Identity = OWNER
    account: str = ACCOUNT

    def now(self) -> datetime:
        """The time that jobs and records carry (whole milliseconds, UTC)."""
        return self.clock.now()

    def at(self, region: str) -> Context:
        return replace(self, region=region)

    def arn(self, service: str, kind: str, name: str) -> str:
        """``arn:aws:<service>:<region>:<account>:<kind>/<name>``, the name in lower case as SageMaker's are."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name.lower()}"

    def buckets_of(self, role: str) -> GuardedBuckets:
        """S3 with the rights of a role; ``AccessDenied`` if there is no such role."""
        who = self.rights.of_role(role, "SageMaker")
        if who is None:
            raise AccessDenied(f"There is no role {role} any more.")
        return GuardedBuckets(self.buckets, self.rights, who)

    @property
    def own_buckets(self) -> GuardedBuckets:
        """S3 with the rights of whoever asks."""
        return GuardedBuckets(self.buckets, self.rights, self.identity)

    def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        """Ask another resource by the clients' door: ``call("sagemaker", "CreateModel", ModelName=...)``."""
        return self.door.call(self, service, operation, request)


Handler = Callable[[Context, dict[str, Any]], Any]
"""What serves an operation: the context and the request's members in, the answer's members out."""
