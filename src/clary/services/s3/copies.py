"""Copies of objects. The copy stands on the same blob as its source, no byte is moved; unless one of them is encrypted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from clary import seals
from clary.buckets import Buckets
from clary.context import Context
from clary.objects.base import Blob
from clary.seals import Seal
from clary.services import operation
from clary.services.s3 import bodies, checksums, conditions, descriptions, encryption
from clary.services.s3.access import (
    check_key,
    check_owner,
    check_served,
    named_version,
    open_bucket,
    seconds,
    shown_version,
)
from clary.services.s3.descriptions import quoted, tags_of_header
from clary.services.s3.errors import InvalidArgument, InvalidRequest
from clary.services.s3.lifecycle import expiration
from clary.store.buckets import Bucket
from clary.store.key_errors import IsDeleteMarker, OperationAborted
from clary.store.keys import NULL, Checksum, Entry

_TRIES = 5


@operation
def copy_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    target = open_bucket(context, request)
    check_key(request["Key"])
    for _ in range(_TRIES):
        try:
            return _copy(context, request, target, *find_source(context, request))
        except OperationAborted:  # the source was overwritten meanwhile: copy what stands there now
            continue
    raise OperationAborted


def _copy(context: Context, request: dict[str, Any], target: Bucket, origin: Bucket, source: Entry) -> dict[str, Any]:
    bucket, key, check = target.name, request["Key"], conditions.for_write(request)
    if source.size > bodies.LARGEST:
        raise InvalidRequest(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {bodies.LARGEST}"
        )
    replaced = request.get("MetadataDirective", "COPY") == "REPLACE"
    storage_class = request.get("StorageClass", "STANDARD")
    changed = replaced or storage_class != source.storage_class or "ServerSideEncryption" in request
    # A version that is named may be put on top of the others once more.
    if (bucket, key) == (source.bucket, source.key) and not changed and not parse_source(request["CopySource"])[2]:
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    described = descriptions.read(request).on(source) if replaced else source
    tags = source.tags
    if request.get("TaggingDirective", "COPY") == "REPLACE":
        tags = tags_of_header(request.get("Tagging", ""))
    entry = replace(described, bucket=bucket, key=key, tags=tags, storage_class=storage_class, upload="", part_count=0)
    seal, algorithm = encryption.seal(context, request, target), request.get("ChecksumAlgorithm")
    if seal is None and source.encryption is None:
        etag, checksum = _whole_etag(context.buckets, source), _checksum(context.buckets, source, algorithm)
        done = context.buckets.put_entry(replace(entry, etag=etag, checksum=checksum), check=check, shared=True)
    else:
        encryption.check_readable(context, source)
        done = context.buckets.put_entry(_rewritten(context, source, entry, seal, algorithm), check=check)
    return {
        "CopyObjectResult": {
            "ETag": quoted(done.etag),
            "LastModified": seconds(done.modified),
            **checksums.shown(done.checksum),
        },
        "CopySourceVersionId": shown_version(origin, source.version),
        "VersionId": None if done.version == NULL else done.version,
        "Expiration": expiration(target, done),
        **encryption.shown(done.encryption),
    }


def find_source(context: Context, request: Mapping[str, Any]) -> tuple[Bucket, Entry]:
    """The object of ``CopySource`` and its bucket, its owner and conditions checked."""
    check_owner(request.get("ExpectedSourceBucketOwner"))
    name, key, version = parse_source(request["CopySource"])
    bucket = context.buckets.bucket(name)
    try:
        source = context.buckets.keys.get(name, key, version)
    except IsDeleteMarker:
        raise InvalidRequest(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        ) from None
    conditions.check_copy(request, source, context.now())
    return bucket, source


def parse_source(text: str) -> tuple[str, str, str]:
    """``[/]bucket/key[?versionId=...]``, percent-encoded, to (bucket, key, version or "")."""
    path, _, query = text.partition("?")
    bucket, found, key = unquote(path).removeprefix("/").partition("/")
    if not found or not bucket or not key:
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text
        )
    version = {"VersionId": unquote(query.removeprefix("versionId="))} if query else {}
    return bucket, key, named_version(version)


def write_anew(
    context: Context,
    source: Entry,
    algorithm: str,
    secret: bytes | None,
    start: int = 0,
    length: int | None = None,
) -> tuple[Blob, str]:
    """A new blob of a range of the source's bytes, and their checksum."""
    running, receiver = checksums.digest(algorithm), context.buckets.objects.receive(secret)
    try:
        for piece in context.buckets.read(source, start, length):
            receiver.write(piece)
            running.update(piece)
        return receiver.commit(), checksums.encode(running.digest())
    finally:
        receiver.abort()


def _rewritten(context: Context, source: Entry, entry: Entry, seal: Seal | None, algorithm: str | None) -> Entry:
    """The copy of an encrypted object, or the encrypted copy of one."""
    wanted = algorithm or (source.checksum.algorithm if source.checksum else checksums.DEFAULT)
    checksums.check_served(wanted)
    blob, checksum = write_anew(context, source, wanted, seal.secret if seal else None)
    how = seal.encryption if seal else None
    etag = seals.etag(blob.md5, how)
    return replace(entry, blob=blob.id, etag=etag, checksum=Checksum(wanted, checksum), encryption=how)


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
