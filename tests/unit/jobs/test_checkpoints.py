"""Checkpoints: what a folder holds is in S3, whole, and what S3 holds is in the folder; nothing else is touched."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.context import Context
from clary.engines.base import Progress
from clary.errors import AccessDenied
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import checkpoints
from clary.jobs.checkpoints import CannotKeep, Followers, Place
from tests.waiting import until

URI = "s3://ward/run"


@pytest.fixture
def place(context: Context, tmp_path: Path) -> Place:
    context.buckets.create_bucket("ward")
    (tmp_path / "algo-1").mkdir()
    return Place(tmp_path / "algo-1", URI, "", lambda: context.own_buckets)


@pytest.fixture
def followers() -> Iterator[Followers]:
    made = Followers()
    yield made
    made.close()


def objects(context: Context, prefix: str = URI) -> dict[str, bytes]:
    buckets = context.own_buckets
    return {entry.key: buckets.get_bytes(f"s3://ward/{entry.key}") for entry in buckets.list(prefix)}


def old(path: Path, content: bytes, age: float = 10) -> None:
    """A file that nobody has written to for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))


def test_what_lies_in_s3_is_there_at_the_start(context: Context, place: Place) -> None:
    for key in ("run/a", "run/deep/b", "runner/c", "run/", "run/empty/"):
        context.own_buckets.put_bytes(f"s3://ward/{key}", key.encode())
    checkpoints.restore(place)
    found = {p.relative_to(place.folder).as_posix() for p in place.folder.rglob("*") if p.is_file()}
    assert found == {"a", "deep/b"}
    assert (place.folder / "deep/b").read_bytes() == b"run/deep/b"


def test_a_key_that_leads_out_of_the_folder_is_refused_by_name(context: Context, place: Place) -> None:
    context.own_buckets.put_bytes("s3://ward/run/../x", b"")
    with pytest.raises(CannotKeep, match=r"'run/../x' cannot be a file name"):
        checkpoints.restore(place)


def test_files_go_up_change_and_go_away(context: Context, place: Place) -> None:
    checkpoints.restore(place)
    old(place.folder / "epoch-1", b"one")
    old(place.folder / "deep/state", b"s")
    checkpoints.sync(place)
    assert objects(context) == {"run/epoch-1": b"one", "run/deep/state": b"s"}
    old(place.folder / "epoch-2", b"two")
    old(place.folder / "deep/state", b"t")
    (place.folder / "epoch-1").unlink()
    checkpoints.sync(place)
    assert objects(context) == {"run/epoch-2": b"two", "run/deep/state": b"t"}


def test_what_others_put_there_later_stays_and_is_not_fetched(context: Context, place: Place) -> None:
    checkpoints.restore(place)
    context.own_buckets.put_bytes(f"{URI}/theirs", b"x")
    old(place.folder / "mine", b"y")
    checkpoints.sync(place)
    (place.folder / "mine").unlink()
    checkpoints.sync(place)
    assert objects(context) == {"run/theirs": b"x"}
    assert not (place.folder / "theirs").exists()


def test_what_was_restored_is_not_uploaded_again_and_goes_when_it_is_deleted(context: Context, place: Place) -> None:
    first = context.own_buckets.put_bytes(f"{URI}/a", b"a")
    checkpoints.restore(place)
    checkpoints.sync(place)
    assert context.own_buckets.find(f"{URI}/a").blob == first.blob
    (place.folder / "a").unlink()
    checkpoints.sync(place)
    assert objects(context) == {}


def test_where_nobody_tells_who_writes_a_file_that_was_just_written_waits_and_one_renamed_into_place_does_not(
    context: Context, place: Place, followers: Followers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_is_held", lambda _: None)
    monkeypatch.setattr(checkpoints, "_SETTLED", 1000)
    checkpoints.restore(place)
    (place.folder / "young").write_bytes(b"1")
    old(place.folder / "settled.tmp", b"2", age=2000)
    (place.folder / "settled.tmp").rename(place.folder / "settled")
    followers.follow(place)
    until(lambda: objects(context) == {"run/settled": b"2"})
    old(place.folder / "young", b"12", age=2000)
    until(lambda: objects(context) == {"run/settled": b"2", "run/young": b"12"})


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells who holds a file open")
def test_a_file_that_is_open_for_writing_is_not_uploaded_however_long_nobody_writes(
    context: Context, place: Place
) -> None:
    checkpoints.restore(place)
    old(place.folder / "model", b"whole")
    checkpoints.sync(place)
    with (place.folder / "model").open("wb") as file:
        file.write(b"half")
        file.flush()
        os.utime(place.folder / "model", (1, 1))
        checkpoints.sync(place)
        assert objects(context) == {"run/model": b"whole"}
    checkpoints.sync(place)
    assert objects(context) == {"run/model": b"half"}


def test_a_file_that_changes_while_it_is_read_is_not_named(context: Context, place: Place) -> None:
    checkpoints.restore(place)
    path = place.folder / "model"
    old(path, b"x" * (3 << 20))

    def written_meanwhile() -> bool:
        old(path, b"y" * (3 << 20), age=5)
        return False

    checkpoints.sync(place, stopped=written_meanwhile)
    assert objects(context) == {}
    checkpoints.sync(place)
    assert objects(context) == {"run/model": b"y" * (3 << 20)}


def test_links_pipes_and_names_that_are_no_text_are_left_out(context: Context, place: Place, tmp_path: Path) -> None:
    checkpoints.restore(place)
    old(tmp_path / "secret/key", b"secret")
    (place.folder / "link").symlink_to(tmp_path / "secret/key")
    (place.folder / "folder").symlink_to(tmp_path / "secret")
    os.mkfifo(place.folder / "pipe")
    old(place.folder / "plain", b"p")
    Path(os.fsdecode(os.fsencode(place.folder) + b"/\xff")).write_bytes(b"?")
    checkpoints.sync(place)
    assert objects(context) == {"run/plain": b"p"}


def test_a_folder_swapped_for_a_link_leads_nowhere(context: Context, place: Place, tmp_path: Path) -> None:
    checkpoints.restore(place)
    old(tmp_path / "secret/key", b"secret")
    place.folder.rmdir()
    place.folder.symlink_to(tmp_path / "secret")
    checkpoints.sync(place)
    assert objects(context) == {}


def test_it_is_looked_at_while_the_task_runs_and_the_last_of_it_at_its_end(
    context: Context, place: Place, followers: Followers
) -> None:
    checkpoints.restore(place)
    old(place.folder / "early", b"1")
    followers.follow(place)
    followers.follow(place)
    until(lambda: "run/early" in objects(context))
    (place.folder / "late").write_bytes(b"2")
    followers.finish(place, Progress(ended=time.time(), exit_code=0))
    assert objects(context) == {"run/early": b"1", "run/late": b"2"}
    followers.finish(place, Progress(ended=time.time(), exit_code=0))


@pytest.mark.parametrize("end", [{"exit_code": 137}, {"lost": True}])
def test_of_a_killed_program_what_it_had_just_written_may_be_half_and_the_one_before_stays(
    context: Context, place: Place, followers: Followers, end: dict[str, int]
) -> None:
    checkpoints.restore(place)
    old(place.folder / "model", b"whole")
    checkpoints.sync(place)
    (place.folder / "model").write_bytes(b"hal")
    old(place.folder / "before", b"b", age=3)
    followers.finish(place, Progress(ended=time.time(), **end))
    assert objects(context) == {"run/model": b"whole", "run/before": b"b"}


def test_a_follower_that_may_not_write_says_so_at_the_next_look(place: Place, followers: Followers) -> None:
    checkpoints.restore(place)

    def refused() -> GuardedBuckets:
        raise AccessDenied("not you")

    closed = Place(place.directory, place.uri, place.key, refused)
    followers.follow(closed)
    with pytest.raises(CannotKeep, match="ClientError: Checkpoint upload to s3://ward/run failed: not you"):
        until(lambda: followers.follow(closed) is not None)


def test_closing_gives_up_a_long_upload_and_the_next_start_makes_it(
    context: Context, place: Place, followers: Followers, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.restore(place)
    old(place.folder / "model", b"x" * (8 << 20))
    reading, read = threading.Event(), os.read

    def slow(file: int, length: int) -> bytes:
        reading.set()
        time.sleep(0.05)
        return read(file, 1 << 16)

    monkeypatch.setattr(os, "read", slow)
    followers.follow(place)
    assert reading.wait(60)
    followers.close()
    monkeypatch.setattr(os, "read", read)
    assert objects(context) == {}
    Followers().finish(place, Progress(ended=time.time(), exit_code=0))
    assert len(objects(context)["run/model"]) == 8 << 20


def _debug_place(place: Place) -> Place:
    order = ("events", "index", "collections")
    return replace(
        place, name="tensors", mirrored=False, files="named", order=order, skipped=(".tmp", "training_job_end.ts")
    )


def test_the_files_of_a_place_with_an_order_become_visible_in_it(
    context: Context, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _debug_place(place)
    names = ["collections/0/c", "events/1/e1", "index/0/i1", "other"]
    for name in [*names, "events/2/e2.tmp", "training_job_end.ts", "index/0/training_job_end.ts"]:
        (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / name).write_bytes(name.encode())
    seen: list[str] = []
    put = GuardedBuckets.put_pieces

    def note(self: GuardedBuckets, uri: str, *given: Any, **named: Any) -> Any:
        if not seen:  # a step is written while the first file of another is uploaded
            for late in ("events/3/e3", "index/0/i3"):
                (place.folder / late).parent.mkdir(parents=True, exist_ok=True)
                (place.folder / late).write_bytes(b"late")
        seen.append(uri.removeprefix(f"{URI}/"))
        return put(self, uri, *given, **named)

    monkeypatch.setattr(GuardedBuckets, "put_pieces", note)
    checkpoints.sync(place)
    assert seen == ["events/1/e1", "index/0/i1", "collections/0/c", "other"]
    checkpoints.sync(place)
    assert seen[4:] == ["events/3/e3", "index/0/i3"]
    assert len(objects(context)) == 6


def test_a_renamed_file_is_whole_however_young(context: Context, place: Place) -> None:
    place = _debug_place(place)
    (place.folder / "events").mkdir(parents=True)
    (place.folder / "events/e").write_bytes(b"now")
    now = time.time()
    Followers().finish(place, Progress(ended=now, exit_code=137, lost=True))
    assert objects(context) == {"run/events/e": b"now"}


def test_of_a_growing_file_what_is_there_goes_up(context: Context, place: Place) -> None:
    place = replace(place, files="growing", mirrored=False)
    place.folder.mkdir()
    with (place.folder / "events.out.tfevents").open("wb") as file:
        for length in (1, 2):
            file.write(b"x" * 1000)
            file.flush()
            checkpoints.sync(place, lambda *_: False)
            assert objects(context) == {"run/events.out.tfevents": b"x" * 1000 * length}
