"""What the audit trail says of signing in and out: a page's calls stand there as those of whoever is signed in."""

from __future__ import annotations

import uuid
from typing import Literal

from clary.context import Context, Identity
from clary.gateway.http import HttpRequest
from clary.store.audit_events import AuditEvent

SIGN_IN = "/_/sign-in"
Step = Literal["CreateSignInLink", "ConsoleLogin", "ConsoleLogout"]
"""The middle one is CloudTrail's own name for it."""


def note(context: Context, request: HttpRequest, who: Identity, step: Step) -> None:
    context.audit.add(
        AuditEvent(
            id=context.audit.new_id(),
            request_id=str(uuid.uuid4()),
            region=context.region,
            source="clary",
            name=step,
            read_only=False,
            address=request.client,
            agent=request.headers.get("user-agent", "")[:512],
            arn=who.arn,
            principal=who.user_id,
            username=who.arn.rpartition("/")[2],
            access_key=who.access_key,
        )
    )
