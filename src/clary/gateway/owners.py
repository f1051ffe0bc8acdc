"""Who may use Clary's own pages under ``/_/`` that change something: the owner alone, by requests signed as those of AWS."""

from __future__ import annotations

from clary.gateway import signature
from clary.gateway.authentication import authenticate
from clary.gateway.http import HttpRequest
from clary.gateway.signature import SignatureProblem
from clary.keys import Key, Keys


class NotTheOwner(Exception):
    """Somebody else asks; the message says what is the owner's."""


def owner(request: HttpRequest, keys: Keys, what: str) -> Key:
    """The owner's key that signed the request; ``NotTheOwner``. ``what`` begins the sentence: "The clock"."""
    try:
        identity, key = authenticate(signature.read_claim(request), request, keys, request.path)
    except SignatureProblem as problem:
        raise NotTheOwner(f"{what} is the owner's: the request is not signed as theirs ({problem.reason}).") from None
    if not identity.owner:
        raise NotTheOwner(f"{what} is the owner's, not {identity.arn}'s.")
    return key
