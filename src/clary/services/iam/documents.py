"""Policy documents: what counts as one, and how IAM sends it back."""

from __future__ import annotations

import json
from urllib.parse import quote

from clary.errors import ServiceError


def check(document: str) -> str:
    """The document as given; ``MalformedPolicyDocument`` unless it is a JSON object with a Statement."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(found, dict):
        raise _malformed("Syntax errors in policy.")
    if found.get("Version", "2012-10-17") not in {"2012-10-17", "2008-10-17"}:
        raise _malformed("Policy document must be version 2012-10-17 or greater.")
    statements = found.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise _malformed("Syntax errors in policy.")
    if any(s.get("Effect") not in {"Allow", "Deny"} for s in statements):
        raise _malformed("Syntax errors in policy.")
    return document


def encode(document: str) -> str:
    """IAM answers documents percent-encoded (RFC 3986); SDKs decode them."""
    return quote(document, safe="")


def _malformed(message: str) -> ServiceError:
    return ServiceError(message, code="MalformedPolicyDocument")
