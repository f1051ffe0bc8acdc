"""Conditional requests. Sources: RFC 9110 §13, and S3's user guide on conditional reads, writes and deletes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.errors import NotServed
from clary.services.s3.access import seconds
from clary.services.s3.errors import PreconditionFailed
from clary.store.key_errors import NoSuchKey
from clary.store.keys import Check, Entry


def has_news(request: Mapping[str, Any], entry: Entry, now: datetime) -> bool:
    """Whether the caller has not got the object as it is; ``PreconditionFailed``.

    A condition on the ETag silences the one on the time beside it.
    """
    _check_unchanged(request, entry, "")
    return _unknown(request, entry, "", now) is None


def check_copy(request: Mapping[str, Any], source: Entry, now: datetime) -> None:
    """The conditions on the source of a copy: ``PreconditionFailed``."""
    _check_unchanged(request, source, "CopySource")
    if (failed := _unknown(request, source, "CopySource", now)) is not None:
        raise PreconditionFailed(f"x-amz-copy-source-{failed}")


def for_write(request: Mapping[str, Any]) -> Check | None:
    """What is to be checked as the key is written, or None."""
    none, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none is None and match is None:
        return None
    if none is not None and (match is not None or none != "*"):
        raise NotServed("A header you provided implies functionality that is not implemented", Header="If-None-Match")

    def check(found: Entry | None) -> None:
        if match is None:
            if found is not None:
                raise PreconditionFailed("If-None-Match")
        elif found is None:
            raise NoSuchKey(request["Bucket"], request["Key"])
        elif not _names(match, found):
            raise PreconditionFailed("If-Match")

    return check


def for_delete(match: str | None) -> Check | None:
    """What is to be checked as the key is deleted, or None."""
    if match is None:
        return None

    def check(found: Entry | None) -> None:
        if found is None or not _names(match, found):
            raise PreconditionFailed("If-Match")

    return check


def _check_unchanged(request: Mapping[str, Any], entry: Entry, prefix: str) -> None:
    header = "x-amz-copy-source-" if prefix else ""
    if (match := request.get(f"{prefix}IfMatch")) is not None:
        if not _names(match, entry):
            raise PreconditionFailed(f"{header}If-Match")
    elif (until := request.get(f"{prefix}IfUnmodifiedSince")) is not None and seconds(entry.modified) > until:
        raise PreconditionFailed(f"{header}If-Unmodified-Since")


def _unknown(request: Mapping[str, Any], entry: Entry, prefix: str, now: datetime) -> str | None:
    """The header by which the caller asks for news only and there are none, or None."""
    if (none := request.get(f"{prefix}IfNoneMatch")) is not None:
        return "If-None-Match" if _names(none, entry) else None
    since = request.get(f"{prefix}IfModifiedSince")
    # A time that is yet to come is no condition (RFC 9110 §13.1.3).
    if since is not None and seconds(entry.modified) <= since <= now:
        return "If-Modified-Since"
    return None


def _names(condition: str, entry: Entry) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in condition.split(",")]
    return "*" in tags or entry.etag in tags
