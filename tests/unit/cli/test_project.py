"""``clary project`` where it needs no server: the list, and a learner's own files."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from clary.cli.project import project


def test_the_list_is_in_the_order_of_the_course(tmp_path: Path) -> None:
    said = CliRunner().invoke(project, ["list", "--data", str(tmp_path)]).output
    places = [said.index(name) for name in ("first_lab", "hospital_costs", "chest_xrays")]
    assert places == sorted(places)


def test_reset_takes_the_originals_and_keeps_what_was_changed(tmp_path: Path) -> None:
    reset = ["reset", "first_lab", "--data", str(tmp_path)]
    fresh = CliRunner().invoke(project, reset)
    assert fresh.exit_code == 0
    assert "has no file of yours" in fresh.output
    mine = tmp_path / "projects/first_lab/starter.ipynb"
    original = mine.read_text()
    mine.write_text("mine")
    done = CliRunner().invoke(project, reset)
    assert done.exit_code == 0
    assert mine.read_text() == original
    (kept,) = (tmp_path / "projects/first_lab").glob("before-*/starter.ipynb")
    assert kept.read_text() == "mine"
    assert str(kept.parent) in done.output


def test_reset_of_no_project_names_those_that_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(project, ["reset", "first_lob", "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert "There is no project 'first_lob'. There is: first_lab, hospital_costs, chest_xrays" in done.output
