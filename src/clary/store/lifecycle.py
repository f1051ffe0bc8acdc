"""Lifecycle rules: what of a bucket is to go, and when. Pure computing on entries.

Source: S3's user guide, the chapters on lifecycle configuration elements and on expiring objects. Times are rounded up
to the next midnight of UTC, as S3 rounds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from clary.store.buckets import Bucket
from clary.store.keys import Entry

RUN = ("", "LifecycleRun", "all")
"""The record whose change makes the rules be applied now, and not at the next midnight."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An enabled rule. ``larger`` and ``smaller`` in bytes; of ``days`` and ``date`` at most one is set."""

    id: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    larger: int | None = None
    smaller: int | None = None
    days: int | None = None
    date: datetime | None = None
    lone_markers: bool = False
    noncurrent_days: int | None = None
    newer_kept: int = 0
    upload_days: int | None = None

    def covers(self, entry: Entry) -> bool:
        """Whether its filter takes the entry in; a delete marker has neither tags nor size."""
        if not entry.key.startswith(self.prefix):
            return False
        if entry.is_marker:
            return not self.tags and self.larger is None and self.smaller is None
        return (
            self.tags.items() <= entry.tags.items()
            and (self.larger is None or entry.size > self.larger)
            and (self.smaller is None or entry.size < self.smaller)
        )

    def end(self, modified: datetime) -> datetime | None:
        """When what was put then expires."""
        if self.days is not None:
            return midnight(modified + self.days * _DAY)
        return self.date


def rules_of(bucket: Bucket) -> list[Rule]:
    """The bucket's enabled rules."""
    rules = bucket.configuration.get("lifecycle", {}).get("Rules", [])
    return [_rule(rule) for rule in rules if rule["Status"] == "Enabled"]


def expiry(rules: Sequence[Rule], entry: Entry) -> tuple[datetime, Rule] | None:
    """When the current version of an object expires, and by which rule."""
    ends = [(end, rule) for rule in rules if rule.covers(entry) and (end := rule.end(entry.modified)) is not None]
    return min(ends, key=lambda pair: pair[0], default=None)


def upload_end(rules: Sequence[Rule], key: str, begun: datetime) -> tuple[datetime, Rule] | None:
    """When an upload that is not completed is aborted, and by which rule."""
    ends = [
        (midnight(begun + rule.upload_days * _DAY), rule)
        for rule in rules
        if rule.upload_days is not None and key.startswith(rule.prefix)
    ]
    return min(ends, key=lambda pair: pair[0], default=None)


def doomed(rules: Sequence[Rule], versions: Sequence[Entry], now: datetime) -> Iterator[Entry]:
    """Of one key's versions, its newest first, those whose time is over."""
    newest = versions[0]
    if newest.is_marker:
        if len(versions) == 1 and any(rule.covers(newest) and _ends_marker(rule, newest, now) for rule in rules):
            yield newest
    elif (found := expiry(rules, newest)) is not None and found[0] <= now:
        yield newest
    for newer_noncurrent, (newer, entry) in enumerate(pairwise(versions)):
        for rule in rules:
            if rule.noncurrent_days is None or newer_noncurrent < rule.newer_kept or not rule.covers(entry):
                continue
            if midnight(newer.modified + rule.noncurrent_days * _DAY) <= now:  # noncurrent since the newer one came
                yield entry
                break


def midnight(time: datetime) -> datetime:
    """The first midnight of UTC that is not before ``time``."""
    day = time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == time else day + _DAY


def _ends_marker(rule: Rule, marker: Entry, now: datetime) -> bool:
    if rule.lone_markers:
        return True
    end = rule.end(marker.modified)
    return end is not None and end <= now


def _rule(rule: Mapping[str, Any]) -> Rule:
    given: Mapping[str, Any] = rule.get("Filter", {})
    tags = given.get("And", {}).get("Tags", []) + ([given["Tag"]] if "Tag" in given else [])
    given = {"Prefix": rule.get("Prefix", ""), **given, **given.get("And", {})}
    expiration, noncurrent = rule.get("Expiration", {}), rule.get("NoncurrentVersionExpiration", {})
    return Rule(
        id=rule["ID"],
        prefix=given["Prefix"],
        tags={tag["Key"]: tag["Value"] for tag in tags},
        larger=given.get("ObjectSizeGreaterThan"),
        smaller=given.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date=datetime.fromisoformat(expiration["Date"]) if "Date" in expiration else None,
        lone_markers=expiration.get("ExpiredObjectDeleteMarker", False),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        newer_kept=noncurrent.get("NewerNoncurrentVersions", 0),
        upload_days=rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    )
