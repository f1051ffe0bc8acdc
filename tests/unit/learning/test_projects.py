"""Projects are found, and their working copies keep what a person changed."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
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


def test_two_at_once_do_not_disturb_each_other(project: Project, tmp_path: Path) -> None:
    """As a page that is opened twice, and a command beside it."""
    for number in range(20):
        (project.folder / f"table{number}.csv").write_text("age,days\n" * 1000)
    with ThreadPoolExecutor(6) as people:
        found = [people.submit(working_copy, project, tmp_path) for _ in range(60)]
    assert [each.result()[1] for each in found] == [[]] * 60


@pytest.mark.parametrize("cut", ["a file", "the record"])
def test_what_is_cut_off_is_done_again(project: Project, tmp_path: Path, cut: str) -> None:
    """A half of a file is never taken for a person's own. The disk is full after 4 kB, in the midst of it."""
    if cut == "a file":
        (project.folder / "guide.md").write_text("one" * 2000)
    else:
        for number in range(100):
            (project.folder / f"{number}.txt").write_text("")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            working_copy(project, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    folder, kept = working_copy(project, tmp_path)
    assert kept == []
    assert (folder / "guide.md").read_bytes() == (project.folder / "guide.md").read_bytes()
    originals = {path.name for path in project.folder.rglob("*") if path.is_file()} - {"old.png"}
    assert {path.name for path in folder.rglob("*") if path.is_file()} == originals | {".copied.json"}
