"""Inputs that grow: what comes into a prefix of S3 comes into a folder, in the order in which it was put."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from clary.context import Context
from clary.errors import ServiceError
from clary.jobs import followed_inputs
from clary.jobs.followed_inputs import Followed, Input
from clary.store.base import Record

WHERE = Input("/opt/ml/processing/input/tensors", "followed/0", "s3://ward/job/debug-output")
INDEX, EVENTS = "index/000000000/{:012}_worker_0.json", "events/{:012}/{:012}_worker_0.tfevents"


@pytest.fixture
def put(context: Context) -> Callable[..., None]:
    context.buckets.create_bucket("ward")

    def add(name: str, data: bytes = b"x") -> None:
        context.buckets.put_bytes(f"s3://ward/job/debug-output/{name}", data)

    return add


def look(context: Context, followed: Followed) -> None:
    followed.look(context.own_buckets, context.now() + timedelta(milliseconds=1))


def there(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("linked", [True, False])
def test_what_comes_is_there_after_the_next_look(
    context: Context, put: Callable[..., None], tmp_path: Path, linked: bool
) -> None:
    followed = Followed(tmp_path / "host", WHERE, linked=linked)
    look(context, followed)
    assert there(tmp_path / "host") == []
    put("collections/000000000/worker_0_collections.json", b"{}")
    put(EVENTS.format(0, 0), b"e")
    put(INDEX.format(0), b"i")
    look(context, followed)
    folder = tmp_path / "host/followed/0"
    assert there(folder) == ["collections/000000000/worker_0_collections.json", EVENTS.format(0, 0), INDEX.format(0)]
    put("training_job_end.ts", b"")
    put("collections/000000000/worker_0_collections.json", b"{ }")
    look(context, followed)
    assert (folder / "training_job_end.ts").read_bytes() == b""
    assert (folder / "collections/000000000/worker_0_collections.json").read_bytes() == b"{ }"
    stored = context.buckets.file(context.buckets.find(f"s3://ward/job/debug-output/{INDEX.format(0)}"))
    assert stored is not None
    assert stored.samefile(folder / INDEX.format(0)) == linked  # a copy where the task could write through it


def test_what_was_put_in_this_moment_waits_for_the_next_look(
    context: Context, put: Callable[..., None], tmp_path: Path
) -> None:
    """Else an index could come whose events were put while the list was read."""
    put(INDEX.format(0))
    followed = Followed(tmp_path / "host", WHERE, linked=True)
    followed.look(context.own_buckets, context.buckets.find(f"s3://ward/job/debug-output/{INDEX.format(0)}").modified)
    assert there(tmp_path / "host") == []
    look(context, followed)
    assert there(tmp_path / "host/followed/0") == [INDEX.format(0)]


def test_events_come_before_their_index(
    context: Context, put: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 0):
        put(EVENTS.format(step, step))
        put(INDEX.format(step))
    order: list[str] = []
    link = os.link
    monkeypatch.setattr("os.link", lambda source, target: (order.append(Path(target).name), link(source, target))[1])
    look(context, Followed(tmp_path / "host", WHERE, linked=True))
    steps = [name.partition("_")[0][-1] + Path(name.removesuffix(".coming")).suffix for name in order]
    assert steps == ["1.tfevents", "1.json", "0.tfevents", "0.json"]


def test_only_the_end_of_what_rises_is_looked_at_again(
    context: Context, put: Callable[..., None], tmp_path: Path
) -> None:
    for step in range(0, 600, 2):
        put(INDEX.format(step))
    followed = Followed(tmp_path / "host", WHERE, linked=True)
    look(context, followed)
    assert len(there(tmp_path / "host")) == 300
    put(INDEX.format(599))
    put(INDEX.format(501))  # of another host, a little late
    look(context, followed)
    assert len(there(tmp_path / "host")) == 302


def test_after_a_restart_all_is_laid_out_again_over_itself(
    context: Context, put: Callable[..., None], tmp_path: Path
) -> None:
    put(INDEX.format(0))
    look(context, Followed(tmp_path / "host", WHERE, linked=True))
    look(context, Followed(tmp_path / "host", WHERE, linked=True))
    assert there(tmp_path / "host/followed/0") == [INDEX.format(0)]


def test_a_bucket_that_is_gone_is_an_error(context: Context, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="bucket"):
        look(context, Followed(tmp_path / "host", WHERE, linked=True))


def test_only_jobs_that_stand_beside_others_follow_their_inputs() -> None:
    source = {"S3Uri": "s3://ward/x/", "LocalPath": "/opt/ml/processing/input/x"}
    body = {"ProcessingInputs": [{"InputName": "x", "AppManaged": True, "S3Input": source}]}
    assert followed_inputs.inputs(Record(kind="ProcessingJob", name="a", body=body)) == []
    (found,) = followed_inputs.inputs(Record(kind="ProcessingJob", name="a", body={**body, "_beside": True}))
    assert (found.folder, found.uri) == ("followed/0", "s3://ward/x")
