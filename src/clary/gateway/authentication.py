"""Who asks: from a signature's claim to an identity, or the refusal in the words that each protocol's clients know."""

from __future__ import annotations

import hmac
from typing import Literal

from clary.clock import machine_now
from clary.errors import ServiceError
from clary.gateway import signature
from clary.gateway.http import HttpRequest
from clary.gateway.signature import Claim, SignatureProblem
from clary.keys import Key, Keys
from clary.rights.identity import Identity

Family = Literal["json", "rest-json", "query", "s3"]

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNKNOWN = "The security token included in the request is invalid."

# reason → family → (code, status, text); an empty text is the problem's own.
_REFUSALS: dict[str, dict[Family, tuple[str, int, str]]] = {
    "unknown-key": {
        "json": ("UnrecognizedClientException", 400, _UNKNOWN),
        "rest-json": ("UnrecognizedClientException", 403, _UNKNOWN),
        "query": ("InvalidClientTokenId", 403, _UNKNOWN),
        "s3": ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    },
    "mismatch": {
        "json": ("InvalidSignatureException", 400, _MISMATCH),
        "rest-json": ("InvalidSignatureException", 403, _MISMATCH),
        "query": ("SignatureDoesNotMatch", 403, _MISMATCH),
        "s3": (
            "SignatureDoesNotMatch",
            403,
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        ),
    },
    "skewed": {
        "json": ("InvalidSignatureException", 400, ""),
        "rest-json": ("InvalidSignatureException", 403, ""),
        "query": ("SignatureDoesNotMatch", 403, ""),
        "s3": (
            "RequestTimeTooSkewed",
            403,
            "The difference between the request time and the current time is too large.",
        ),
    },
    "token-expired": {
        "json": ("ExpiredTokenException", 400, "The security token included in the request is expired"),
        "rest-json": ("ExpiredTokenException", 403, "The security token included in the request is expired"),
        "query": ("ExpiredToken", 403, "The security token included in the request is expired"),
        "s3": ("ExpiredToken", 400, "The provided token has expired."),
    },
    "missing": {
        "json": ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        "rest-json": ("MissingAuthenticationTokenException", 403, "Missing Authentication Token"),
        "query": ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        "s3": ("AccessDenied", 403, "Access Denied"),
    },
    "malformed": {
        "json": ("IncompleteSignatureException", 400, ""),
        "rest-json": ("IncompleteSignatureException", 403, ""),
        "query": ("IncompleteSignature", 400, ""),
        "s3": ("AuthorizationHeaderMalformed", 400, ""),
    },
    "headers-not-signed": {
        "json": ("InvalidSignatureException", 400, ""),
        "rest-json": ("InvalidSignatureException", 403, ""),
        "query": ("SignatureDoesNotMatch", 403, ""),
        "s3": ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    },
    "query-parameters": {
        "json": ("IncompleteSignatureException", 400, ""),
        "rest-json": ("IncompleteSignatureException", 403, ""),
        "query": ("IncompleteSignature", 400, ""),
        "s3": ("AuthorizationQueryParametersError", 400, ""),
    },
    "presigned-expired": {
        "json": ("InvalidSignatureException", 400, "Signature expired"),
        "rest-json": ("InvalidSignatureException", 403, "Signature expired"),
        "query": ("SignatureDoesNotMatch", 403, "Signature expired"),
        "s3": ("AccessDenied", 403, "Request has expired"),
    },
}


def authenticate(claim: Claim | None, request: HttpRequest, keys: Keys, resource: str) -> tuple[Identity, Key]:
    """The identity behind a signed request; ``SignatureProblem`` if there is none or it does not hold.

    ``resource`` is the raw path with the bucket in it.
    """
    if claim is None:
        raise SignatureProblem("missing")
    key = keys.find(claim.access_key)
    if key is None or not hmac.compare_digest((key.token or "").encode(), claim.token.encode()):
        raise SignatureProblem("unknown-key", AWSAccessKeyId=claim.access_key)
    if keys.is_over(key):
        raise SignatureProblem("token-expired")
    signature.verify(claim, request, key.secret, machine_now(), resource)  # the client signed by its own clock
    keys.note_use(key, claim.service, claim.region)
    return key.identity, key


def refusal(problem: SignatureProblem, family: Family) -> ServiceError:
    """The problem as the error that clients of this kind of service know."""
    code, status, text = _REFUSALS[problem.reason][family]
    members = problem.members if family == "s3" else {}
    if problem.reason == "headers-not-signed" and family == "s3":
        members = {"HeadersNotSigned": problem.detail}
    return ServiceError(text or problem.detail, code=code, status=status, **members)
