"""Policy documents as IAM takes them and sends them back."""

from __future__ import annotations

from urllib.parse import quote

from clary.errors import ServiceError
from clary.rights import documents
from clary.rights.documents import Kind, MalformedPolicy


def check(document: str, kind: Kind = "identity") -> str:
    """The document as given; ``MalformedPolicyDocument`` unless it can be evaluated."""
    try:
        documents.read(document, kind)
    except MalformedPolicy as error:
        raise ServiceError(str(error), code="MalformedPolicyDocument") from None
    return document


def encode(document: str) -> str:
    """IAM answers documents percent-encoded (RFC 3986); SDKs decode them."""
    return quote(document, safe="")
