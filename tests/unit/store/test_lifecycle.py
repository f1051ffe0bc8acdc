"""Lifecycle rules by table: which versions of a key are due at a moment, and by which rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.store.buckets import Bucket
from clary.store.keys import Entry
from clary.store.lifecycle import doomed, expiry, midnight, rules_of, upload_end

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(key: str = "logs/a", age: float = 0, *, marker: bool = False, **given: Any) -> Entry:
    """A version that was put so many days before noon of the tenth."""
    blob = "" if marker else "blob"
    values = {"size": 100, "version": f"v{age}", "sequence": int(1000 - age), **given}
    return Entry(bucket="ward", key=key, blob=blob, etag="", modified=NOON - age * DAY, **values)


def rules(*given: dict[str, Any]) -> Any:
    whole = [{"ID": f"r{n}", "Status": "Enabled", "Filter": {}, **rule} for n, rule in enumerate(given)]
    return rules_of(Bucket("ward", "us-east-1", NOON, {}, configuration={"lifecycle": {"Rules": whole}}))


def due(versions: list[Entry], *given: dict[str, Any], at: datetime = NOON) -> list[str]:
    return [found.version for found in doomed(rules(*given), versions, at)]


def test_times_are_rounded_up_to_midnight() -> None:
    assert midnight(NOON) == datetime(2026, 1, 11, tzinfo=UTC)
    assert midnight(datetime(2026, 1, 11, tzinfo=UTC)) == datetime(2026, 1, 11, tzinfo=UTC)
    days = {"Expiration": {"Days": 3}}
    found = expiry(rules(days), entry())
    assert found is not None
    assert (found[0], found[1].id) == (datetime(2026, 1, 14, tzinfo=UTC), "r0")
    assert due([entry(age=3)], days) == []  # three days and a half: the midnight is to come
    assert due([entry(age=3)], days, at=NOON + DAY / 2) == ["v3"]


def test_the_earliest_of_several_rules_counts() -> None:
    found = expiry(rules({"Expiration": {"Days": 9}}, {"Expiration": {"Days": 2}}), entry())
    assert found is not None
    assert found[1].id == "r1"


def test_a_date_counts_for_what_comes_later_too() -> None:
    past = {"Expiration": {"Date": "2026-01-05T00:00:00+00:00"}}
    assert due([entry(age=0)], past) == ["v0"]
    assert due([entry(age=0)], {"Expiration": {"Date": "2026-01-11T00:00:00+00:00"}}) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Filter": {}}, True),
        ({"Filter": {"Prefix": "logs/"}}, True),
        ({"Filter": {"Prefix": "data/"}}, False),
        ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}}, True),
        ({"Filter": {"Tag": {"Key": "k", "Value": "w"}}}, False),
        ({"Filter": {"ObjectSizeGreaterThan": 99}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": 100}}, False),
        ({"Filter": {"ObjectSizeLessThan": 100}}, False),
        (
            {"Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeLessThan": 101}}},
            True,
        ),
        ({"Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}]}}}, False),
        ({"Status": "Disabled"}, False),
    ],
)
def test_filters(given: dict[str, Any], expected: bool) -> None:
    rule = {"Expiration": {"Days": 1}, **given}
    assert (due([entry(age=9, tags={"k": "v", "more": ""})], rule) == ["v9"]) == expected


def test_the_old_form_of_a_prefix() -> None:
    (rule,) = rules_of(
        Bucket(
            "ward",
            "us-east-1",
            NOON,
            {},
            configuration={
                "lifecycle": {"Rules": [{"ID": "r", "Status": "Enabled", "Prefix": "data/", "Expiration": {"Days": 1}}]}
            },
        )
    )
    assert not rule.covers(entry("logs/a"))
    assert rule.covers(entry("data/a"))


def test_versions_are_noncurrent_since_the_newer_one_came() -> None:
    action = {"NoncurrentVersionExpiration": {"NoncurrentDays": 4}}
    versions = [entry(age=1), entry(age=4), entry(age=5), entry(age=90)]
    # The one of day 4 is noncurrent for a day, that of 5 for four (and not yet till midnight), that of 90 for five.
    assert due(versions, action) == ["v90"]
    assert due(versions, action, at=NOON + DAY / 2) == ["v5", "v90"]
    assert due([entry(age=90)], action) == []  # the current one is none of its matter


def test_the_newest_noncurrent_versions_are_kept() -> None:
    action = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}}
    versions = [entry(age=age) for age in (10, 20, 30, 40, 50)]
    assert due(versions, action) == ["v40", "v50"]


def test_a_delete_marker_goes_when_nothing_is_left_below_it() -> None:
    marker = entry(age=5, marker=True)
    lone = {"Expiration": {"ExpiredObjectDeleteMarker": True}}
    assert due([marker], lone) == ["v5"]
    assert due([marker, entry(age=6)], lone) == []
    assert due([marker], {"Expiration": {"Days": 4}}) == ["v5"]
    assert due([marker], {"Expiration": {"Days": 6}}) == []
    assert due([marker], {**lone, "Filter": {"Prefix": "data/"}}) == []
    assert due([entry(age=5)], lone) == []


def test_unfinished_uploads() -> None:
    action = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}, "Filter": {"Prefix": "big/"}}
    found = upload_end(rules(action), "big/a", NOON)
    assert found is not None
    assert (found[0], found[1].id) == (datetime(2026, 1, 13, tzinfo=UTC), "r0")
    assert upload_end(rules(action), "small/a", NOON) is None
    assert due([entry(age=90)], action) == []
