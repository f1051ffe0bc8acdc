"""GetObjectAttributes: what is known of an object, and of the parts it came in."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.s3 import checksums
from clary.services.s3.access import seconds, shown_version
from clary.services.s3.objects import find
from clary.store.keys import Entry


@operation
def get_object_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket, entry = find(context, request)
    known = {
        "ETag": entry.etag,  # without quotes, here alone
        "Checksum": checksums.shown(entry.checksum) or None,
        "ObjectParts": _parts(context, request, entry) if entry.part_count else None,
        "StorageClass": entry.storage_class,
        "ObjectSize": entry.size,
    }
    wanted = {name: known[name] for name in request["ObjectAttributes"]}
    version = shown_version(bucket, entry.version)
    return {"LastModified": seconds(entry.modified), "VersionId": version, **wanted}


def _parts(context: Context, request: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Parts are listed only where each has a checksum that counts: composite ones, as in S3."""
    answer: dict[str, Any] = {"TotalPartsCount": entry.part_count}
    checksum = entry.checksum
    if checksum is None or checksum.type != checksums.COMPOSITE:
        return answer
    after, most = request.get("PartNumberMarker", 0), min(request.get("MaxParts", 1000), 1000)
    found = [part for part in context.buckets.keys.parts(entry) if part.number > after]
    page = found[:most]
    member = checksums.member(checksum.algorithm)
    return {
        **answer,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": most,
        "IsTruncated": len(found) > len(page),
        "Parts": [{"PartNumber": part.number, "Size": part.size, member: part.checksum} for part in page],
    }
