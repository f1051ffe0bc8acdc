"""The first lab, whole: a newcomer's twenty minutes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Studio

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(studio: Studio) -> Iterator[subprocess.CompletedProcess[str]]:
    before = studio.clary("project", "check", "first_lab", "--data", str(studio.data))
    assert before.returncode == 1
    assert "0 of 3 checkpoints hold" in before.stdout
    done = studio.clary("project", "run", "first_lab", "--data", str(studio.data), timeout=280)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done
    cleaned = studio.clary("project", "clean", "first_lab", "--data", str(studio.data))
    assert cleaned.returncode == 0, cleaned.stderr
    assert "removed the endpoint first-lab" in cleaned.stdout


@pytest.fixture(scope="module")
def summary(ran: subprocess.CompletedProcess[str], studio: Studio) -> dict[str, Any]:
    assert ran.returncode == 0
    found: dict[str, Any] = json.loads((studio.data / "projects/first_lab/output/summary.json").read_text())
    return found


def test_the_model_beats_the_rule_and_the_rule_the_average(summary: dict[str, Any]) -> None:
    """And not by too much: the guide names these numbers."""
    errors = summary["errors"]
    assert errors["the model"] < errors["a rule by hand"] < errors["always the average"]
    assert errors["always the average"] == pytest.approx(2.2, abs=0.05)
    assert errors["the model"] == pytest.approx(1.5, abs=0.1)


def test_it_says_what_came_out_and_what_to_try(ran: subprocess.CompletedProcess[str]) -> None:
    for words in ("SYNTHETIC", "Days wrong by", "endpoint first-lab stays up", "project open hospital_costs"):
        assert words in ran.stdout


@pytest.mark.usefixtures("ran")
def test_every_checkpoint_holds(studio: Studio) -> None:
    checked = studio.clary("project", "check", "first_lab", "--data", str(studio.data))
    assert checked.returncode == 0, checked.stdout
    assert "3 of 3 checkpoints hold" in checked.stdout


def test_hints_come_in_three_sizes(studio: Studio) -> None:
    said = [studio.clary("project", "hint", "first_lab", "5", "--data", str(studio.data)).stdout for _ in range(3)]
    assert [text.partition("\n")[0] for text in said] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]
    wrong = studio.clary("project", "hint", "first_lab", "42", "--data", str(studio.data))
    assert wrong.returncode == 1
    assert "Steps with hints: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10" in wrong.stderr
