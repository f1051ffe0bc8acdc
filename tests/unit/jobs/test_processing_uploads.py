"""What of an output's folder is stored, and when."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clary.context import Context
from clary.errors import DiskFull
from clary.guarded_buckets import GuardedBuckets
from clary.jobs.processing_uploads import CannotStore, Uploads


@pytest.fixture
def buckets(context: Context) -> GuardedBuckets:
    context.buckets.create_bucket("ward")
    return context.own_buckets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a.csv").write_text("1")
    return folder


def stored(buckets: GuardedBuckets) -> dict[str, bytes]:
    return {entry.key: buckets.get_bytes(f"s3://ward/{entry.key}") for entry in buckets.list("s3://ward/")}


def test_a_file_goes_up_when_it_has_stayed_as_it_is(buckets: GuardedBuckets, folder: Path) -> None:
    uploads = Uploads(folder, "s3://ward/x", "")
    uploads.look(buckets)
    assert stored(buckets) == {}
    (folder / "b.csv").write_text("half")
    uploads.look(buckets)
    assert stored(buckets) == {"x/deep/a.csv": b"1"}
    with (folder / "b.csv").open("a") as file:
        file.write(" and half")
    uploads.look(buckets)
    assert stored(buckets) == {"x/deep/a.csv": b"1"}
    uploads.finish(buckets)
    assert stored(buckets) == {"x/deep/a.csv": b"1", "x/b.csv": b"half and half"}


def test_what_is_stored_goes_up_again_only_if_it_has_changed(buckets: GuardedBuckets, folder: Path) -> None:
    uploads = Uploads(folder, "s3://ward/x", "")
    uploads.finish(buckets)
    first = buckets.find("s3://ward/x/deep/a.csv").blob
    uploads.finish(buckets)
    assert buckets.find("s3://ward/x/deep/a.csv").blob == first
    (folder / "deep/a.csv").write_text("2")
    uploads.finish(buckets)
    assert stored(buckets) == {"x/deep/a.csv": b"2"}


def test_only_files_are_stored_and_links_are_not_followed(
    buckets: GuardedBuckets, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "file").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    Uploads(folder, "s3://ward/x", "").finish(buckets)
    assert stored(buckets) == {"x/deep/a.csv": b"1"}
    (tmp_path / "link").symlink_to(folder)
    Uploads(tmp_path / "link", "s3://ward/y", "").finish(buckets)
    assert [entry.key for entry in buckets.list("s3://ward/y")] == []


def test_a_file_that_cannot_be_stored_is_named(buckets: GuardedBuckets, folder: Path) -> None:
    with pytest.raises(CannotStore, match=r"s3://gone/x/deep/a.csv: The specified bucket does not exist"):
        Uploads(folder, "s3://gone/x", "").finish(buckets)
    (folder / os.fsdecode(b"caf\xe9")).write_text("x")
    with pytest.raises(CannotStore, match=r"b'caf\\xe9' has a name that is not UTF-8"):
        Uploads(folder, "s3://ward/x", "").finish(buckets)


def test_a_full_disk_is_told(buckets: GuardedBuckets, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull("the objects")

    monkeypatch.setattr(buckets, "put_file", full)
    with pytest.raises(CannotStore, match=r"s3://ward/x/deep/a.csv: The disk that holds the objects is full"):
        Uploads(folder, "s3://ward/x", "").finish(buckets)
