"""Lifecycle configurations: what a bucket's objects and uploads expire by. ``clary.jobs.lifecycle`` applies them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote_plus

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.s3.access import open_bucket
from clary.services.s3.descriptions import check_tags, pairs
from clary.services.s3.errors import InvalidArgument, InvalidRequest, MalformedXML
from clary.store import lifecycle
from clary.store.base import Conflict
from clary.store.buckets import Bucket
from clary.store.keys import Entry

_DEFAULT_SIZE = "all_storage_classes_128K"  # of a transition; it says nothing of expiration
_PREDICATES = frozenset({"Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And"})


@operation
def put_bucket_lifecycle_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    rules = (request.get("LifecycleConfiguration") or {}).get("Rules") or []
    if not 1 <= len(rules) <= 1000:
        raise MalformedXML
    kept = [_checked(rule) for rule in rules]
    if len({rule["ID"] for rule in kept}) < len(kept):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", "")
    size = request.get("TransitionDefaultMinimumObjectSize", _DEFAULT_SIZE)
    context.buckets.index.configure(bucket.name, "lifecycle", {"Rules": kept, "Size": size})
    _apply_now(context)
    return {"TransitionDefaultMinimumObjectSize": size}


@operation
def get_bucket_lifecycle_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    found = bucket.configuration.get("lifecycle")
    if found is None:
        raise ServiceError(
            "The lifecycle configuration does not exist",
            code="NoSuchLifecycleConfiguration",
            status=404,
            BucketName=bucket.name,
        )
    rules = [_with_date(rule, datetime.fromisoformat) for rule in found["Rules"]]
    return {"Rules": rules, "TransitionDefaultMinimumObjectSize": found["Size"]}


@operation
def delete_bucket_lifecycle(context: Context, request: dict[str, Any]) -> None:
    context.buckets.index.configure(open_bucket(context, request).name, "lifecycle", None)


def expiration(bucket: Bucket, entry: Entry) -> str | None:
    """When the current version of an object expires, as x-amz-expiration says it."""
    found = lifecycle.expiry(lifecycle.rules_of(bucket), entry)
    if found is None:
        return None
    end, rule = found
    return f'expiry-date="{format_datetime(end, usegmt=True)}", rule-id="{quote_plus(rule.id)}"'


def abortion(bucket: Bucket, key: str, begun: datetime) -> dict[str, Any]:
    """When an upload will be aborted, in the members of an answer."""
    found = lifecycle.upload_end(lifecycle.rules_of(bucket), key, begun)
    return {"AbortDate": found[0], "AbortRuleId": found[1].id} if found else {}


def _apply_now(context: Context) -> None:
    record = context.store.get(*lifecycle.RUN)
    while record is not None:  # without one no reconciler runs
        try:
            context.store.put(replace(record, body={"Asked": context.now().isoformat()}))
        except Conflict:
            record = context.store.get(*lifecycle.RUN)
        else:
            return


def _checked(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as it is kept: with an ID, its date as a text."""
    for name in ("Transitions", "NoncurrentVersionTransitions"):
        if rule.get(name):
            raise NotServed(
                f"Clary does not serve {name}: all storage classes lie on the same disk. Expiration is served."
            )
    if rule.get("Status") not in {"Enabled", "Disabled"} or ("Filter" in rule) == ("Prefix" in rule):
        raise MalformedXML
    if not any(
        name in rule for name in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    ):
        raise InvalidRequest("At least one action needs to be specified in a rule")
    name = rule.get("ID") or secrets.token_urlsafe(36)
    if len(name) > 255:
        raise InvalidArgument("ID length should not exceed allowed limit of 255", "ID", name)
    narrow = _is_narrow(rule.get("Filter", {}))
    if "AbortIncompleteMultipartUpload" in rule:
        if narrow:
            raise InvalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes")
        _check_days(rule["AbortIncompleteMultipartUpload"], "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    if "NoncurrentVersionExpiration" in rule:
        action = rule["NoncurrentVersionExpiration"]
        _check_days(action, "NoncurrentDays", "NoncurrentVersionExpiration")
        if not 1 <= action.get("NewerNoncurrentVersions", 1) <= 100:
            raise InvalidArgument(
                "'NewerNoncurrentVersions' must be between 1 and 100",
                "NewerNoncurrentVersions",
                action["NewerNoncurrentVersions"],
            )
    if "Expiration" in rule:
        _check_expiration(rule["Expiration"], narrow=narrow)
    return {**_with_date(rule, datetime.isoformat), "ID": name}


def _check_expiration(action: Mapping[str, Any], *, narrow: bool) -> None:
    if len(action) != 1:
        raise MalformedXML
    if "Days" in action:
        _check_days(action, "Days", "Expiration")
    if "Date" in action and lifecycle.midnight(action["Date"]) != action["Date"]:
        raise InvalidArgument("'Date' must be at midnight GMT", "Date", action["Date"].isoformat())
    if "ExpiredObjectDeleteMarker" in action and narrow:
        raise InvalidRequest("ExpiredObjectDeleteMarker cannot be specified with Tags or object sizes")


def _check_days(action: Mapping[str, Any], name: str, kind: str) -> None:
    if name not in action:
        raise MalformedXML
    if action[name] < 1:
        raise InvalidArgument(f"'{name}' for {kind} action must be a positive integer", name, action[name])


def _is_narrow(given: Mapping[str, Any]) -> bool:
    """Whether a filter asks for more than a prefix. ``MalformedXML``, ``InvalidTag``, ``InvalidRequest``."""
    if not given.keys() <= _PREDICATES or len(given) > 1:
        raise MalformedXML
    both = given.get("And", {})
    tags = both.get("Tags", []) + ([given["Tag"]] if "Tag" in given else [])
    if "And" in given and len(both.keys() - {"Tags"}) + len(tags) < 2:
        raise MalformedXML
    check_tags(pairs(tags), 10)
    sizes = [{**given, **both}.get(name) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")]
    _check_sizes(sizes)
    return bool(tags) or sizes != [None, None]


def _check_sizes(sizes: Sequence[int | None]) -> None:
    low, high = sizes
    if (low is not None and low < 0) or (high is not None and high < 1):
        raise InvalidRequest("'ObjectSizeGreaterThan' must not be negative, and 'ObjectSizeLessThan' must be positive")
    if low is not None and high is not None and high <= low + 1:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")


def _with_date(rule: Mapping[str, Any], convert: Any) -> dict[str, Any]:
    """The rule with the date of its expiration, if it has one, converted."""
    action = rule.get("Expiration", {})
    return {**rule, "Expiration": {"Date": convert(action["Date"])}} if "Date" in action else dict(rule)
