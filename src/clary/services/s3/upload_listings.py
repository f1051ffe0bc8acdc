"""ListMultipartUploads: uploads on their way, by key and then by the time they began."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation
from clary.services.s3.access import OWNER, open_bucket, seconds
from clary.services.s3.errors import InvalidArgument
from clary.services.s3.listings import common_prefix, encoder
from clary.store.uploads import Upload

_MOST = 1000


@operation
def list_multipart_uploads(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    key_marker, id_marker = request.get("KeyMarker", ""), request.get("UploadIdMarker", "")
    most = request.get("MaxUploads", _MOST)
    if not 0 <= most <= 2147483647:
        raise InvalidArgument("Argument max-uploads must be an integer between 0 and 2147483647", "max-uploads", most)
    uploads: list[Upload] = []
    prefixes: list[str] = []
    last, truncated = ("", ""), False
    for upload in context.buckets.uploads.page(bucket.name, prefix):
        common = common_prefix(upload.key, prefix, delimiter)
        if not _is_behind(upload, common, key_marker, id_marker) or (prefixes and common == prefixes[-1]):
            continue
        if len(uploads) + len(prefixes) == min(most, _MOST):
            truncated = most > 0
            break
        if common is None:
            uploads.append(upload)
            last = (upload.key, upload.id)
        else:
            prefixes.append(common)
            last = (common, "")
    encode = encoder(request)
    return {
        "Bucket": bucket.name,
        "KeyMarker": encode(key_marker),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": encode(last[0]) if truncated else None,
        "NextUploadIdMarker": last[1] if truncated else None,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "MaxUploads": min(most, _MOST),
        "IsTruncated": truncated,
        "EncodingType": request.get("EncodingType"),
        "Uploads": [
            {
                "UploadId": upload.id,
                "Key": encode(upload.key),
                "Initiated": seconds(upload.created),
                "StorageClass": upload.body["storage_class"],
                "Owner": OWNER,
                "Initiator": OWNER,
                "ChecksumAlgorithm": upload.body["algorithm"],
                "ChecksumType": upload.body["type"],
            }
            for upload in uploads
        ],
        "CommonPrefixes": [{"Prefix": encode(common)} for common in prefixes],
    }


def _is_behind(upload: Upload, common: str | None, key_marker: str, id_marker: str) -> bool:
    """Whether it comes after the markers; one of the key itself only if an id says from where."""
    if common is not None:
        return common > key_marker
    return upload.key > key_marker or (upload.key == key_marker and bool(id_marker) and upload.id > id_marker)
