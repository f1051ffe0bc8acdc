"""CORS: a bucket's rules applied to preflight requests of browsers, and to the answers of the calls that follow.

Source: the Fetch standard, and S3's user guide on how it evaluates a CORS configuration: the first rule that allows
origin, method and every header counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clary.buckets import Buckets
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.labelling.object_addresses import IN_FRAME

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def preflight(request: HttpRequest, path: str, buckets: Buckets) -> HttpAnswer:
    """The answer to OPTIONS; ``ServiceError`` (400, 403, 404) if the call that is asked for is not allowed.

    ``path`` is the raw path with the bucket in it.
    """
    origin, method = request.headers.get("origin"), request.headers.get("access-control-request-method")
    if origin is None:
        raise ServiceError("Insufficient information. Origin request header needed.", code="BadRequest")
    if method is None:
        raise ServiceError("Invalid Access-Control-Request-Method: null", code="BadRequest")
    asked = request.headers.get("access-control-request-headers", "").lower().split(",")
    headers = [name.strip() for name in asked if name.strip()]
    _, bucket, *key = path.split("/", 2)
    rules = buckets.bucket(bucket).configuration.get("cors", {}).get("CORSRules", [])
    what = {"Method": method, "ResourceType": "OBJECT" if any(key) else "BUCKET"}
    if not rules:
        text = "CORSResponse: CORS is not enabled for this bucket."
        raise ServiceError(text, code="AccessForbidden", status=403, **what)
    rule = _match(rules, origin, method, headers)
    if rule is None:
        text = (
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS spec."
        )
        raise ServiceError(text, code="AccessForbidden", status=403, **what)
    allowed = {"Access-Control-Allow-Headers": ", ".join(headers)} if headers else {}
    return HttpAnswer(200, _headers(rule, origin) | allowed)


def shared(request: HttpRequest, path: str, buckets: Buckets, answer: HttpAnswer) -> HttpAnswer:
    """The answer with what lets a page of the request's origin read it, if the bucket's rules do.

    A worker's template is a page of no origin; the addresses that it was given are for it, whatever the rules.
    """
    if request.headers["origin"] == "null" and f"{IN_FRAME}=" in request.query:
        return replace(answer, headers={**answer.headers, "Access-Control-Allow-Origin": "*"})
    bucket = buckets.index.get(path.split("/", 2)[1])
    rules = bucket.configuration.get("cors", {}).get("CORSRules", []) if bucket else []
    rule = _match(rules, request.headers["origin"], request.method, [])
    if rule is None:
        return answer
    return replace(answer, headers={**answer.headers, **_headers(rule, request.headers["origin"])})


def _match(
    rules: Sequence[Mapping[str, Any]], origin: str, method: str, headers: Sequence[str]
) -> Mapping[str, Any] | None:
    for rule in rules:
        patterns = [pattern.lower() for pattern in rule.get("AllowedHeaders", [])]
        if (
            method in rule["AllowedMethods"]
            and any(_fits(pattern, origin) for pattern in rule["AllowedOrigins"])
            and all(any(_fits(pattern, name) for pattern in patterns) for name in headers)
        ):
            return rule
    return None


def _fits(pattern: str, text: str) -> bool:
    """Whether the text is the pattern's, which may hold one ``*``."""
    before, star, behind = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(behind) and text.startswith(before) and text.endswith(behind)


def _headers(rule: Mapping[str, Any], origin: str) -> dict[str, str]:
    everyone = "*" in rule["AllowedOrigins"]
    found = {
        "Access-Control-Allow-Origin": "*" if everyone else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
        "Vary": _VARY,
    }
    if not everyone:
        found["Access-Control-Allow-Credentials"] = "true"
    if rule.get("ExposeHeaders"):
        found["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if "MaxAgeSeconds" in rule:
        found["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    return found
