"""Copies of objects. The copy stands on the same blob as its source: no byte is moved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from clary.buckets import Buckets
from clary.context import Context
from clary.services import operation
from clary.services.s3 import bodies, checksums, conditions, descriptions
from clary.services.s3.access import check_key, check_owner, check_served, check_version, open_bucket, seconds
from clary.services.s3.descriptions import quoted, tags_of_header
from clary.services.s3.errors import InvalidArgument, InvalidRequest
from clary.store.key_errors import OperationAborted
from clary.store.keys import Checksum, Entry

_TRIES = 5


@operation
def copy_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    open_bucket(context, request)
    check_key(request["Key"])
    for _ in range(_TRIES):
        try:
            return _copy(context, request, find_source(context, request))
        except OperationAborted:  # the source was overwritten meanwhile: copy what stands there now
            continue
    raise OperationAborted


def _copy(context: Context, request: dict[str, Any], source: Entry) -> dict[str, Any]:
    bucket, key, check = request["Bucket"], request["Key"], conditions.for_write(request)
    if source.size > bodies.LARGEST:
        raise InvalidRequest(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {bodies.LARGEST}"
        )
    replaced = request.get("MetadataDirective", "COPY") == "REPLACE"
    storage_class = request.get("StorageClass", "STANDARD")
    if (bucket, key) == (source.bucket, source.key) and not replaced and storage_class == source.storage_class:
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    described = descriptions.read(request).on(source) if replaced else source
    tags = source.tags
    if request.get("TaggingDirective", "COPY") == "REPLACE":
        tags = tags_of_header(request.get("Tagging", ""))
    entry = replace(
        described,
        bucket=bucket,
        key=key,
        tags=tags,
        storage_class=storage_class,
        etag=_whole_etag(context.buckets, source),
        checksum=_checksum(context.buckets, source, request.get("ChecksumAlgorithm")),
        upload="",
        part_count=0,
    )
    done = context.buckets.put_entry(entry, check=check, shared=True)
    return {
        "CopyObjectResult": {
            "ETag": quoted(done.etag),
            "LastModified": seconds(done.modified),
            **checksums.shown(done.checksum),
        }
    }


def find_source(context: Context, request: Mapping[str, Any]) -> Entry:
    """The object of ``CopySource``, its owner and conditions checked."""
    check_owner(request.get("ExpectedSourceBucketOwner"))
    bucket, key = parse_source(request["CopySource"])
    source = context.buckets.keys.get(context.buckets.bucket(bucket).name, key)
    conditions.check_copy(request, source)
    return source


def parse_source(text: str) -> tuple[str, str]:
    """``[/]bucket/key[?versionId=null]``, percent-encoded, to (bucket, key)."""
    path, _, query = text.partition("?")
    bucket, found, key = unquote(path).removeprefix("/").partition("/")
    if not found or not bucket or not key:
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text
        )
    check_version({"VersionId": query.removeprefix("versionId=") or None})
    return bucket, key


def _whole_etag(buckets: Buckets, source: Entry) -> str:
    """The MD5 of the bytes; to be computed if the source came in parts."""
    if "-" not in source.etag:
        return source.etag
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in buckets.objects.read(source.blob):
        md5.update(piece)
    return md5.hexdigest()


def _checksum(buckets: Buckets, source: Entry, algorithm: str | None) -> Checksum:
    """The source's if it is of the whole and of the algorithm asked for; else computed."""
    has = source.checksum
    if has is not None and has.type == checksums.FULL and algorithm in {None, has.algorithm}:
        return has
    wanted = algorithm or (has.algorithm if has else checksums.DEFAULT)
    checksums.check_served(wanted)
    return checksums.compute(wanted, buckets.objects.read(source.blob))
