"""ListObjects in both versions: keys in the order of their UTF-8 bytes, folded at a delimiter, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from clary.context import Context
from clary.services import operation
from clary.services.s3.access import OWNER, open_bucket, seconds
from clary.services.s3.descriptions import quoted
from clary.services.s3.errors import InvalidArgument
from clary.store.keys import Entry, KeyIndex, successor

_MOST = 1000  # items of a page
_BATCH = _MOST + 1  # rows read at a time: a page, and the one that tells that it is not the last


@dataclass
class _Page:
    entries: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""  # the last item, a key or a common prefix
    truncated: bool = False

    @property
    def size(self) -> int:
        return len(self.entries) + len(self.prefixes)


@operation
def list_objects_v2(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    after: str = request.get("StartAfter", "")
    start: str | None = ""
    if (token := request.get("ContinuationToken")) is not None:
        after, start = _read_token(token, prefix, delimiter)
    most = most_of(request)
    page = _page(context.buckets.keys, bucket.name, prefix, delimiter, after, start, most)
    encode = encoder(request)
    return {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "StartAfter": encode(request["StartAfter"]) if "StartAfter" in request else None,
        "ContinuationToken": token,
        "NextContinuationToken": _token(page.last) if page.truncated else None,
        "KeyCount": page.size,
        "MaxKeys": most,
        "IsTruncated": page.truncated,
        "EncodingType": request.get("EncodingType"),
        "Contents": [_shown(entry, encode, owner=bool(request.get("FetchOwner"))) for entry in page.entries],
        "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
    }


@operation
def list_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    marker = request.get("Marker", "")
    most = most_of(request)
    page = _page(context.buckets.keys, bucket.name, prefix, delimiter, *_behind(marker, prefix, delimiter), most)
    encode = encoder(request)
    return {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "Marker": encode(marker),
        "NextMarker": encode(page.last) if page.truncated and delimiter else None,
        "MaxKeys": most,
        "IsTruncated": page.truncated,
        "EncodingType": request.get("EncodingType"),
        "Contents": [_shown(entry, encode, owner=True) for entry in page.entries],
        "CommonPrefixes": [{"Prefix": encode(common)} for common in page.prefixes],
    }


def encoder(request: dict[str, Any]) -> Callable[[str], str]:
    """How texts of a listing are written: as they are, or as forms are encoded (which clients decode)."""
    kind = request.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        raise InvalidArgument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return lambda text: quote_plus(text, safe="/")


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The part of the key up to the first delimiter behind the prefix, if there is one."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: end + len(delimiter)] if end >= 0 else None


def _page(index: KeyIndex, bucket: str, prefix: str, delimiter: str, after: str, start: str | None, most: int) -> _Page:
    page = _Page()
    if most == 0 or start is None:
        return page
    for item in _items(index, bucket, prefix, delimiter, after, start):
        if page.size == most:
            page.truncated = True
            return page
        if isinstance(item, Entry):
            page.entries.append(item)
            page.last = item.key
        else:
            page.prefixes.append(item)
            page.last = item
    return page


def _items(index: KeyIndex, bucket: str, prefix: str, delimiter: str, after: str, start: str) -> Iterator[Entry | str]:
    """Entries and common prefixes in their order; what lies below a prefix is leapt over, not read."""
    # Behind a common prefix the next one is likely near, so the batches begin small again.
    batch = _BATCH if not delimiter else 8
    while rows := index.page(bucket, prefix, after=after, start=start, limit=batch):
        batch = min(batch * 2, _BATCH)
        for entry in rows:
            common = common_prefix(entry.key, prefix, delimiter)
            if common is not None:
                yield common
                following = successor(common)
                if following is None:
                    return
                after, start, batch = "", following, 8
                break
            yield entry
            after = entry.key


def _behind(item: str, prefix: str, delimiter: str) -> tuple[str, str | None]:
    """(after, start) of what follows a key, or all of the common prefix that it lies in; start None: nothing does."""
    common = common_prefix(item, prefix, delimiter) if item.startswith(prefix) else None
    return (item, "") if common is None else ("", successor(common))


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(b"\x01" + last.encode()).decode()


def _read_token(token: str, prefix: str, delimiter: str) -> tuple[str, str | None]:
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        if raw[:1] != b"\x01":
            raise ValueError
        return _behind(raw[1:].decode(), prefix, delimiter)
    except (binascii.Error, ValueError):
        raise InvalidArgument("The continuation token provided is incorrect", "continuation-token", token) from None


def most_of(request: dict[str, Any]) -> int:
    most: int = request.get("MaxKeys", _MOST)
    if most < 0:
        raise InvalidArgument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", most)
    return min(most, _MOST)


def _shown(entry: Entry, encode: Callable[[str], str], *, owner: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Key": encode(entry.key),
        "LastModified": seconds(entry.modified),
        "ETag": quoted(entry.etag),
        "Size": entry.size,
        "StorageClass": entry.storage_class,
    }
    if entry.checksum:
        shown["ChecksumAlgorithm"] = [entry.checksum.algorithm]
        shown["ChecksumType"] = entry.checksum.type
    if owner:
        shown["Owner"] = OWNER
    return shown
