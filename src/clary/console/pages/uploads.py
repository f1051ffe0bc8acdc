"""What the script that uploads asks for: an upload that is new or goes on, addresses to put parts at, its end.

The bytes go to S3 itself, at addresses that work for a while with the rights of whoever is signed in. Parts that arrived stay
there, so an upload that was cut goes on where it stopped.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from clary.buckets import NoSuchKey
from clary.console.page import action
from clary.console.visit import Visit
from clary.errors import ValidationException
from clary.gateway.http import HttpAnswer
from clary.store.key_errors import NoSuchUpload

PART = 8 << 20
"""Bytes of a part, and of the largest object that goes in one piece."""
_PARTS = 10_000  # at most


@action("/_/uploads/begin")
def begin(visit: Visit) -> HttpAnswer:
    """``{bucket, key, size, type, upload?, replace?}`` → where to put it: ``{put}``, or ``{upload, part, done}``.

    ``done``: numbers of the parts that are there already. ``{exists: true}`` if there is such a key, and no word to replace it.
    """
    bucket, key, size = _target(visit)
    upload = visit.document.get("upload")
    part = _part(size)
    if isinstance(upload, str) and size > PART:
        try:
            found = _parts(visit, bucket, key, upload)
        except NoSuchUpload:
            pass  # it was aborted, or came to its end
        else:
            done = [each["PartNumber"] for each in found if each["Size"] == _length(size, part, each["PartNumber"])]
            return visit.json({"upload": upload, "part": part, "done": done})
    if not visit.document.get("replace") and _exists(visit, bucket, key):
        return visit.json({"exists": True})
    if size <= PART:
        return visit.json({"put": _address(visit, bucket, key)})
    kind = visit.document.get("type")
    given = {"ContentType": kind} if isinstance(kind, str) and kind else {}
    made = visit.call("s3", "CreateMultipartUpload", Bucket=bucket, Key=key, **given)
    return visit.json({"upload": made["UploadId"], "part": part, "done": []})


@action("/_/uploads/address")
def address(visit: Visit) -> HttpAnswer:
    """``{bucket, key, upload, number}`` → where to put this part, as ``{put}``."""
    bucket, key, _ = _target(visit)
    number = visit.document.get("number")
    if not isinstance(number, int) or not 1 <= number <= _PARTS:
        raise ValidationException(f"number is {number!r}: parts have numbers from 1 to {_PARTS}.")
    return visit.json({"put": _address(visit, bucket, key, partNumber=str(number), uploadId=_upload(visit))})


@action("/_/uploads/complete")
def complete(visit: Visit) -> HttpAnswer:
    """``{bucket, key, upload, size}``: makes the object, if all its bytes are there."""
    bucket, key, size = _target(visit)
    upload, part = _upload(visit), _part(size)
    try:
        found = _parts(visit, bucket, key, upload)
    except NoSuchUpload:  # a script asks again when an answer was lost
        if _is_done(visit, bucket, key, size, part):
            return visit.json({})
        raise
    there = [each["PartNumber"] for each in found if each["Size"] == _length(size, part, each["PartNumber"])]
    missing = sorted(set(range(1, -(-size // part) + 1)) - set(there))
    if missing:
        return visit.json({"missing": missing})
    parts = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in found]
    visit.call(
        "s3",
        "CompleteMultipartUpload",
        Bucket=bucket,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": parts},
        MpuObjectSize=size,
    )
    return visit.json({})


@action("/_/uploads/abort")
def abort(visit: Visit) -> HttpAnswer:
    """``{bucket, key, upload}``: forgets it, and the parts that are there. From a form it leads back to the folder."""
    given = visit.form if not visit.wants_json else visit.document
    bucket, key, upload = (str(given.get(name, "")) for name in ("bucket", "key", "upload"))
    visit.call("s3", "AbortMultipartUpload", Bucket=bucket, Key=key, UploadId=upload)
    if visit.wants_json:
        return visit.json({})
    folder = key.rpartition("/")[0]
    return visit.go(f"/_/data/{quote(bucket)}/{quote(folder + '/') if folder else ''}")


def _target(visit: Visit) -> tuple[str, str, int]:
    bucket, key, size = (visit.document.get(name) for name in ("bucket", "key", "size"))
    if not isinstance(bucket, str) or not isinstance(key, str) or not key:
        raise ValidationException("An upload names its bucket and its key.")
    if {".", ".."} & set(key.split("/")):
        raise ValidationException(f"A browser cannot put {key!r}: it takes . and .. for other folders. boto3 can.")
    if size is None:
        size = 0
    if not isinstance(size, int) or size < 0:
        raise ValidationException(f"size is {size!r}: it is a count of bytes.")
    if size > 5 << 40:
        raise ValidationException("An object of S3 has at most 5 TiB.")
    return bucket, key, size


def _upload(visit: Visit) -> str:
    upload = visit.document.get("upload")
    if not isinstance(upload, str) or not upload:
        raise ValidationException("The upload is not named.")
    return upload


def _part(size: int) -> int:
    """Bytes of each part: they grow where there would be too many."""
    return max(PART, -(-size // _PARTS // (1 << 20)) << 20)


def _length(size: int, part: int, number: int) -> int:
    return min(part, size - (number - 1) * part)


def _parts(visit: Visit, bucket: str, key: str, upload: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        answer = visit.call("s3", "ListParts", Bucket=bucket, Key=key, UploadId=upload, PartNumberMarker=after)
        found += answer["Parts"]
        if not answer["IsTruncated"]:
            return found
        after = answer["NextPartNumberMarker"]


def _is_done(visit: Visit, bucket: str, key: str, size: int, part: int) -> bool:
    """Whether the object that is there has this size and is made of so many parts."""
    found = visit.call("s3", "HeadObject", Bucket=bucket, Key=key)
    parts = found["ETag"].strip('"').partition("-")[2]
    return bool(found["ContentLength"] == size and parts == str(-(-size // part)))


def _exists(visit: Visit, bucket: str, key: str) -> bool:
    try:
        visit.call("s3", "HeadObject", Bucket=bucket, Key=key)
    except NoSuchKey:
        return False
    return True


def _address(visit: Visit, bucket: str, key: str, **query: str) -> str:
    """The path and query of an address of S3, for the script is of the same server."""
    place = f"/{quote(bucket)}/{quote(key)}" + (f"?{urlencode(query)}" if query else "")
    return visit.signed("PUT", visit.origin + place).removeprefix(visit.origin)
