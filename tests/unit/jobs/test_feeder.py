"""The feeder of Pipe mode: a real process on real FIFOs."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.formats import recordio
from clary.jobs import feeder
from clary.jobs.dealing import deal

Feed = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def feed(tmp_path: Path, data: Path) -> Iterator[Feed]:
    """Starts one for the channel ``train``: ``feed([b"content", "text", ...], wrap=True)``, a part an item."""
    running = []

    def start(parts: list[bytes | str], **given: Any) -> subprocess.Popen[bytes]:
        items = []
        for number, part in enumerate(parts):
            path = tmp_path / f"object-{number}"
            if isinstance(part, bytes):
                path.write_bytes(part)
            file = {"file": str(path), "uri": f"s3://ward/object-{number}"}
            items.append([file if isinstance(part, bytes) else {"text": part}])
        channel = {
            "share": [0, 1],
            "seed": None,
            "gzip": False,
            "wrap": False,
            **given,
            "name": "train",
            "items": items,
        }
        os.mkfifo(data / "train_0")
        plan = {"folder": str(data), "problem": str(tmp_path / "problem"), "channels": [channel]}
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        command = [sys.executable, "-I", "-S", feeder.__file__, str(tmp_path / "plan.json")]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        return running[-1]

    yield start
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) in {0, 1}


def test_each_epoch_is_the_whole_channel_in_order(feed: Feed, data: Path) -> None:
    large = random.Random(0).randbytes(3_000_000)
    feed([b"first,", large, b"", b",last"])
    for epoch in range(3):
        assert (data / f"train_{epoch}").read_bytes() == b"first," + large + b",last"
        assert (data / f"train_{epoch + 1}").is_fifo()


def test_who_closes_early_gets_the_next_epoch_from_its_start(feed: Feed, data: Path) -> None:
    feed([b"0123456789" * 1_000_000])
    for epoch in range(3):
        with (data / f"train_{epoch}").open("rb", buffering=0) as file:
            assert file.read(5) == b"01234"


def test_a_seed_shuffles_and_deals_each_epoch_anew(feed: Feed, data: Path) -> None:
    parts = [f"{number:02} " for number in range(20)]
    feed(list(parts), share=[1, 3], seed=9)
    for epoch in range(3):
        assert (data / f"train_{epoch}").read_text() == "".join(deal(parts, (1, 3), 9, epoch))


def test_a_host_without_a_share_reads_an_empty_epoch(feed: Feed, data: Path) -> None:
    feed([b"only"], share=[1, 2], seed=1)
    assert [(data / f"train_{epoch}").read_bytes() for epoch in range(3)] == [b""] * 3


def test_parts_are_wrapped_as_records(feed: Feed, data: Path) -> None:
    tricky = b"\x0a\x23\xd7\xce" * 3 + b"x"  # the magic word inside
    feed([tricky, '{"a": 1}', b""], wrap=True)
    with (data / "train_0").open("rb") as file:
        assert list(recordio.read(file)) == [tricky, b'{"a": 1}', b""]


@pytest.mark.parametrize("wrap", [False, True])
def test_gzip_is_undone_member_by_member(feed: Feed, data: Path, wrap: bool) -> None:
    large = random.Random(1).randbytes(1_500_000) * 2
    feed([gzip.compress(b"one,") + gzip.compress(large) + b"\0" * 512, gzip.compress(b"")], gzip=True, wrap=wrap)
    with (data / "train_0").open("rb") as file:
        found = list(recordio.read(file)) if wrap else [file.read()]
    assert found == ([b"one," + large, b""] if wrap else [b"one," + large])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no gzip at all", "is no gzip file, or a damaged one"),
        (gzip.compress(b"x" * 1000)[:-3], "ends too early"),
        (gzip.compress(b"x")[:-8] + b"\0" * 8, "is no gzip file, or a damaged one"),
        (gzip.compress(b"x") + b"rubbish", "is no gzip file, or a damaged one"),
    ],
    ids=["plain", "cut", "checksum", "tail"],
)
def test_a_damaged_gzip_ends_it_with_the_object_s_name_and_never_as_if_all_were_there(
    feed: Feed, data: Path, tmp_path: Path, content: bytes, reason: str
) -> None:
    process = feed([gzip.compress(b"good "), content], gzip=True)
    reader = os.open(data / "train_0", os.O_RDONLY)
    assert process.wait(60) == 1
    text = (tmp_path / "problem").read_text()
    assert text.startswith("ClientError: Data download failed: the channel 'train': s3://ward/object-1 ")
    assert reason in text
    os.set_blocking(reader, False)
    assert os.read(reader, 1 << 16).startswith(b"good ")
    with pytest.raises(BlockingIOError):  # no end of file: whoever reads on waits, until it is killed
        os.read(reader, 1)
    os.close(reader)


def test_an_object_that_cannot_be_read_is_told(feed: Feed, data: Path, tmp_path: Path) -> None:
    process = feed([b"content"])
    (tmp_path / "object-0").unlink()
    reader = os.open(data / "train_0", os.O_RDONLY)
    assert process.wait(60) == 1
    os.close(reader)
    assert "s3://ward/object-0 cannot be read: No such file" in (tmp_path / "problem").read_text()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_nothing_is_written_where_no_fifo_is(feed: Feed, data: Path, tmp_path: Path, kind: str) -> None:
    """A job may put anything into its folder: what it points at belongs to whoever runs Clary."""
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    content = b"more than a FIFO holds" * 100_000
    process = feed([content])
    with (data / "train_0").open("rb") as file:
        place = data / "train_1"
        while not place.exists():
            pass
        place.unlink()
        place.symlink_to(precious) if kind == "link" else place.write_text("mine")
        assert file.read() == content
    assert process.wait(60) == 1
    assert precious.read_text() == "untouched"
    assert "FIFO train_1" in (tmp_path / "problem").read_text()
    if kind == "file":
        assert place.read_text() == "mine"


def test_a_task_that_removes_its_folder_is_not_ended_for_that(feed: Feed, data: Path, tmp_path: Path) -> None:
    process = feed([b"more than a FIFO holds" * 100_000])
    with (data / "train_0").open("rb") as file:
        while not (data / "train_1").exists():
            pass
        shutil.rmtree(data)
        assert len(file.read()) == 2_200_000
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    assert not (tmp_path / "problem").exists()


def test_a_fifo_that_nobody_reads_does_not_keep_it(feed: Feed) -> None:
    process = feed([b"content"])
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0
