"""Whether a bucket keeps versions, and ListObjectVersions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from clary.context import Context
from clary.errors import NotServed
from clary.services import operation
from clary.services.s3.access import OWNER, named_version, open_bucket, seconds
from clary.services.s3.descriptions import quoted
from clary.services.s3.errors import InvalidArgument, MalformedXML
from clary.services.s3.listings import common_prefix, encoder, most_of
from clary.store.buckets import ENABLED, SUSPENDED
from clary.store.keys import Entry, KeyIndex, successor

_BATCH = 1001  # rows read at a time: a page, and the one that tells that it is not the last
_BEYOND = sys.maxsize  # above every sequence


@operation
def put_bucket_versioning(context: Context, request: dict[str, Any]) -> None:
    bucket, wanted = open_bucket(context, request), request["VersioningConfiguration"]
    if wanted.get("MFADelete", "Disabled") != "Disabled" or "MFA" in request:
        raise NotServed("Clary does not serve MFADelete: there is no device to ask.")
    if wanted.get("Status") not in {ENABLED, SUSPENDED}:
        raise MalformedXML
    context.buckets.index.set_versioning(bucket.name, wanted["Status"])


@operation
def get_bucket_versioning(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Status": open_bucket(context, request).versioning or None}


@dataclass
class _Page:
    entries: list[tuple[Entry, bool]] = field(default_factory=list)  # whether it is its key's newest
    prefixes: list[str] = field(default_factory=list)
    last: tuple[str, str] = ("", "")  # key and version, or a common prefix and ""
    truncated: bool = False


@operation
def list_object_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    marker, version = request.get("KeyMarker", ""), named_version({"VersionId": request.get("VersionIdMarker")})
    if version and not marker:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", version
        )
    below = None
    if version:  # if it was deleted meanwhile, its key's others are shown once more rather than left out
        below = context.buckets.keys.sequence(bucket.name, marker, version) or _BEYOND
    most = most_of(request)
    page = _page(_items(context.buckets.keys, bucket.name, prefix, delimiter, marker, below), most)
    encode = encoder(request)
    shown = [(entry, {**_shown(entry), "Key": encode(entry.key), "IsLatest": newest}) for entry, newest in page.entries]
    return {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "KeyMarker": encode(marker),
        "VersionIdMarker": version,
        "NextKeyMarker": encode(page.last[0]) if page.truncated else None,
        "NextVersionIdMarker": page.last[1] or None if page.truncated else None,
        "MaxKeys": most,
        "IsTruncated": page.truncated,
        "EncodingType": request.get("EncodingType"),
        "Versions": [item for entry, item in shown if not entry.is_marker],
        "DeleteMarkers": [item for entry, item in shown if entry.is_marker],
        "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
    }


def _page(items: Iterator[tuple[Entry, bool] | str], most: int) -> _Page:
    page = _Page()
    if most == 0:
        return page
    for item in items:
        if len(page.entries) + len(page.prefixes) == most:
            page.truncated = True
            break
        if isinstance(item, str):
            page.prefixes.append(item)
            page.last = (item, "")
        else:
            page.entries.append(item)
            page.last = (item[0].key, item[0].version)
    return page


def _items(
    index: KeyIndex, bucket: str, prefix: str, delimiter: str, after: str, below: int | None
) -> Iterator[tuple[Entry, bool] | str]:
    """Versions (with whether each is its key's newest) and common prefixes, in their order."""
    start: str | None = ""
    if (common := common_prefix(after, prefix, delimiter)) is not None and after.startswith(prefix):
        after, below, start = "", None, successor(common)
    key = after if below not in {None, _BEYOND} else None  # whose newest has been seen
    batch = _BATCH if not delimiter else 8
    while start is not None and (
        rows := index.versions(bucket, prefix, after=after, below=below, start=start, limit=batch)
    ):
        batch = min(batch * 2, _BATCH)
        for entry in rows:
            common = common_prefix(entry.key, prefix, delimiter)
            if common is not None:
                yield common
                after, below, start, batch = "", None, successor(common), 8
                break
            yield entry, entry.key != key
            key = after = entry.key
            below = entry.sequence


def _shown(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"VersionId": entry.version, "LastModified": seconds(entry.modified), "Owner": OWNER}
    if entry.is_marker:
        return shown
    shown |= {"ETag": quoted(entry.etag), "Size": entry.size, "StorageClass": entry.storage_class}
    if entry.checksum:
        shown |= {"ChecksumAlgorithm": [entry.checksum.algorithm], "ChecksumType": entry.checksum.type}
    return shown
