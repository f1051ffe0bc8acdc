"""Programs that the supervisor runs beside its task."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.engines.processes import says_lines

SHELL = ["/bin/sh", "-c"]


@pytest.mark.parametrize(("script", "said"), [("seq 2", False), ("seq 3", True), ("yes", True), ("exit 1", False)])
def test_lines_are_counted_until_they_are_enough(script: str, said: bool) -> None:
    before = _descriptors()
    assert says_lines([*SHELL, script], {"PATH": "/usr/bin:/bin"}, 3) is said
    assert _descriptors() == before


def test_a_program_that_is_not_there_says_nothing() -> None:
    before = _descriptors()
    assert not says_lines(["/no/such/program"], {}, 1)
    assert _descriptors() == before


def _descriptors() -> set[str]:
    return {each.name for each in Path("/dev/fd").iterdir()}
