"""CORS configurations: which pages of the web may call a bucket. ``clary.gateway.cors`` applies them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import operation
from clary.services.s3.access import open_bucket
from clary.services.s3.errors import InvalidRequest, MalformedXML

_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")


@operation
def put_bucket_cors(context: Context, request: dict[str, Any]) -> None:
    bucket = open_bucket(context, request)
    rules = request["CORSConfiguration"].get("CORSRules") or []
    if not 1 <= len(rules) <= 100:
        raise MalformedXML
    for rule in rules:
        _check(rule)
    context.buckets.index.configure(bucket.name, "cors", {"CORSRules": rules})


@operation
def get_bucket_cors(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    if (found := bucket.configuration.get("cors")) is None:
        raise ServiceError(
            "The CORS configuration does not exist", code="NoSuchCORSConfiguration", status=404, BucketName=bucket.name
        )
    return dict(found)


@operation
def delete_bucket_cors(context: Context, request: dict[str, Any]) -> None:
    context.buckets.index.configure(open_bucket(context, request).name, "cors", None)


def _check(rule: Mapping[str, Any]) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins") or len(rule.get("ID", "")) > 255:
        raise MalformedXML
    for method in rule["AllowedMethods"]:
        if method not in _METHODS:
            raise InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}. "
                f"Clary takes {', '.join(_METHODS)}."
            )
    for kind in ("Origin", "Header"):
        for pattern in rule.get(f"Allowed{kind}s", []):
            if pattern.count("*") > 1:
                raise InvalidRequest(f'Allowed{kind} "{pattern}" can not have more than one wildcard.')
    for name in rule.get("ExposeHeaders", []):
        if "*" in name:
            raise InvalidRequest(
                f'ExposeHeader "{name}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )
