"""Lifecycle rules applied to real buckets, at moments that the tests choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clary.buckets import Buckets, NoSuchKey
from clary.jobs.lifecycle import Lifecycle
from clary.objects.files import FileObjects
from clary.store import lifecycle
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore
from tests.seals import seals

RUN = Record(kind=lifecycle.RUN[1], name=lifecycle.RUN[2], body={})


@dataclass
class Clock:
    """Tells what the test sets."""

    time: datetime

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def buckets(database: Database, tmp_path: Path) -> Iterator[Buckets]:
    buckets = Buckets(database, FileObjects(tmp_path / "objects"), seals(database, tmp_path), grace=0)
    buckets.create_bucket("ward")
    yield buckets
    buckets.close()


@pytest.fixture
def run(database: Database, buckets: Buckets, clock: Clock) -> Callable[..., float]:
    """``run(days=2)``: a step of a reconciler that has just started, so many days from now."""

    def step(days: float = 0) -> float:
        clock.time = datetime.now(UTC) + timedelta(days=days)
        return Lifecycle(SqlStore(database), buckets, clock).step(RUN)

    return step


@pytest.fixture
def blobs(tmp_path: Path) -> Callable[[], int]:
    return lambda: sum(path.is_file() for path in (tmp_path / "objects").rglob("*"))


def put_rule(buckets: Buckets, **rule: Any) -> None:
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {}, **rule}]
    buckets.index.configure("ward", "lifecycle", {"Rules": rules, "Size": ""})


def test_objects_expire_at_their_midnight(
    run: Callable[..., float], buckets: Buckets, blobs: Callable[[], int]
) -> None:
    for key in ("logs/a", "logs/b", "data/c"):
        buckets.put_bytes(f"s3://ward/{key}", b"x")
    put_rule(buckets, Expiration={"Days": 1}, Filter={"Prefix": "logs/"})
    run()
    assert blobs() == 3
    run(days=2)
    assert [entry.key for entry in buckets.list("s3://ward")] == ["data/c"]
    assert blobs() == 1


def test_more_than_a_batch(run: Callable[..., float], buckets: Buckets) -> None:
    blob = buckets.put_bytes("s3://ward/x", b"").blob
    for n in range(450):
        entry = buckets.find("s3://ward/x")
        buckets.keys.put(type(entry)(bucket="ward", key=f"k{n}", blob=blob, size=0, etag=""))
    put_rule(buckets, Expiration={"Days": 1})
    run(days=2)
    assert list(buckets.list("s3://ward")) == []


def test_versions_go_behind_a_marker_and_then_for_good(
    run: Callable[..., float], buckets: Buckets, blobs: Callable[[], int]
) -> None:
    buckets.index.set_versioning("ward", "Enabled")
    buckets.put_bytes("s3://ward/a", b"1")
    put_rule(
        buckets,
        Expiration={"Days": 1},
        NoncurrentVersionExpiration={"NoncurrentDays": 1},
    )
    run(days=2)
    with pytest.raises(NoSuchKey):
        buckets.find("s3://ward/a")
    assert [entry.is_marker for entry in buckets.keys.all_versions("ward")] == [True, False]
    run(days=2)
    assert [entry.is_marker for entry in buckets.keys.all_versions("ward")] == [True]
    assert blobs() == 0
    run(days=2)
    assert list(buckets.keys.all_versions("ward")) == []


def test_what_was_put_meanwhile_stays(buckets: Buckets) -> None:
    old = buckets.put_bytes("s3://ward/a", b"old")
    buckets.put_bytes("s3://ward/a", b"new")
    assert buckets.expire("ward", [old]) == 0
    assert buckets.get_bytes("s3://ward/a") == b"new"
    buckets.index.set_versioning("ward", "Enabled")
    null = buckets.find("s3://ward/a")
    buckets.put_bytes("s3://ward/a", b"newest")
    assert buckets.expire("ward", [null]) == 1  # noncurrent by now: for good, with no marker
    assert buckets.get_bytes("s3://ward/a") == b"newest"


def test_unfinished_uploads_are_aborted(run: Callable[..., float], buckets: Buckets) -> None:
    buckets.uploads.begin("ward", "big/a", {})
    kept = buckets.uploads.begin("ward", "small", {})
    put_rule(buckets, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}, Filter={"Prefix": "big/"})
    run(days=3)
    assert [upload.id for upload in buckets.uploads.page("ward")] == [kept.id]


def test_a_rule_is_applied_once_a_day_and_when_it_changes(database: Database, buckets: Buckets, clock: Clock) -> None:
    reconciler = Lifecycle(SqlStore(database), buckets, clock)
    put_rule(buckets, Expiration={"Date": "2020-01-01T00:00:00+00:00"}, Status="Disabled")
    buckets.put_bytes("s3://ward/a", b"x")
    reconciler.step(RUN)
    put_rule(buckets, Expiration={"Date": "2020-01-01T00:00:00+00:00"})
    reconciler.step(RUN)
    assert list(buckets.list("s3://ward")) == []
    buckets.put_bytes("s3://ward/a", b"x")
    reconciler.step(RUN)
    assert len(list(buckets.list("s3://ward"))) == 1
    clock.time += timedelta(days=1)
    reconciler.step(RUN)
    assert list(buckets.list("s3://ward")) == []


def test_the_next_step_is_at_midnight_or_within_the_hour(database: Database, buckets: Buckets, clock: Clock) -> None:
    reconciler = Lifecycle(SqlStore(database), buckets, clock)
    clock.time = datetime(2030, 1, 1, 23, 59, 30, tzinfo=UTC)
    assert reconciler.step(RUN) == 31
    clock.time = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert reconciler.step(RUN) == 3600
