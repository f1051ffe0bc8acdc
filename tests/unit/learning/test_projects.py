"""Projects are found, and their working copies keep what a person changed."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

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
    start, found = threading.Barrier(6), []

    def bring() -> None:
        start.wait()
        for _ in range(10):
            try:
                found.append(working_copy(project, tmp_path)[1])
            except ValueError as error:  # of a record that is half written
                found.append([str(error)])

    threads = [threading.Thread(target=bring) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[]] * 60


@pytest.mark.parametrize("name", ["guide.md", ".copied.json"])
def test_what_is_cut_off_is_done_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A half of a file is never taken for a person's own."""

    def cut(place: Path) -> bool:
        return place.name.startswith(name)

    def copy(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[: 1 if cut(Path(target)) else None])
        if cut(Path(target)):
            raise KeyboardInterrupt

    write = Path.write_text

    def write_text(self: Path, text: str, **given: Any) -> int:
        if cut(self):
            write(self, text[:1])
            raise KeyboardInterrupt
        return write(self, text, **given)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", copy)
        patched.setattr(Path, "write_text", write_text)
        with pytest.raises(KeyboardInterrupt):
            working_copy(project, tmp_path)
    folder, kept = working_copy(project, tmp_path)
    assert kept == []
    assert (folder / "guide.md").read_text() == "one"
    assert not list(folder.rglob("*.part"))
