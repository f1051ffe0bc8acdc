"""What a job made is stored whole or not at all, and the reason says why not."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from clary.context import Context
from clary.errors import DiskFull
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import uploads
from clary.jobs.uploads import CannotUpload
from clary.objects.files import FileReceiver
from clary.services.iam import roles


@pytest.fixture
def buckets(context: Context) -> GuardedBuckets:
    context.buckets.create_bucket("ward")
    return context.buckets_of(roles.ensure_first_role(context))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a.bin").write_bytes(b"a" * 1000)
    (folder / "b.bin").write_bytes(b"b" * 1000)
    return folder


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes 1,500 bytes more."""
    left = 1500
    write: Any = FileReceiver._write

    def limited(receiver: FileReceiver, data: bytes) -> None:
        nonlocal left
        left -= len(data)
        if left < 0:
            raise DiskFull("/data/objects")
        write(receiver, data)

    monkeypatch.setattr(FileReceiver, "_write", limited)


def blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_a_folder_is_stored_packed(context: Context, buckets: GuardedBuckets, model: Path) -> None:
    uploads.upload_archive(buckets, model, "s3://ward/out/model.tar.gz", "")
    entry = context.buckets.find("s3://ward/out/model.tar.gz")
    assert entry.content_type == "application/x-gzip"
    with tarfile.open(context.buckets.file(entry)) as tar:
        assert tar.getnames() == ["b.bin", "deep", "deep/a.bin"]


def test_a_full_disk_leaves_no_half_archive(
    context: Context, buckets: GuardedBuckets, model: Path, tmp_path: Path, full: None
) -> None:
    (model / "noise.bin").write_bytes(bytes(range(256)) * 20 + b"".join(hash(n).to_bytes(8, "big") for n in range(900)))
    with pytest.raises(CannotUpload) as error:
        uploads.upload_archive(buckets, model, "s3://ward/out/model.tar.gz", "")
    assert str(error.value).startswith(
        "ClientError: Artifact upload failed: s3://ward/out/model.tar.gz: The disk that holds"
    )
    assert list(context.buckets.list("s3://ward/")) == []
    assert blobs(tmp_path) == []


def test_a_full_disk_leaves_none_of_a_folder_s_files(
    context: Context, buckets: GuardedBuckets, model: Path, tmp_path: Path, full: None
) -> None:
    with pytest.raises(CannotUpload, match=r"s3://ward/out/model: The disk that holds .* is full"):
        uploads.upload_folder(buckets, model, "s3://ward/out/model", "")
    assert list(context.buckets.list("s3://ward/")) == []
    assert blobs(tmp_path) == []


def test_a_file_that_cannot_be_read_is_told_and_nothing_stored(
    context: Context, buckets: GuardedBuckets, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = uploads.packing.archive

    def torn(folder: Path) -> Any:
        pieces = whole(folder)
        yield next(pieces)
        (folder / "b.bin").write_bytes(b"")
        raise FileNotFoundError(2, "No such file or directory", "deep/a.bin")

    monkeypatch.setattr(uploads.packing, "archive", torn)
    with pytest.raises(CannotUpload, match=r"model\.tar\.gz: No such file or directory: deep/a\.bin"):
        uploads.upload_archive(buckets, model, "s3://ward/out/model.tar.gz", "")
    assert list(context.buckets.list("s3://ward/")) == []


def test_a_bucket_that_is_gone_is_told(buckets: GuardedBuckets, model: Path) -> None:
    with pytest.raises(CannotUpload, match=r"s3://gone/model\.tar\.gz: The specified bucket does not exist"):
        uploads.upload_archive(buckets, model, "s3://gone/model.tar.gz", "")
