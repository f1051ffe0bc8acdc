"""Blobs as files: the contract, and what only files have."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from clary.objects.files import DiskFull, FileObjects
from tests.contracts.objects import ObjectsContract, content, put


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


class TestFileObjects(ObjectsContract):
    pass


def files(objects: FileObjects) -> list[str]:
    return sorted(path.name for path in objects.folder.rglob("*") if path.is_file())


def test_an_aborted_blob_leaves_no_file(objects: FileObjects) -> None:
    receiver = objects.receive()
    receiver.write(b"x")
    assert len(files(objects)) == 1
    receiver.abort()
    assert files(objects) == []


@pytest.mark.parametrize("kernel", ["none", "unable", "lazy", "halfway"])
def test_blobs_are_joined_where_the_kernel_does_not_copy(
    objects: FileObjects, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    """macOS has no such call; network and stacked file systems refuse it or copy nothing."""
    calls: list[int] = []

    def copy_file_range(source: int, target: int, count: int) -> int:
        calls.append(count)
        if kernel == "unable" or (kernel == "halfway" and len(calls) > 1):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return 0 if kernel == "lazy" else os.write(target, os.read(source, min(count, 1000)))

    parts = [put(objects, b"one" * 1_000_000), put(objects, b""), put(objects, b"two")]
    if kernel == "none":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    else:
        monkeypatch.setattr(os, "copy_file_range", copy_file_range, raising=False)
    assert content(objects, objects.join(parts).id) == b"one" * 1_000_000 + b"two"


def test_a_failed_join_leaves_no_file(objects: FileObjects) -> None:
    blob = put(objects, b"x")
    with pytest.raises(KeyError):
        objects.join([blob, "0" * 32])
    assert files(objects) == [blob]


def test_a_blob_is_read_only(objects: FileObjects) -> None:
    assert stat.S_IMODE(objects.path(put(objects, b"x")).stat().st_mode) == 0o444


def test_blobs_are_there_for_the_next_process(objects: FileObjects) -> None:
    blob = put(objects, b"x")
    assert content(FileObjects(objects.folder), blob) == b"x"


def test_a_sweep_removes_what_an_earlier_process_left(objects: FileObjects) -> None:
    kept, orphan = put(objects, b"kept"), put(objects, b"orphan")
    half = objects.receive()
    half.write(b"half-written")
    after = FileObjects(objects.folder)
    young = put(after, b"young")
    assert after.sweep(lambda blob: blob == kept) == 2
    assert files(after) == sorted([kept, young])
    with pytest.raises(KeyError):
        after.path(orphan)
    half.abort()


def test_a_full_disk_is_told_and_leaves_nothing(objects: FileObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = objects.receive()

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    receiver.write(b"x")
    with pytest.raises(DiskFull, match="is full"):
        receiver.commit()
    receiver.abort()
    assert files(objects) == []


def test_a_file_too_large_for_the_system_is_not_mistaken_for_a_full_disk(objects: FileObjects) -> None:
    receiver = objects.receive()
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            receiver.write(b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
        receiver.abort()
    assert files(objects) == []
