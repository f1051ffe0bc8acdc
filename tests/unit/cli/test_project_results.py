"""What a project's run says at its end."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from clary.cli import project_results
from clary.learning.projects import Project
from clary.settings import Settings

PROJECT = Project("ward", Path(), "The ward", "A sentence.", 1)
FACTS = {
    "warning": "SYNTHETIC [sample]",
    "said": [
        {"table": "Models", "columns": ["model", "error"], "rows": [["tree [1]", "2.5"]]},
        {"line": "a line [bold]with brackets"},
        {"bars": {"age": 12.0, "days": -3.0}},
    ],
    "report": "/somewhere/report.html",
    "endpoint": "ward",
    "next": [["project open ward", "do it yourself"]],
}


def said(facts: dict[str, object], data: Path) -> str:
    out = io.StringIO()
    settings = replace(Settings(), data=data)
    project_results.say(Console(file=out, width=200), PROJECT, facts, "http://127.0.0.1:1", settings, 90)
    return out.getvalue()


def test_every_kind_of_block_is_said_with_its_brackets(tmp_path: Path) -> None:
    text = said(FACTS, tmp_path)
    for words in (
        "The ward",
        "SYNTHETIC [sample]",
        "tree [1]",
        "2.5",
        "a line [bold]with brackets",
        "age",
        "+12",
        "-3",
    ):
        assert words in text
    assert "endpoint ward stays up; 1.5 minutes in all" in text
    assert f"project open ward --data {tmp_path}" in text


def test_a_project_without_an_endpoint_names_none(tmp_path: Path) -> None:
    assert "endpoint" not in said({**FACTS, "endpoint": None, "warning": None}, tmp_path)


def test_the_usual_folder_needs_no_flag() -> None:
    assert "--data" not in said(FACTS, Path("~/.clary").expanduser().absolute())
