"""What a channel is made of: the objects below a prefix, those that a manifest names, or an augmented manifest's lines.

Source of the formats: S3DataSource in SageMaker's API reference, and its guide's page on augmented manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clary.buckets import Entry, parse_uri
from clary.errors import ValidationException
from clary.guarded_buckets import GuardedBuckets


class CannotStage(Exception):
    """The input cannot be laid out; the message becomes the job's FailureReason."""

    def __init__(self, what: str) -> None:
        super().__init__(f"ClientError: Data download failed: {what}")


@dataclass(frozen=True)
class Item:
    """An object of a channel; ``name``: its path below the channel's folder."""

    entry: Entry
    name: str

    @property
    def uri(self) -> str:
        return f"s3://{self.entry.bucket}/{self.entry.key}"


Line = list[Item | str]
"""What an augmented manifest's line sends, attribute by attribute: an object, or a JSON text."""


def objects(buckets: GuardedBuckets, source: dict[str, Any]) -> list[Item]:
    """Of an S3DataSource of the types S3Prefix and ManifestFile, in the order in which they are streamed."""
    uri = source["S3Uri"]
    return list(_named(buckets, uri) if source["S3DataType"] == "ManifestFile" else below(buckets, uri))


def below(buckets: GuardedBuckets, uri: str) -> Iterator[Item]:
    """The objects whose URI begins so, by key, without the markers of folders."""
    prefix = uri.removeprefix("s3://").partition("/")[2]
    for entry in buckets.list(uri):
        if not entry.key.endswith("/"):
            yield Item(entry, _path(entry.key, prefix))


def _path(key: str, prefix: str) -> str:
    """Where a key lies in its channel's folder: what follows the prefix, if that is a folder or the whole key."""
    if key == prefix:
        return key.rpartition("/")[2]
    if not prefix.endswith("/") and key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _named(buckets: GuardedBuckets, manifest: str) -> Iterator[Item]:
    """``[{"prefix": "s3://bucket/folder/"}, "a.csv", ...]``: a file lies under what stands behind the prefix."""
    try:
        entries = json.loads(_text(buckets, manifest))
    except ValueError as error:
        raise CannotStage(f"the manifest {manifest} is no JSON: {error}") from None
    head = entries[0] if isinstance(entries, list) and entries else None
    prefix = head.get("prefix") if isinstance(head, dict) else None
    if not isinstance(prefix, str):
        raise CannotStage(
            f'the manifest {manifest} does not begin with its prefix: it is a list like [{{"prefix": "s3://bucket/folder/"}}, '
            '"a.csv", "b.csv"]'
        )
    for number, name in enumerate(entries[1:], start=2):
        place = f"the manifest {manifest} names in its entry {number}"
        if not isinstance(name, str):
            raise CannotStage(f"{place} {json.dumps(name)[:100]}: an entry is what follows the prefix, as text")
        yield Item(_found(buckets, prefix + name, place), name)


def lines(buckets: GuardedBuckets, source: dict[str, Any]) -> list[Line]:
    """Of an S3DataSource of the type AugmentedManifestFile; empty lines are passed over, and counted."""
    manifest, found = source["S3Uri"], []
    for number, text in enumerate(_text(buckets, manifest).split("\n"), start=1):
        if not text.strip():
            continue
        place = f"the manifest {manifest}, line {number}"
        try:
            attributes = json.loads(text)
        except ValueError as error:
            raise CannotStage(f"{place}: no JSON: {error}") from None
        if not isinstance(attributes, dict):
            raise CannotStage(f"{place}: a line is a JSON object, this one is {text[:100]}")
        found.append([_attribute(buckets, attributes, name, place) for name in source["AttributeNames"]])
    return found


def _attribute(buckets: GuardedBuckets, attributes: dict[str, Any], name: str, place: str) -> Item | str:
    if name not in attributes:
        raise CannotStage(
            f"{place}: there is no attribute {name!r}; it has {', '.join(map(repr, attributes)) or 'none'}"
        )
    value = attributes[name]
    if not name.endswith("-ref"):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        raise CannotStage(f"{place}: the attribute {name!r} is {json.dumps(value)[:100]}, not the URI of an object")
    return Item(_found(buckets, value, f"{place}, names in {name!r}"), value)


def _found(buckets: GuardedBuckets, uri: str, place: str) -> Entry:
    try:
        if not parse_uri(uri)[1]:
            raise CannotStage(f"{place} {uri}, which is a bucket and no object")
        return buckets.find(uri)
    except ValidationException as error:
        raise CannotStage(f"{place} {error}") from None
    except KeyError:
        raise CannotStage(f"{place} the object {uri}, which does not exist") from None


def _text(buckets: GuardedBuckets, manifest: str) -> str:
    try:
        return buckets.get_bytes(manifest).decode()
    except KeyError:
        raise CannotStage(f"the manifest {manifest} does not exist") from None
    except UnicodeDecodeError as error:
        raise CannotStage(f"the manifest {manifest} is no text in UTF-8: {error}") from None
