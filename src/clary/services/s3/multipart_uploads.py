"""Multipart uploads: begin, take parts, complete or abort, list."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import anyio.to_thread

from clary.context import Context
from clary.errors import ServiceError
from clary.objects.base import Blob
from clary.seals import etag
from clary.services import operation
from clary.services.s3 import bodies, checksums, conditions, descriptions, encryption
from clary.services.s3.access import OWNER, check_key, check_served, open_bucket, seconds, shown_version
from clary.services.s3.copies import find_source, write_anew
from clary.services.s3.descriptions import Description, quoted
from clary.services.s3.errors import BadDigest, InvalidArgument, InvalidRange, InvalidRequest, MalformedXML
from clary.services.s3.lifecycle import abortion, expiration
from clary.services.s3.objects import parse_range
from clary.store.buckets import Bucket
from clary.store.key_errors import NoSuchUpload
from clary.store.keys import NULL, Checksum, Entry
from clary.store.uploads import Part, Upload

SMALLEST = 5 << 20
"""Bytes of every part but the last."""


@operation
def create_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    bucket = open_bucket(context, request)
    description = descriptions.read(request)
    seal = encryption.seal(context, request, bucket)
    algorithm, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if algorithm is not None:
        checksums.check_served(algorithm)
        kind = kind or checksums.default_type(algorithm)
        checksums.check_type(algorithm, kind)
    elif kind is not None:
        raise InvalidRequest(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    kept = asdict(seal.encryption) if seal else None
    body = {**vars(description), "algorithm": algorithm, "type": kind, "encryption": kept}
    upload = context.buckets.uploads.begin(bucket.name, check_key(request["Key"]), body)
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        "ChecksumAlgorithm": algorithm,
        "ChecksumType": kind,
        **abortion(bucket, upload.key, upload.created),
        **encryption.shown(upload.encryption),
    }


@operation
async def upload_part(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    upload, secret = await anyio.to_thread.run_sync(_open, context, request)
    number = _number(request)
    algorithm = upload.body["algorithm"]
    sent = checksums.sent(request).algorithm
    if algorithm and sent and algorithm != sent:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, "
            f"actual checksum Type: {sent.lower()}"
        )

    def name(received: bodies.Received) -> dict[str, Any]:
        kept = received.checksums[algorithm or checksums.DEFAULT]
        part = _put(context, upload, number, received.blob, kept.value)
        echoed = received.checksums[received.sent] if received.sent else kept
        how = encryption.shown(upload.encryption)
        return {"ETag": quoted(part.etag), checksums.member(echoed.algorithm): echoed.value, **how}

    return await bodies.receive(context.buckets.objects, request, name, algorithm or checksums.DEFAULT, secret)


@operation
def upload_part_copy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    (upload, secret), number = _open(context, request), _number(request)
    origin, source = find_source(context, request)
    encryption.check_readable(context, source)
    algorithm = upload.body["algorithm"] or checksums.DEFAULT
    start, length = _copied_range(request.get("CopySourceRange"), source)
    if length > bodies.LARGEST:
        raise InvalidRequest(
            f"The specified copy range is larger than the maximum allowable size for a copy source: {bodies.LARGEST}"
        )
    # Copied, not shared: a part's ETag is the MD5 of its bytes, so they are read in any case.
    blob, checksum = write_anew(context, source, algorithm, secret, start, length)
    part = _put(context, upload, number, blob, checksum)
    return {
        "CopyPartResult": {
            "ETag": quoted(part.etag),
            "LastModified": seconds(part.modified),
            checksums.member(algorithm): part.checksum,
        },
        "CopySourceVersionId": shown_version(origin, source.version),
        **encryption.shown(upload.encryption),
    }


@operation
def complete_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    named = (request.get("MultipartUpload") or {}).get("Parts") or []
    if not named:
        raise InvalidRequest("You must specify at least one part", code="MalformedXML")
    try:
        bucket, upload = find(context, request)
    except NoSuchUpload:
        return _completed_before(context, request, named)
    parts = _chosen(context, upload, named)
    checksum = _checksum(request, upload, parts)
    check = conditions.for_write(request)
    if check is not None:  # now, before the bytes are joined, and again as the key is written
        check(_standing(context, upload))
    try:
        blob = parts[0].blob if len(parts) == 1 else _joined(context, upload, parts)
    except KeyError:
        raise NoSuchUpload(upload.id) from None
    body = upload.body
    description = Description(**{n: body[n] for n in ("content_type", "metadata", "headers", "tags", "storage_class")})
    entry = Entry(
        bucket=upload.bucket,
        key=upload.key,
        blob=blob,
        size=sum(part.size for part in parts),
        etag=_etag([part.etag for part in parts]),
        checksum=checksum,
        encryption=upload.encryption,
        upload=upload.id,
        part_count=len(parts),
    )
    return _completed(context, bucket, context.buckets.complete(upload, description.on(entry), parts, check))


@operation
def abort_multipart_upload(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    context.buckets.abort(find(context, request)[1])
    return {}


@operation
def list_parts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket, upload = find(context, request)
    after, most = request.get("PartNumberMarker", 0), min(request.get("MaxParts", 1000), 1000)
    found = context.buckets.uploads.parts(upload, after, most + 1)
    page = found[:most]
    algorithm = upload.body["algorithm"]
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": most,
        "IsTruncated": bool(page) and len(found) > most,
        "Parts": [_shown(part, algorithm) for part in page],
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": upload.body["storage_class"],
        "ChecksumAlgorithm": algorithm,
        "ChecksumType": upload.body["type"],
        **abortion(bucket, upload.key, upload.created),
    }


def find(context: Context, request: dict[str, Any]) -> tuple[Bucket, Upload]:
    """The bucket and the upload that a request names; ``NoSuchUpload``."""
    bucket = open_bucket(context, request)
    return bucket, context.buckets.uploads.get(bucket.name, request["Key"], request["UploadId"])


def _open(context: Context, request: dict[str, Any]) -> tuple[Upload, bytes | None]:
    """The upload that a request names, and what its parts are sealed under."""
    upload = find(context, request)[1]
    context.own_buckets.require_key("kms:GenerateDataKey", upload.bucket, upload.key, upload.encryption)
    return upload, context.buckets.secret(upload)


def _joined(context: Context, upload: Upload, parts: Sequence[Part]) -> str:
    return context.buckets.objects.join([part.blob for part in parts], context.buckets.secret(upload)).id


def _number(request: dict[str, Any]) -> int:
    number: int = request["PartNumber"]
    if not 1 <= number <= 10_000:
        raise InvalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)
    return number


def _put(context: Context, upload: Upload, number: int, blob: Blob, checksum: str) -> Part:
    part = Part(number, blob.id, blob.size, etag(blob.md5, upload.encryption), context.now(), checksum)
    context.buckets.put_part(upload, part)
    return part


def _copied_range(asked: str | None, source: Entry) -> tuple[int, int]:
    if asked is None:
        return 0, source.size
    span = parse_range(asked, source.size)
    end = asked.rpartition("-")[2]
    if span is None or not end or asked.startswith("bytes=-"):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            asked,
        )
    if int(end) >= source.size:
        raise InvalidRange(asked, source.size)
    return span


def _chosen(context: Context, upload: Upload, named: Sequence[dict[str, Any]]) -> list[Part]:
    """The parts that the caller names, as they are there. ``InvalidPart``, ``InvalidPartOrder``, ``EntityTooSmall``."""
    if any("PartNumber" not in item or "ETag" not in item for item in named):
        raise MalformedXML
    numbers = [item["PartNumber"] for item in named]
    if any(a >= b for a, b in pairwise(numbers)):
        raise ServiceError(
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
            code="InvalidPartOrder",
            UploadId=upload.id,
        )
    there = {part.number: part for part in context.buckets.uploads.parts(upload)}
    parts = []
    for item in named:
        part = there.get(item["PartNumber"])
        if part is None or part.etag != item["ETag"].strip('"') or not _same_checksum(item, part, upload):
            raise ServiceError(
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag.",
                code="InvalidPart",
                UploadId=upload.id,
                PartNumber=str(item["PartNumber"]),
                ETag=item["ETag"].strip('"'),
            )
        parts.append(part)
    for part in parts[:-1]:
        if part.size < SMALLEST:
            raise ServiceError(
                "Your proposed upload is smaller than the minimum allowed size",
                code="EntityTooSmall",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(SMALLEST),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    return parts


def _same_checksum(item: dict[str, Any], part: Part, upload: Upload) -> bool:
    algorithm, kind = upload.body["algorithm"], upload.body["type"]
    if algorithm is None:  # what was computed then was S3's default, not what the client may name
        return True
    given = item.get(checksums.member(algorithm))
    if given is None and kind == checksums.COMPOSITE:
        raise InvalidRequest(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
            f"checksum for each part. It was missing for part {part.number} in the request."
        )
    return given is None or given == part.checksum


def _checksum(request: dict[str, Any], upload: Upload, parts: Sequence[Part]) -> Checksum:
    algorithm = upload.body["algorithm"] or checksums.DEFAULT
    kind = upload.body["type"] or checksums.default_type(algorithm)
    if request.get("ChecksumType", kind) != kind:
        raise InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum "
            "mode."
        )
    size = sum(part.size for part in parts)
    if request.get("MpuObjectSize", size) != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {request['MpuObjectSize']} does not match what was "
            f"computed: {size}"
        )
    found = checksums.over_parts(algorithm, kind, [(part.checksum, part.size) for part in parts])
    given = request.get(checksums.member(algorithm))
    if given is not None and given.partition("-")[0] != found.value.partition("-")[0]:
        raise BadDigest(f"The {algorithm.lower()} you specified did not match the calculated checksum.")
    return found


def _standing(context: Context, upload: Upload) -> Entry | None:
    try:
        return context.buckets.keys.get(upload.bucket, upload.key)
    except KeyError:
        return None


def _completed_before(context: Context, request: dict[str, Any], named: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer once more, to a client that lost the first one; else ``NoSuchUpload``."""
    bucket, upload = open_bucket(context, request), request["UploadId"]
    try:
        entry = context.buckets.keys.get(bucket.name, request["Key"])
    except KeyError:
        raise NoSuchUpload(upload) from None
    if entry.upload != upload or entry.etag != _etag([str(item.get("ETag", "")).strip('"') for item in named]):
        raise NoSuchUpload(upload)
    return _completed(context, bucket, entry)


def _completed(context: Context, bucket: Bucket, entry: Entry) -> dict[str, Any]:
    return {
        "Location": f"{context.url}/{entry.bucket}/{quote(entry.key)}",
        "Bucket": entry.bucket,
        "Key": entry.key,
        "ETag": quoted(entry.etag),
        "VersionId": None if entry.version == NULL else entry.version,
        "Expiration": expiration(bucket, entry),
        **checksums.shown(entry.checksum),
        **encryption.shown(entry.encryption),
    }


def _etag(etags: Sequence[str]) -> str:
    """MD5 of the parts' MD5s, and their count: what S3 gives an object that came in parts."""
    try:
        joined = b"".join(bytes.fromhex(etag) for etag in etags)
    except ValueError:
        return ""
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _shown(part: Part, algorithm: str | None) -> dict[str, Any]:
    shown = {
        "PartNumber": part.number,
        "LastModified": seconds(part.modified),
        "ETag": quoted(part.etag),
        "Size": part.size,
    }
    return {**shown, checksums.member(algorithm): part.checksum} if algorithm else shown
