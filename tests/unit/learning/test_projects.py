"""Projects are found, and their working copies keep what a person changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.learning import projects as project_folders
from clary.learning.projects import Project, UnknownProject, find, working_copy


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "original"
    (folder / "src").mkdir(parents=True)
    (folder / "guide.md").write_text("one")
    (folder / "src/train.py").write_text("x = 1")
    (folder / "output").mkdir()
    (folder / "output/old.png").write_text("of the author")
    return Project("demo", folder, "Demo", "A demo.", 1)


def test_hospital_costs_is_found_by_either_spelling() -> None:
    assert find("hospital_costs") == find("hospital-costs")
    assert find("hospital_costs").lock.is_file()


def test_an_unknown_project_names_the_known_ones() -> None:
    with pytest.raises(UnknownProject, match="hospital_costs"):
        find("hospital_cost")


def test_a_wheel_brings_its_projects_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages/clary"
    (package / "projects").mkdir(parents=True)
    monkeypatch.setattr(project_folders.clary, "__file__", str(package / "__init__.py"))
    assert project_folders.projects_folder() == package / "projects"


def test_a_copy_has_the_files_and_not_the_output(project: Project, tmp_path: Path) -> None:
    folder, kept = working_copy(project, tmp_path / "data")
    assert folder == tmp_path / "data/projects/demo"
    assert (folder / "src/train.py").read_text() == "x = 1"
    assert not (folder / "output").exists()
    assert kept == []


def test_a_new_version_reaches_the_copy(project: Project, tmp_path: Path) -> None:
    working_copy(project, tmp_path)
    (project.folder / "guide.md").write_text("two")
    folder, kept = working_copy(project, tmp_path)
    assert (folder / "guide.md").read_text() == "two"
    assert kept == []


def test_a_changed_file_stays_as_it_is(project: Project, tmp_path: Path) -> None:
    folder, _ = working_copy(project, tmp_path)
    (folder / "src/train.py").write_text("x = 'mine'")
    (project.folder / "src/train.py").write_text("x = 2")
    for _ in range(2):
        _, kept = working_copy(project, tmp_path)
        assert kept == ["src/train.py"]
        assert (folder / "src/train.py").read_text() == "x = 'mine'"
    (folder / "src/train.py").unlink()
    working_copy(project, tmp_path)
    assert (folder / "src/train.py").read_text() == "x = 2"
