"""Objects: put, get, head, delete, and their tags."""

from __future__ import annotations

import re
from typing import Any

import anyio.to_thread

from clary.context import Context
from clary.errors import ServiceError
from clary.seals import Seal, etag
from clary.services import operation
from clary.services.s3 import bodies, checksums, conditions, descriptions, encryption
from clary.services.s3.access import check_key, check_served, named_version, open_bucket, shown_version
from clary.services.s3.descriptions import quoted, tag_set, tags_of_set
from clary.services.s3.errors import InvalidArgument, InvalidRange, InvalidRequest, MalformedXML
from clary.services.s3.lifecycle import expiration
from clary.store.buckets import Bucket
from clary.store.keys import NULL, Deleted, Entry

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OVERRIDES = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")


@operation
async def put_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    key, description, check = check_key(request["Key"]), descriptions.read(request), conditions.for_write(request)
    bucket, seal = await anyio.to_thread.run_sync(_target, context, request)
    how = seal.encryption if seal else None

    def name(received: bodies.Received) -> Entry:
        blob, checksum = received.blob, received.checksums[received.sent or checksums.DEFAULT]
        entry = Entry(
            bucket=bucket.name,
            key=key,
            blob=blob.id,
            size=blob.size,
            etag=etag(blob.md5, how),
            checksum=checksum,
            encryption=how,
        )
        return context.buckets.put_entry(description.on(entry), check=check)

    entry = await bodies.receive(context.buckets.objects, request, name, secret=seal.secret if seal else None)
    version = None if entry.version == NULL else entry.version
    return {
        "ETag": quoted(entry.etag),
        "VersionId": version,
        "Expiration": expiration(bucket, entry),
        **checksums.shown(entry.checksum),
        **encryption.shown(how),
    }


@operation
def get_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    entry, start, length, answer = _read(context, request)
    if "ContentLength" not in answer:  # there is no news
        return answer
    encryption.check_readable(context, entry)
    return {**answer, "Body": context.buckets.body(entry, start, length)}


@operation
def head_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    *_, answer = _read(context, request)
    return answer


@operation
def delete_object(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    wanted = (request["Key"], named_version(request))
    bucket, check = open_bucket(context, request), conditions.for_delete(request.get("IfMatch"))
    (done,) = context.buckets.remove(bucket.name, [wanted], check=check)
    version = shown_version(bucket, done.version or done.marker) or None
    return {"VersionId": version, "DeleteMarker": True if done.marker else None}


@operation
def delete_objects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_served(request)
    bucket = open_bucket(context, request).name
    wanted = request["Delete"].get("Objects", [])
    if not 1 <= len(wanted) <= 1000 or not all("Key" in item for item in wanted):
        raise MalformedXML
    done: list[Deleted] = []
    errors: list[dict[str, Any]] = []
    together: list[tuple[str, str]] = []
    for item in wanted:
        try:
            check_served({f"IfMatch{name}": item[name] for name in ("LastModifiedTime", "Size") if name in item})
            target = (item["Key"], named_version(item))
            if "ETag" in item:
                done += context.buckets.remove(bucket, [target], check=conditions.for_delete(item["ETag"]))
            else:
                together.append(target)
        except ServiceError as error:
            named = {name: item[name] for name in ("Key", "VersionId") if name in item}
            errors.append({**named, "Code": error.code, "Message": error.message})
    done += context.buckets.remove(bucket, together)
    return {"Deleted": [] if request["Delete"].get("Quiet") else [_deleted(each) for each in done], "Errors": errors}


@operation
def get_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket, entry = find(context, request)
    return {"TagSet": tag_set(entry.tags), "VersionId": shown_version(bucket, entry.version)}


@operation
def put_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _set_tags(context, request, tags_of_set(request["Tagging"], 10))


@operation
def delete_object_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _set_tags(context, request, {})


def find(context: Context, request: dict[str, Any]) -> tuple[Bucket, Entry]:
    """The bucket and the version of an object that a request names."""
    check_served(request)
    version, bucket = named_version(request), open_bucket(context, request)
    return bucket, context.buckets.keys.get(bucket.name, request["Key"], version)


def _target(context: Context, request: dict[str, Any]) -> tuple[Bucket, Seal | None]:
    bucket = open_bucket(context, request)
    return bucket, encryption.seal(context, request, bucket)


def _set_tags(context: Context, request: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    version, bucket = named_version(request), open_bucket(context, request)
    entry = context.buckets.keys.set_tags(bucket.name, request["Key"], tags, version)
    return {"VersionId": shown_version(bucket, entry.version)}


def _deleted(done: Deleted) -> dict[str, Any]:
    shown: dict[str, Any] = {"Key": done.key}
    if done.version:
        shown["VersionId"] = done.version
    if done.marker:
        shown |= {"DeleteMarker": True, "DeleteMarkerVersionId": done.marker}
    return shown


def _read(context: Context, request: dict[str, Any]) -> tuple[Entry, int, int, dict[str, Any]]:
    """The object, where to read and how much, and the answer without a body."""
    bucket, entry = find(context, request)
    answer = {**descriptions.shown(entry), "VersionId": shown_version(bucket, entry.version)}
    if "VersionId" not in request:
        answer["Expiration"] = expiration(bucket, entry)
    if not conditions.has_news(request, entry, context.now()):
        kept = {name: answer.get(name) for name in ("ETag", "LastModified", "CacheControl", "Expires", "VersionId")}
        return entry, 0, 0, {**kept, "_status": 304}
    for name in _OVERRIDES:
        if (value := request.get(f"Response{name}")) is not None:
            answer[name] = _header(f"response-{_wire(name)}", value)
    span = _span(context, request, entry)
    if request.get("PartNumber") is not None and entry.part_count:
        answer["PartsCount"] = entry.part_count
    if span is None:
        if request.get("ChecksumMode") == "ENABLED":
            answer.update(checksums.shown(entry.checksum))
        return entry, 0, entry.size, {**answer, "ContentLength": entry.size}
    start, length = span
    answer["ContentLength"] = length
    answer["ContentRange"] = f"bytes {start}-{start + length - 1}/{entry.size}"
    return entry, start, length, {**answer, "_status": 206}


def _header(parameter: str, value: Any) -> Any:
    if isinstance(value, str) and not _SENDABLE.fullmatch(value):
        raise InvalidArgument("Header value cannot be represented using ISO-8859-1.", parameter, value)
    return value


def _wire(name: str) -> str:
    return re.sub("(?<!^)([A-Z])", r"-\1", name).lower()


def _span(context: Context, request: dict[str, Any], entry: Entry) -> tuple[int, int] | None:
    """(start, length) of the part that is asked for; None for the whole."""
    number, asked = request.get("PartNumber"), request.get("Range")
    if number is not None:
        if asked is not None:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
        return _span_of_part(context, entry, number)
    return parse_range(asked, entry.size) if asked is not None else None


def _span_of_part(context: Context, entry: Entry, number: int) -> tuple[int, int] | None:
    if not 1 <= number <= 10_000:
        raise InvalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)
    start = 0
    for part in context.buckets.keys.parts(entry):
        if part.number == number:
            return start, part.size
        start += part.size
    if entry.part_count == 0 and number == 1:
        return (0, entry.size) if entry.size else None
    raise ServiceError(
        "The requested partnumber is not satisfiable",
        code="InvalidPartNumber",
        status=416,
        PartNumberRequested=str(number),
        ActualPartCount=str(entry.part_count or 1),
    )


def parse_range(asked: str, size: int) -> tuple[int, int] | None:
    """(start, length); None for what S3 takes for no range: malformed, or several. ``InvalidRange``."""
    found = _RANGE.fullmatch(asked.strip().replace(" ", ""))
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise InvalidRange(asked, size)
    return start, end - start
