"""What the guides of jobs and of labelling show is run as it is printed, from top to bottom, by the clients it is for.

Kinds of blocks: ``python file=NAME``, or ``html``, is written to that file beside the programs; ``python`` runs with boto3
alone, ``python sdk2`` and ``python sdk3`` with the SageMaker SDK 2.x and 3.x; ``sh`` is for people, ``sh run`` is run too. Each is
a program of its own, under ``clary run``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, Studio, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GUIDES = [ROOT / "docs/guides" / name for name in ("jobs.md", "labelling.md")]
EACH = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
PYTHONS = {"python": "", "python sdk2": "CLARY_TEST_SDK2_PYTHON", "python sdk3": "CLARY_TEST_SDK3_PYTHON"}
_LINES = 10  # of an example: more is no example


@dataclass(frozen=True)
class Block:
    guide: str
    line: int
    kind: str
    text: str


def blocks(guide: Path) -> Iterator[Block]:
    text = guide.read_text()
    for found in re.finditer(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Block(guide.name, text.count("\n", 0, found.start()) + 1, found[1], found[2])


@EACH
def test_the_examples_are_short(guide: Path) -> None:
    long = {block.line: count for block in blocks(guide) if (count := len(block.text.strip().splitlines())) > _LINES}
    assert not long, f"examples of more than {_LINES} lines, by their line in {guide.name}: {long}"


@EACH
def test_the_examples_run_as_they_are_printed(tmp_path: Path, cache: Path, guide: Path) -> None:
    """In one test, because each builds on those above it."""
    studio = Studio(tmp_path / "data", cache, clean_environment(cache))
    studio.start()
    try:
        for block in blocks(guide):
            _run(block, studio, tmp_path / "programs")
    finally:
        studio.stop()


def _run(block: Block, studio: Studio, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    if name := re.fullmatch(r"(?:python|html) file=(\S+)", block.kind):
        (folder / name[1]).parent.mkdir(parents=True, exist_ok=True)
        (folder / name[1]).write_text(block.text)
        return
    if block.kind == "sh":
        return
    if block.kind == "sh run":
        command = ["sh", "-ec", block.text]
    else:
        program = folder / f"line_{block.line}.py"
        program.write_text(block.text)
        command = [_python(block.kind), str(program)]
    environment = {k: v for k, v in studio.environment.items() if k != "PYTHONWARNINGS"}
    environment["CLARY_DATA"] = str(studio.data)  # for blocks that call clary themselves
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    run = [sys.executable, "-m", "clary", "run", "--data", str(studio.data), "--", *command]
    done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, f"{block.guide}:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}"


def _python(kind: str) -> str:
    """The Python of a kind of block; an unknown kind is a mistake in the guide."""
    variable = PYTHONS[kind]
    if not variable:
        return sys.executable
    found = os.environ.get(variable)
    if not found:
        pytest.skip(f"{variable} names no Python for the blocks of kind {kind!r}; `make test` makes one")
    return found
