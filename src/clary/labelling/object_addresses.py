"""Addresses at which a worker's browser reads objects for a short while, with the rights of a job's role and no keys."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from clary import keys
from clary.context import Context
from clary.errors import AccessDenied
from clary.labelling.templates import Grant

LIFETIME = 3600
"""Seconds that an address works: a task is open as long as its time limit, and is rendered anew when it is opened again."""

IN_FRAME = "x-clary-frame"
"""The (signed) parameter by which S3 knows such an address: a template's frame, whose origin is none, may read its pixels."""


class Signer(NamedTuple):
    """A key: its id, its secret, and the token of a temporary one."""

    access_key: str
    secret: str
    token: str | None


def grant_of(context: Context, role: str, *, url: str = "", seconds: int = LIFETIME) -> Grant:
    """What ``templates.render`` asks for addresses. All of one grant share a key, which is made when the first is asked for.

    ``url``: where the browser reaches this server, by default where clients do.
    """
    found: list[Signer] = []

    def grant(bucket: str, key: str) -> str:
        if not found:
            who = context.rights.of_role(role, "GroundTruth")
            if who is None:
                raise AccessDenied(f"There is no role {role} any more.")
            # Addresses are judged by the machine's clock, as browsers and SDKs make them.
            issued = keys.issue(context.store, context.clock, who, seconds, "GroundTruth", by_machine=True)
            found.append(Signer(issued.access_key, issued.secret, issued.token))
        address = f"{(url or context.url).rstrip('/')}/{bucket}/{quote(key)}?{IN_FRAME}=1"
        return signed(address, found[0], context.region, seconds)

    return grant


def signed(address: str, key: Signer, region: str, seconds: int, method: str = "GET") -> str:
    """An object's address with a signature that holds for so many seconds, by the machine's clock."""
    from botocore.auth import S3SigV4QueryAuth  # noqa: PLC0415 (a page alone needs it)
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    request = AWSRequest(method, address)
    credentials = Credentials(key.access_key, key.secret, key.token)
    S3SigV4QueryAuth(credentials, "s3", region, expires=seconds).add_auth(request)
    return str(request.url)
