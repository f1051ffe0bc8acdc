"""Objects by URI, the key index behind them, and what a crash between any two writes leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clary.buckets import Buckets, Entry, InvalidBucketName, NoSuchBucket, NoSuchKey, parse_uri
from clary.errors import ValidationException
from clary.objects.files import FileObjects
from clary.store.database import Database
from clary.store.keys import successor
from tests.seals import seals


def opened(folder: Path, grace: float = 0) -> Iterator[Buckets]:
    database = Database(folder / "clary.db")
    buckets = Buckets(database, FileObjects(folder / "objects"), seals(database, folder), grace=grace)
    yield buckets
    buckets.close()
    database.close()


@pytest.fixture
def buckets(tmp_path: Path) -> Iterator[Buckets]:
    for buckets in opened(tmp_path):
        buckets.create_bucket("ward")
        yield buckets


@pytest.fixture
def blobs(tmp_path: Path) -> Callable[[], int]:
    return lambda: sum(path.is_file() for path in (tmp_path / "objects").rglob("*"))


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("s3://b/k", ("b", "k")),
        ("s3://b", ("b", "")),
        ("s3://b/", ("b", "")),
        ("s3://b//k", ("b", "/k")),
        ("s3://b/a/../b?c#d", ("b", "a/../b?c#d")),
    ],
)
def test_uris(uri: str, parsed: tuple[str, str]) -> None:
    assert parse_uri(uri) == parsed


@pytest.mark.parametrize("uri", ["", "b/k", "s3:/b/k", "s3://", "s3:///k", "https://b/k", "S3://b/k", "file:///etc"])
def test_what_is_no_uri(uri: str) -> None:
    with pytest.raises(ValidationException, match="looks like s3://bucket/folder/name"):
        parse_uri(uri)


def test_bytes_and_files(buckets: Buckets, tmp_path: Path) -> None:
    put = buckets.put_bytes("s3://ward/a/1", b"one", content_type="text/plain", metadata={"k": "v"})
    file = tmp_path / "two"
    file.write_bytes(b"two" * 1_000_000)
    buckets.put_file("s3://ward/a/2", file)
    assert buckets.get_bytes("s3://ward/a/1") == b"one"
    assert buckets.get_bytes("s3://ward/a/2") == b"two" * 1_000_000
    found = buckets.find("s3://ward/a/1")
    assert found == put
    assert (found.content_type, found.metadata, found.size) == ("text/plain", {"k": "v"}, 3)
    file = buckets.file(found)
    assert file is not None
    assert file.read_bytes() == b"one"
    buckets.delete("s3://ward/a/1")
    buckets.delete("s3://ward/a/1")
    with pytest.raises(NoSuchKey):
        buckets.find("s3://ward/a/1")


def test_what_is_missing_is_a_key_error_with_its_name(buckets: Buckets) -> None:
    with pytest.raises(KeyError) as caught:
        buckets.find("s3://ward/a")
    assert str(caught.value) == "s3://ward/a does not exist"
    for call in (buckets.find, buckets.delete, lambda uri: list(buckets.list(uri))):
        with pytest.raises(NoSuchBucket):
            call("s3://nowhere/a")
    with pytest.raises(NoSuchBucket):
        buckets.put_bytes("s3://nowhere/a", b"")
    with pytest.raises(ValidationException, match="names no object"):
        buckets.put_bytes("s3://ward/", b"")
    with pytest.raises(InvalidBucketName):
        buckets.create_bucket("../etc")


def test_list_is_by_prefix_and_complete(buckets: Buckets) -> None:
    blob = buckets.put_bytes("s3://ward/x", b"").blob
    keys = [f"a/{n:04d}" for n in range(2500)]
    for key in keys:
        buckets.keys.put(Entry(bucket="ward", key=key, blob=blob, size=0, etag=""))
    assert [entry.key for entry in buckets.list("s3://ward/a/")] == keys
    assert [entry.key for entry in buckets.list("s3://ward")] == [*keys, "x"]
    assert list(buckets.list("s3://ward/b")) == []


@pytest.mark.parametrize(
    ("prefix", "following"),
    [("a", "b"), ("", None), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ue000"), ("a/", "a0")],
)
def test_successor(prefix: str, following: str | None) -> None:
    assert successor(prefix) == following


def test_a_blob_that_is_let_go_stays_for_those_who_looked_it_up(tmp_path: Path, blobs: Callable[[], int]) -> None:
    for buckets in opened(tmp_path, grace=60):
        buckets.create_bucket("ward")
        before = buckets.put_bytes("s3://ward/a", b"before")
        buckets.put_bytes("s3://ward/a", b"after")
        assert b"".join(buckets.read(before)) == b"before"
        assert blobs() == 2
    assert blobs() == 1


def test_a_blob_that_is_let_go_goes_after_its_grace(tmp_path: Path) -> None:
    removed = threading.Event()

    class Watched(FileObjects):
        def delete(self, blob: str) -> None:
            super().delete(blob)
            removed.set()

    database = Database(tmp_path / "clary.db")
    buckets = Buckets(database, Watched(tmp_path / "objects"), seals(database, tmp_path), grace=0.05)
    buckets.start()
    buckets.create_bucket("ward")
    entry = buckets.put_bytes("s3://ward/a", b"x")
    buckets.delete("s3://ward/a")
    assert removed.wait(60)
    with pytest.raises(KeyError):
        buckets.read(entry)
    buckets.close()
    database.close()


def test_a_blob_that_cannot_be_removed_does_not_keep_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    removed = threading.Event()

    class Stubborn(FileObjects):
        failed = False

        def delete(self, blob: str) -> None:
            if not self.failed:
                self.failed = True
                raise PermissionError(13, "Permission denied", blob)
            super().delete(blob)
            removed.set()

    database = Database(tmp_path / "clary.db")
    buckets = Buckets(database, Stubborn(tmp_path / "objects"), seals(database, tmp_path), grace=0.01)
    buckets.create_bucket("ward")
    for text in (b"one", b"two", b"three"):
        buckets.put_bytes("s3://ward/k", text)
    assert removed.wait(60)
    assert "stays until the next start: [Errno 13] Permission denied" in caplog.text
    buckets.close()
    database.close()


def test_writers_of_one_key_leave_one_blob(buckets: Buckets, blobs: Callable[[], int]) -> None:
    def write(n: int) -> None:
        for _ in range(10):
            buckets.put_bytes("s3://ward/a", str(n).encode())

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert buckets.get_bytes("s3://ward/a") in {str(n).encode() for n in range(8)}
    assert blobs() == 1


PROGRAM = """
import os, signal, sys
from pathlib import Path
from clary.buckets import Buckets
from clary.encryption_keys import EncryptionKeys
from clary.objects.files import FileObjects
from clary.seals import Seals
from clary.store.database import Database
from clary.store.records import SqlStore

folder, fatal = Path(sys.argv[1]), int(sys.argv[2])
step = 0

def deadly(name):
    real = getattr(os, name)
    def call(*given, **named):
        global step
        step += 1
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    setattr(os, name, call)

database = Database(folder / "clary.db")
keys = EncryptionKeys(SqlStore(database), folder / "kms.key", "000000000000")
buckets = Buckets(database, FileObjects(folder / "objects"), Seals(keys), grace=0)
buckets.create_bucket("ward")
write = database.write
def noted(work, after=None):
    os.getppid()  # a step before the index is written, and one after
    result = write(work, after)
    os.getppid()
    return result
database.write = noted
for name in ("open", "rename", "fsync", "fchmod", "unlink", "getppid"):
    deadly(name)
for n in range(6):
    key = n % 4
    buckets.put_bytes(f"s3://ward/{key}", bytes([n]) * 100_000)
    os.write(1, f"put {key} {n}\\n".encode())
    if n == 2:
        buckets.delete("s3://ward/1")
        os.write(1, b"delete 1 0\\n")
print("steps", step)
"""


def run(folder: Path, fatal: int) -> subprocess.CompletedProcess[bytes]:
    folder.mkdir()
    return subprocess.run([sys.executable, "-c", PROGRAM, str(folder), str(fatal)], capture_output=True, check=False)


def test_death_between_any_two_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A real process is killed at each step of its work in turn; the next one finds all that was acknowledged."""
    whole = run(tmp_path / "whole", 0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout.split()[-1])
    assert steps > 40
    for fatal in range(1, steps + 1, 3 if steps > 60 else 1):
        folder = tmp_path / str(fatal)
        died = run(folder, fatal)
        assert died.returncode == -signal.SIGKILL, died.stderr
        _check_survivors(folder, died.stdout.decode())


def _check_survivors(folder: Path, log: str) -> None:
    """What was acknowledged is there; the one change that was under way is there whole or not at all."""
    history: dict[int, bytes | None] = {}
    for line in log.splitlines():
        word, key, n = line.split()
        history[int(key)] = bytes([int(n)]) * 100_000 if word == "put" else None
    lines = len(log.splitlines())
    script = [("put", 0), ("put", 1), ("put", 2), ("delete", 1), ("put", 3), ("put", 0), ("put", 1)]
    under_way = script[lines][1] if lines < len(script) else None
    for buckets in opened(folder):
        buckets.sweep()
        there = {int(entry.key): buckets.get_bytes(f"s3://ward/{entry.key}") for entry in buckets.list("s3://ward")}
        for key, content in history.items():
            if key != under_way:
                assert there.get(key) == content
        for content in there.values():
            assert len(content) == 100_000
            assert len(set(content)) == 1
        files = [path for path in (folder / "objects").rglob("*") if path.is_file()]
        assert len(files) == len(there)
        buckets.put_bytes("s3://ward/after", b"life goes on")


def test_a_sweep_beside_writers_takes_nothing_of_theirs(tmp_path: Path, blobs: Callable[[], int]) -> None:
    for buckets in opened(tmp_path):
        buckets.create_bucket("ward")
        buckets.put_bytes("s3://ward/old", b"old")
        orphan = buckets.objects.receive()
        orphan.write(b"orphan")
        orphan.commit()
    for buckets in opened(tmp_path):
        receiver = buckets.objects.receive()
        receiver.write(b"not yet named")
        young = receiver.commit()
        assert buckets.sweep() == 1
        assert b"".join(buckets.objects.read(young.id)) == b"not yet named"
        assert buckets.get_bytes("s3://ward/old") == b"old"
    assert blobs() == 2
