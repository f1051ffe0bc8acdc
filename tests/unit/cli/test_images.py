"""``clary images pull``: several at once, and nothing is built if one of them is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clary.cli import images as images_command


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is built; building takes minutes and a network."""
    names: list[str] = []
    monkeypatch.setattr(images_command, "build", lambda _, __, name, *more: names.append(name) or more)
    return names


def pull(tmp_path: Path, *names: str) -> Any:
    return CliRunner().invoke(images_command.images, ["pull", *names, "--data", str(tmp_path)])


def test_several_are_built_in_turn(built: list[str], tmp_path: Path) -> None:
    done = pull(tmp_path, "sklearn", "pytorch-training", "object_detection")
    assert done.exit_code == 0, done.output
    assert built == ["sklearn", "pytorch", "object_detection"]


def test_an_unknown_one_stops_all_and_says_what_there_is(built: list[str], tmp_path: Path) -> None:
    done = pull(tmp_path, "sklearn", "tensorflow")
    assert done.exit_code == 1
    assert "no image of the repository 'tensorflow'; it has: autogluon-training" in done.output
    assert done.output.rstrip().endswith("needs Docker or Podman.")
    assert built == []
