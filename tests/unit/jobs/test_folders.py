"""Objects as files: by copy or by link, and never so that a write could reach the stored object."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.context import Context
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import folders, sources
from clary.jobs.sources import CannotStage
from clary.seals import Wish
from clary.services.iam import roles


@pytest.fixture
def buckets(context: Context) -> GuardedBuckets:
    context.buckets.create_bucket("ward")
    return context.buckets_of(roles.ensure_first_role(context))


def put(context: Context, **contents: bytes) -> None:
    for key, content in contents.items():
        context.buckets.put_bytes(f"s3://ward/in/{key.replace('__', '/')}", content)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_few_small_objects_are_copies_that_may_be_written(
    context: Context, buckets: GuardedBuckets, tmp_path: Path
) -> None:
    put(context, a=b"1", deep__b=b"2")
    ml = tmp_path / "job/ml"
    assert folders.show(buckets, list(sources.below(buckets, "s3://ward/in/")), ml, "input/data/train") == []
    assert tree(ml / "input/data/train") == {"a": b"1", "deep/b": b"2"}
    (ml / "input/data/train/a").write_bytes(b"changed")
    assert context.buckets.get_bytes("s3://ward/in/a") == b"1"


@pytest.mark.parametrize("read_only", [False, True])
def test_a_large_channel_is_one_mount_of_links_that_outlive_the_objects(
    context: Context, buckets: GuardedBuckets, tmp_path: Path, read_only: bool
) -> None:
    put(context, a=b"x" * (17 << 20), deep__b=b"2")
    ml = tmp_path / "job/ml"
    items = list(sources.below(buckets, "s3://ward/in/"))
    (mount,) = folders.show(buckets, items, ml, "input/data/train", read_only=read_only)
    assert (mount.target, mount.writable, mount.layered) == ("/opt/ml/input/data/train", False, not read_only)
    assert not mount.source.is_relative_to(ml)
    assert (mount.source / "a").stat().st_nlink == 2
    for key in ("a", "deep/b"):
        context.buckets.delete(f"s3://ward/in/{key}")
    assert {name: len(content) for name, content in tree(mount.source).items()} == {"a": 17 << 20, "deep/b": 1}
    again = folders.show(buckets, items[:0], ml, "input/data/train", read_only=read_only)  # after a crash, say
    assert [tree(each.source) for each in again] == [{}] * read_only
    assert tree(ml / "input/data/train") == {}


def test_encrypted_objects_are_decrypted_into_the_folder(
    context: Context, buckets: GuardedBuckets, tmp_path: Path
) -> None:
    seal = context.buckets.seal(context.buckets.bucket("ward"), "in/a", Wish("AES256"))
    context.buckets.put_bytes("s3://ward/in/a", b"of a patient", seal=seal)
    items = list(sources.below(buckets, "s3://ward/in/"))
    (mount,) = folders.show(buckets, items, tmp_path / "job/ml", "input/data/train", read_only=True)
    assert tree(mount.source) == {"a": b"of a patient"}
    assert (mount.source / "a").stat().st_nlink == 1


@pytest.mark.parametrize("keys", [["a", "a/b"], ["a/b/c", "a/b"], ["a/b", "a-c", "a"]])
def test_keys_that_clash_with_a_folder_are_told_both(
    context: Context, buckets: GuardedBuckets, tmp_path: Path, keys: list[str]
) -> None:
    for key in keys:
        context.buckets.put_bytes(f"s3://ward/in/{key}", b"")
    with pytest.raises(CannotStage, match="cannot both be files") as error:
        folders.show(buckets, list(sources.below(buckets, "s3://ward/in/")), tmp_path / "job/ml", "input/data/train")
    clash = [key for key in keys if key != "a-c"]
    assert all(f"s3://ward/in/{key} " in str(error.value) for key in clash)


@pytest.mark.parametrize("key", ["../out", "a//b", "./a", "a/../../b"])
def test_a_key_that_is_no_path_is_refused_by_its_name(
    context: Context, buckets: GuardedBuckets, tmp_path: Path, key: str
) -> None:
    context.buckets.put_bytes(f"s3://ward/in/{key}", b"")
    with pytest.raises(CannotStage, match="cannot be a file name") as error:
        folders.show(buckets, list(sources.below(buckets, "s3://ward/in/")), tmp_path / "job/ml", "input/data/train")
    assert f"'in/{key}'" in str(error.value)


def test_a_name_too_long_for_a_file_is_told(context: Context, buckets: GuardedBuckets, tmp_path: Path) -> None:
    context.buckets.put_bytes(f"s3://ward/in/{'n' * 300}", b"")
    with pytest.raises(CannotStage, match=r"n cannot become the file 'n.*File name too long"):
        folders.show(buckets, list(sources.below(buckets, "s3://ward/in/")), tmp_path / "job/ml", "input/data/train")
