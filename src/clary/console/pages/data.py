"""Data: the buckets of S3, their folders and their objects.

An address is an object's key: ``/_/data/bucket/a/b.csv`` shows the object, ``/_/data/bucket/a/`` what lies beneath. S3 has no
folders; one is what keys have in common up to a slash, or an empty object whose key ends with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.buckets import NoSuchKey
from clary.console import boto3_code, object_lists
from clary.console.page import Nav, action, page
from clary.console.previews import objects
from clary.console.previews.manifests import Manifest
from clary.console.templates import s3_page, url
from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.browsers import SANDBOX
from clary.gateway.http import HttpAnswer

HOME = "/_/data"
_GRID = 24
"""Pictures of a manifest on one page."""
_VERSIONS = 50


@page(HOME, nav=Nav("Studio", "Data", order=20))
def buckets(visit: Visit) -> HttpAnswer:
    listing = object_lists.buckets(visit)
    return visit.show("buckets.html", listing=listing, code=boto3_code.call("s3", "ListBuckets", {}))


@action(HOME)
def create_bucket(visit: Visit) -> HttpAnswer:
    name = visit.form.get("name", "").strip()
    visit.call("s3", "CreateBucket", Bucket=name)
    return visit.go(f"{HOME}/{name}/")


@page(f"{HOME}/{{bucket}}")
@page(f"{HOME}/{{bucket}}/{{key...}}")
def place(visit: Visit) -> HttpAnswer:
    """A folder, or an object; a name that is no object's leads to what begins so."""
    bucket, key = visit.path["bucket"], visit.path.get("key", "") or visit.query.get("key", "")
    if not key or key.endswith("/"):
        return _folder(visit, bucket, key)
    try:
        found = visit.call("s3", "HeadObject", Bucket=bucket, Key=key)
    except NoSuchKey:
        below = visit.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=key, MaxKeys=1)["Contents"]
        if not below:
            raise
        if below[0]["Key"].startswith(f"{key}/"):
            return visit.go(s3_page(f"s3://{bucket}/{key}/"))
        folder, _, start = key.rpartition("/")
        return visit.go(s3_page(f"s3://{bucket}/{folder + '/' if folder else ''}"), Prefix=start)
    return _object(visit, bucket, key, found)


@action("/_/objects/delete")
def delete(visit: Visit) -> HttpAnswer:
    """The key is in the form: a browser would take ``..`` in an address for another address."""
    bucket, key = visit.form.get("bucket", ""), visit.form.get("key", "")
    version = {"VersionId": visit.form["version"]} if visit.form.get("version") else {}
    visit.call("s3", "DeleteObject", Bucket=bucket, Key=key, **version)
    above = key.rstrip("/").rpartition("/")[0]
    return visit.go(s3_page(f"s3://{bucket}/{key}" if version else f"s3://{bucket}/{above + '/' if above else ''}"))


@action("/_/objects/delete-bucket")
def delete_bucket(visit: Visit) -> HttpAnswer:
    visit.call("s3", "DeleteBucket", Bucket=visit.form.get("bucket", ""))
    return visit.go(HOME)


@page("/_/objects/content")
def content(visit: Visit) -> HttpAnswer:
    """The bytes of an object: a picture as one, anything else as a file to keep, so that no page of it runs here."""
    uri = visit.query.get("uri", "")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    asked = {"VersionId": visit.query["version"]} if visit.query.get("version") else {}
    if given := visit.request.headers.get("range"):
        asked["Range"] = given
    found = visit.call("s3", "GetObject", Bucket=bucket, Key=key, **asked)
    kind = objects.PICTURES.get(objects.ending(key), "")
    headers = {
        "Content-Type": kind or "application/octet-stream",
        "Content-Length": str(found["ContentLength"]),
        "ETag": found["ETag"],
        "Accept-Ranges": "bytes",
    }
    if "download" in visit.query or not kind:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{url('', key.rpartition('/')[2])[1:]}"
    if "ContentRange" in found:
        headers["Content-Range"] = found["ContentRange"]
    return HttpAnswer(found.get("_status", 200), headers, found["Body"])


@page("/_/objects/page")
def whole_page(visit: Visit) -> HttpAnswer:
    """An object that is a page, for a frame of this console: with an origin of its own and no network."""
    bucket, _, key = visit.query.get("uri", "").removeprefix("s3://").partition("/")
    found = visit.call("s3", "GetObject", Bucket=bucket, Key=key)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(found["ContentLength"]),
        "Content-Security-Policy": f"{SANDBOX}; frame-ancestors 'self'",
    }
    return HttpAnswer(200, headers, found["Body"])


def _folder(visit: Visit, bucket: str, prefix: str) -> HttpAnswer:
    listing = object_lists.folder(visit, bucket, prefix)
    parts = prefix.split("/")[:-1]
    asked = {"Bucket": bucket, "Prefix": prefix + listing.query.get("Prefix", ""), "Delimiter": "/"}
    return visit.show(
        "folder.html",
        listing=listing,
        bucket=bucket,
        prefix=prefix,
        name=parts[-1] if parts else bucket,
        crumbs=_crumbs(bucket, parts[:-1]) if parts else [],
        uploads=_uploads(visit, bucket, prefix),
        code=boto3_code.call("s3", "ListObjectsV2", asked),
    )


def _object(visit: Visit, bucket: str, key: str, found: Mapping[str, Any]) -> HttpAnswer:
    uri = f"s3://{bucket}/{key}"
    shown = objects.Preview("")
    if "x-clary-refresh" not in visit.request.headers:  # its look at the figures, every other second
        shown = objects.preview(visit.context.own_buckets, uri, found["ContentLength"])
    *folders, name = key.split("/")
    return visit.show(
        "object.html",
        bucket=bucket,
        key=key,
        uri=uri,
        name=name,
        found=found,
        crumbs=_crumbs(bucket, folders),
        preview=shown,
        gallery=_gallery(visit, shown.value) if shown.kind == "manifest" else None,
        is_table=objects.ending(key) in {"csv", "csv.gz"},
        versions=_versions(visit, bucket, key) if found.get("VersionId") else [],
        code=boto3_code.call("s3", "GetObject", {"Bucket": bucket, "Key": key}),
    )


def _crumbs(bucket: str, folders: list[str]) -> list[tuple[str, str]]:
    """(name, address) of the bucket and of each folder down to here."""
    found = [(bucket, s3_page(f"s3://{bucket}/"))]
    for count, name in enumerate(folders, 1):
        found.append((name, s3_page(f"s3://{bucket}/{'/'.join(folders[:count])}/")))
    return found


def _gallery(visit: Visit, manifest: Manifest) -> dict[str, Any]:
    """A page of a manifest's pictures, or one of them: ``?from=24``, ``?line=7``."""
    pictures, path = manifest.pictures, visit.request.path
    kept = {"key": visit.query.get("key", "")}
    if (line := visit.query.get("line", "")).isdecimal():
        at = next((i for i, each in enumerate(pictures) if each.line == int(line)), 0)
        near = [pictures[i].line if 0 <= i < len(pictures) else 0 for i in (at - 1, at + 1)]
        before, after = (url(path, **kept, line=each or "") if each else "" for each in near)
        all_ = url(path, **{**kept, "from": at // _GRID * _GRID or ""})
        return {"one": pictures[at], "before": before, "after": after, "all": all_, "at": at + 1}
    asked = visit.query.get("from", "")
    start = min(int(asked), len(pictures) - 1) if asked.isdecimal() else 0
    before = url(path, **{**kept, "from": max(start - _GRID, 0) or ""}) if start else ""
    after = url(path, **{**kept, "from": start + _GRID}) if start + _GRID < len(pictures) else ""
    shown = [(each, url(path, **kept, line=each.line)) for each in pictures[start : start + _GRID]]
    return {"one": None, "shown": shown, "before": before, "after": after, "start": start}


def _uploads(visit: Visit, bucket: str, prefix: str) -> list[dict[str, Any]]:
    """Uploads to this folder that have not come to their end."""
    try:
        found = visit.call("s3", "ListMultipartUploads", Bucket=bucket, Prefix=prefix, Delimiter="/", MaxUploads=20)
    except ServiceError:  # who may list keys need not be one who may list uploads
        return []
    return list(found["Uploads"])


def _versions(visit: Visit, bucket: str, key: str) -> list[dict[str, Any]]:
    """The versions of this key, delete markers among them, the newest first."""
    try:
        found = visit.call("s3", "ListObjectVersions", Bucket=bucket, Prefix=key, MaxKeys=_VERSIONS)
    except ServiceError:
        return []
    both = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    return sorted((each for each in both if each["Key"] == key), key=lambda each: each["LastModified"], reverse=True)
