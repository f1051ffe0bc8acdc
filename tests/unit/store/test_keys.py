"""The key index: which blobs are in use, and that a change is made whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.buckets import BucketIndex
from clary.store.database import Database
from clary.store.key_errors import BucketNotEmpty, NoSuchBucket, NoSuchKey, OperationAborted
from clary.store.keys import Checksum, Entry, KeyIndex, PartSize
from clary.store.uploads import Part, Uploads


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def keys(database: Database) -> KeyIndex:
    keys = KeyIndex(database)
    BucketIndex(database).create("ward", "us-east-1")
    return keys


def entry(key: str, blob: str) -> Entry:
    return Entry(bucket="ward", key=key, blob=blob, size=1, etag="e")


def gone(keys: KeyIndex, *names: str) -> list[str]:
    """The blobs that are free once these keys are deleted."""
    return keys.delete("ward", [(name, "") for name in names])[1]


def test_an_entry_is_read_as_it_was_put(keys: KeyIndex) -> None:
    full = Entry(
        bucket="ward",
        key="ä",
        blob="b",
        size=1 << 40,
        etag="e-2",
        content_type="text/csv",
        metadata={"k": "ü"},
        headers={"CacheControl": "no-store"},
        tags={"t": ""},
        storage_class="STANDARD_IA",
        checksum=Checksum("CRC32", "AAAAAA==-2", "COMPOSITE"),
        upload="u",
        part_count=2,
    )
    put, free = keys.put(full)
    assert free == []
    assert keys.get("ward", "ä") == put
    assert keys.page("ward") == [put]


def test_a_blob_is_free_once_its_last_key_is_gone(keys: KeyIndex) -> None:
    keys.put(entry("a", "shared"))
    keys.put(entry("b", "shared"), shared=True)
    assert keys.in_use() == {"shared"}
    assert gone(keys, "a") == []
    assert keys.put(entry("b", "other"))[1] == ["shared"]
    assert keys.in_use() == {"other"}


def test_a_blob_that_is_free_never_comes_into_use_again(keys: KeyIndex) -> None:
    keys.put(entry("a", "blob"))
    gone(keys, "a")
    with pytest.raises(OperationAborted):
        keys.put(entry("b", "blob"), shared=True)
    with pytest.raises(NoSuchKey):
        keys.get("ward", "b")


def test_putting_the_same_blob_again_does_not_free_it(keys: KeyIndex) -> None:
    keys.put(entry("a", "blob"))
    assert keys.put(entry("a", "blob"), shared=True)[1] == []


def test_deletes_are_all_or_none(keys: KeyIndex) -> None:
    for key in "abc":
        keys.put(entry(key, key))

    def refuse_b(found: Entry | None) -> None:
        if found is not None and found.key == "b":
            raise OperationAborted

    with pytest.raises(OperationAborted):
        keys.delete("ward", [("a", ""), ("b", ""), ("c", "")], check=refuse_b)
    assert [found.key for found in keys.page("ward")] == ["a", "b", "c"]
    assert gone(keys, "a", "a", "absent", "c") == ["a", "c"]


def test_a_bucket_goes_with_its_uploads_and_never_with_keys(keys: KeyIndex, database: Database) -> None:
    uploads = Uploads(database)
    keys.put(entry("a", "named"))
    upload = uploads.begin("ward", "big", {})
    uploads.put_part(upload, Part(1, "part", 1, "e", upload.created, ""))
    with pytest.raises(BucketNotEmpty):
        BucketIndex(database).delete("ward")
    assert keys.in_use() == {"named", "part"}
    gone(keys, "a")
    assert BucketIndex(database).delete("ward") == ["part"]
    for call in (lambda: keys.put(entry("a", "x")), lambda: uploads.begin("ward", "k", {}), lambda: keys.page("ward")):
        with pytest.raises(NoSuchBucket):
            call()


def test_parts_become_the_object_and_the_rest_is_free(keys: KeyIndex, database: Database) -> None:
    uploads = Uploads(database)
    keys.put(entry("big", "old"))
    upload = uploads.begin("ward", "big", {})
    parts = [Part(n, f"part{n}", n, "e", upload.created, "c") for n in (1, 2, 3)]
    for part in parts:
        uploads.put_part(upload, part)
    done, free = uploads.complete(upload, entry("big", "joined"), parts[:2])
    assert sorted(free) == ["old", "part1", "part2", "part3"]
    assert keys.parts(done) == [PartSize(1, 1, "c"), PartSize(2, 2, "c")]
    assert keys.in_use() == {"joined"}
