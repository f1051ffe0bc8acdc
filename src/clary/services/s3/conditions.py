"""Conditional requests. Sources: RFC 9110 §13, and S3's user guide on conditional reads, writes and deletes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clary.errors import NotServed
from clary.services.s3.access import seconds
from clary.services.s3.errors import NotModified, PreconditionFailed
from clary.store.key_errors import NoSuchKey
from clary.store.keys import Check, Entry


def check_read(request: Mapping[str, Any], entry: Entry) -> None:
    """``PreconditionFailed`` or ``NotModified``. A condition on the ETag silences the one on the time beside it."""
    modified = seconds(entry.modified)
    _check_unchanged(request, entry, "")
    if (none := request.get("IfNoneMatch")) is not None:
        if _names(none, entry):
            raise NotModified(entry.etag, modified)
    elif _since(modified, request.get("IfModifiedSince")):
        raise NotModified(entry.etag, modified)


def check_copy(request: Mapping[str, Any], source: Entry) -> None:
    """The conditions on the source of a copy: ``PreconditionFailed``."""
    _check_unchanged(request, source, "CopySource")
    if (none := request.get("CopySourceIfNoneMatch")) is not None:
        if _names(none, source):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match")
    elif _since(seconds(source.modified), request.get("CopySourceIfModifiedSince")):
        raise PreconditionFailed("x-amz-copy-source-If-Modified-Since")


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


def _names(condition: str, entry: Entry) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in condition.split(",")]
    return "*" in tags or entry.etag in tags


def _since(modified: datetime, since: datetime | None) -> bool:
    # A time that is yet to come is no condition (RFC 9110 §13.1.3).
    return since is not None and modified <= since <= datetime.now(UTC)
