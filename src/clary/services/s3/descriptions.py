"""What a request says of an object beside its bytes, and how answers show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from clary.services.s3 import encryption
from clary.services.s3.access import seconds
from clary.services.s3.errors import InvalidArgument, InvalidTag, MalformedXML, MetadataTooLarge
from clary.store.keys import Entry

DEFAULT_TYPE = "binary/octet-stream"
_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "Expires")
_METADATA_LIMIT = 2048  # bytes of names and values together


@dataclass(frozen=True)
class Description:
    content_type: str
    metadata: dict[str, str]
    headers: dict[str, str]
    tags: dict[str, str]
    storage_class: str

    def on(self, entry: Entry) -> Entry:
        return replace(
            entry,
            content_type=self.content_type,
            metadata=self.metadata,
            headers=self.headers,
            tags=self.tags,
            storage_class=self.storage_class,
        )


def read(request: Mapping[str, Any]) -> Description:
    """``MetadataTooLarge``, ``InvalidTag``."""
    metadata = {name.lower(): value for name, value in request.get("Metadata", {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > _METADATA_LIMIT:
        raise MetadataTooLarge(size)
    headers = {name: _text(request[name]) for name in _HEADERS if request.get(name)}
    if "ContentEncoding" in headers:
        # aws-chunked is how the body travelled, not how it is kept.
        kept = [e.strip() for e in headers.pop("ContentEncoding").split(",") if e.strip() not in {"aws-chunked", ""}]
        if kept:
            headers["ContentEncoding"] = ",".join(kept)
    return Description(
        content_type=request.get("ContentType") or DEFAULT_TYPE,
        metadata=metadata,
        headers=headers,
        tags=tags_of_header(request.get("Tagging", "")),
        storage_class=request.get("StorageClass", "STANDARD"),
    )


def shown(entry: Entry) -> dict[str, Any]:
    """The members that GetObject and HeadObject share."""
    headers: dict[str, Any] = dict(entry.headers)
    if "Expires" in headers:
        headers["Expires"] = datetime.fromisoformat(headers["Expires"])
    return {
        "AcceptRanges": "bytes",
        "LastModified": seconds(entry.modified),
        "ETag": quoted(entry.etag),
        "ContentType": entry.content_type,
        "Metadata": dict(entry.metadata),
        "StorageClass": entry.storage_class if entry.storage_class != "STANDARD" else None,
        "TagCount": len(entry.tags) or None,
        **encryption.shown(entry.encryption),
        **headers,
    }


def quoted(etag: str) -> str:
    return f'"{etag}"'


def tags_of_header(text: str) -> dict[str, str]:
    """``k=v&k2=v2``, as a URL's query."""
    try:
        found = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            "x-amz-tagging",
            text,
        ) from None
    return check_tags(found, most=10)


def tags_of_set(tagging: Mapping[str, Any], most: int) -> dict[str, str]:
    return check_tags(pairs(tagging.get("TagSet", [])), most)


def pairs(tags: list[dict[str, str]]) -> list[tuple[str, str]]:
    if any(tag.keys() != {"Key", "Value"} for tag in tags):
        raise MalformedXML
    return [(tag["Key"], tag["Value"]) for tag in tags]


def check_tags(given: list[tuple[str, str]], most: int) -> dict[str, str]:
    """``InvalidTag`` by S3's rules on names, lengths and repeats; BadRequest if there are more than ``most``."""
    tags: dict[str, str] = {}
    for key, value in given:
        if not key or len(key) > 128:
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256:
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", TagKey=key)
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        tags[key] = value
    if len(tags) > most:
        kind = "Object" if most == 10 else "Bucket"
        raise InvalidTag(f"{kind} tags cannot be greater than {most}", code="BadRequest")
    return tags


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
