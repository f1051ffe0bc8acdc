"""Handing images to programs that resize them: order, refusals, and a program that dies. The programs here decode nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.cli.record_resizing import Resizer
from clary.cli.record_sources import Labelled

# Answers with the image backwards; refuses "bad", dies of "dead", and is slow with the first ones.
PROGRAM = """
import sys, time
from clary.formats import recordio
for view in recordio.Reader(sys.stdin.buffer):
    data = bytes(view)
    if data == b"dead":
        sys.exit(3)
    time.sleep(0.02 if data < b"image 0003" else 0)
    answer = b"\\0not an image" if data == b"bad" else b"\\1" + data[::-1]
    sys.stdout.buffer.write(recordio.encode(answer))
    sys.stdout.buffer.flush()
"""


@pytest.fixture
def resizer() -> Iterator[Resizer]:
    source = str(Path(__file__).parents[3] / "src")
    made = Resizer([sys.executable, "-c", PROGRAM], {"PYTHONPATH": source})
    yield made
    made.end()


def named(*names: str) -> list[Labelled]:
    return [Labelled(number, (0.0,), name, name, name) for number, name in enumerate(names)]


def test_images_come_back_in_their_order(resizer: Resizer) -> None:
    names = [f"image {number:04}" for number in range(60)]
    for _ in range(2):  # a second part finds the programs of the first
        found = list(resizer.resized(named(*names), lambda place: str(place).encode()))
        assert [image.name for image, _ in found] == names
        assert [read() for _, read in found] == [name[::-1].encode() for name in names]


def test_what_a_program_refuses_and_its_death_are_told_and_the_rest_goes_on(resizer: Resizer) -> None:
    reads = [read for _, read in resizer.resized(named("a1", "bad", "dead", "b2"), lambda place: str(place).encode())]
    assert reads[0]() == b"1a"
    with pytest.raises(ValueError, match="it cannot be decoded: not an image"):
        reads[1]()
    with pytest.raises(ValueError, match=r"the program that resizes has ended \(3\)"):
        reads[2]()
    assert reads[3]() == b"2b"


def test_what_cannot_be_read_is_told_by_who_reads(resizer: Resizer) -> None:
    ((_, read),) = resizer.resized(named("x"), lambda place: Path("/nowhere", place).read_bytes())
    with pytest.raises(FileNotFoundError):
        read()
