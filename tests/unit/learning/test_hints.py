"""Graded hints: a little more each time, never past the last."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clary.learning import hints as project_hints
from clary.learning.projects import projects

TEXT = "# Hints\n\nwords\n\n## 4\n1. a nudge\n2. a plan\n   of two lines\n3. the code\n\n## 5\n1. only one\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hints.md").write_text(TEXT)
    return tmp_path


def test_the_same_question_gives_a_little_more_each_time(folder: Path) -> None:
    said = [project_hints.give(folder, "4") for _ in range(4)]
    assert said[0] == "Hint 1 of 3\na nudge\n\nStill stuck? Ask again for hint 2 of 3."
    assert said[1].startswith("Hint 2 of 3\na plan\nof two lines\n")
    assert said[2] == said[3] == "Hint 3 of 3\nthe code"


def test_two_may_ask_at_once(folder: Path) -> None:
    with ThreadPoolExecutor(6) as people:
        said = [people.submit(project_hints.give, folder, "4") for _ in range(180)]
    assert [each.result()[:4] for each in said] == ["Hint"] * 180


def test_a_level_can_be_asked_for(folder: Path) -> None:
    assert project_hints.give(folder, "4", 2).startswith("Hint 2 of 3")
    assert project_hints.give(folder, "4").startswith("Hint 3 of 3")
    assert project_hints.give(folder, "5", 3) == "Hint 1 of 1\nonly one"


def test_a_step_without_hints_names_those_that_have_some(folder: Path) -> None:
    with pytest.raises(project_hints.NoHint, match=r"no hint for step '9'. Steps with hints: 4, 5"):
        project_hints.give(folder, "9")


@pytest.mark.parametrize("project", projects(), ids=lambda each: each.name)
def test_every_step_of_a_guide_has_three_hints(project: object) -> None:
    folder: Path = project.folder  # type: ignore[attr-defined]
    hints = project_hints.read((folder / "hints.md").read_text())
    steps = set(re.findall(r"^\*\*(\d+)\.", (folder / "guide.md").read_text(), re.MULTILINE))
    assert steps
    assert set(hints) == steps
    assert all(len(each) == 3 for each in hints.values())
