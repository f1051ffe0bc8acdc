"""Lists of buckets and of a folder's contents as their address asks for them.

S3 tells keys in their order and in pages; any other order needs all of them, of which at most ``MOST`` are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary.console.lists import Listing
from clary.console.templates import s3_page
from clary.console.visit import Visit

PAGE = 100
"""Rows of a page."""
MOST = 10_000
_PLACE = "at:"  # of a page of rows that were sorted here

_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "Name": lambda row: row["name"],
    "Size": lambda row: row["size"],
    "LastModified": lambda row: row["modified"],
    "CreationDate": lambda row: row["CreationDate"],
}


@dataclass(frozen=True)
class FolderListing(Listing):
    """``partial``: whether only the first ``MOST`` were sorted."""

    partial: bool = False

    @property
    def descending(self) -> bool:
        return self.query.get("SortOrder") == "Descending"

    @property
    def filtered(self) -> bool:
        return any(self.query.get(name) for name in ("Prefix", "NextToken"))


def buckets(visit: Visit) -> FolderListing:
    query = _query(visit)
    found = visit.call("s3", "ListBuckets", **({"Prefix": query["Prefix"]} if "Prefix" in query else {}))
    rows = [{**each, "name": each["Name"], "page": s3_page(f"s3://{each['Name']}/")} for each in found["Buckets"]]
    return _sorted(visit, rows, query)


def folder(visit: Visit, bucket: str, prefix: str) -> FolderListing:
    """Its folders before its objects, in each page. The filter is the beginning of a name, which S3 can seek."""
    query = _query(visit)
    asked = {"Bucket": bucket, "Prefix": prefix + query.get("Prefix", ""), "Delimiter": "/"}
    token = query.get("NextToken", "")
    if query.get("SortBy", "Name") == "Name" and query.get("SortOrder") != "Descending":
        found = visit.call(
            "s3", "ListObjectsV2", **asked, MaxKeys=PAGE, **({"ContinuationToken": token} if token else {})
        )
        rows = _rows(found, bucket, prefix)
        return FolderListing(visit.request.path, rows, query, found.get("NextContinuationToken") or "", "Name")
    rows, more = [], ""
    while len(rows) < MOST:
        found = visit.call("s3", "ListObjectsV2", **asked, **({"ContinuationToken": more} if more else {}))
        rows += _rows(found, bucket, prefix)
        more = found.get("NextContinuationToken") or ""
        if not more:
            break
    return _sorted(visit, rows, query, partial=bool(more))


def _query(visit: Visit) -> dict[str, str]:
    names = ("Prefix", "SortBy", "SortOrder", "NextToken", "key")
    return {name: visit.query[name] for name in names if visit.query.get(name)}


def _rows(found: Mapping[str, Any], bucket: str, prefix: str) -> list[dict[str, Any]]:
    folders = [(each["Prefix"], {"size": -1, "modified": None}) for each in found["CommonPrefixes"]]
    files = [(each["Key"], {"size": each["Size"], "modified": each["LastModified"]}) for each in found["Contents"]]
    return [
        {"key": key, "name": key.removeprefix(prefix), "page": s3_page(f"s3://{bucket}/{key}"), **what}
        for key, what in folders + files
        if key != prefix  # the empty object that makes the folder
    ]


def _sorted(
    visit: Visit, rows: list[dict[str, Any]], query: Mapping[str, str], *, partial: bool = False
) -> FolderListing:
    """One page of rows that are all here; what the column does not know of comes last."""
    by = _KEYS.get(query.get("SortBy", ""), _KEYS["Name"])
    down = query.get("SortOrder") == "Descending"
    known = [row for row in rows if row.get("size") != -1 or by is _KEYS["Name"]]
    rest = [row for row in rows if row.get("size") == -1 and by is not _KEYS["Name"]]
    ordered = sorted(known, key=by, reverse=down) + rest
    token = query.get("NextToken", "").removeprefix(_PLACE)
    start = int(token) if token.isdecimal() else 0
    following = f"{_PLACE}{start + PAGE}" if start + PAGE < len(ordered) else ""
    return FolderListing(visit.request.path, ordered[start : start + PAGE], query, following, "Name", partial)
