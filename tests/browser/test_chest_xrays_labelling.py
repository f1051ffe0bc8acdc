"""The X-ray project's labelling in a real browser: the notebook makes the job, a person draws, the notebook goes on with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import pythons
from tests.browser.desk import Desk
from tests.browser.pages import Opened, link
from tests.conftest import ROOT, Studio

pytestmark = pytest.mark.slow

PROJECT = ROOT / "projects/chest_xrays"
# The notebook's cells, with the pause that a person makes to label.
NOTEBOOK = f"""
import json, pathlib, sys
sys.path.insert(0, {str(PROJECT)!r})
solution = pathlib.Path({str(PROJECT / "solution.py")!r}).read_text()
_first, _, _rest = solution.partition("# Now sign in and draw")
_then = _rest.partition("# %%\\n")[2].partition("# ## 7. The baseline")[0].rpartition("# %% [markdown]")[0]
pathlib.Path("src").symlink_to({str(PROJECT / "src")!r})
exec(_first.rpartition("# %% [markdown]")[0])
print("LABEL", json.dumps(source.size), flush=True)
sys.stdin.readline()
exec(_then)
lines = [json.loads(line) for part in parts for line in (OUTPUT / f"{{part}}.manifest").read_text().splitlines()]
print("LINES", json.dumps([line for line in lines if line["source-ref"].rpartition("/")[2] in drawn]), flush=True)
"""


def test_what_a_person_draws_is_in_the_manifests(studio: Studio, opened: Opened, tmp_path: Path) -> None:
    python = pythons.named("CLARY_TEST_XRAYS_PYTHON", "the X-ray project's libraries")
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    given = {"CLARY_PROJECT_INPUT": "sample", "CLARY_PROJECT_PICTURES": "40", "MPLBACKEND": "Agg"}
    environment = {**{k: v for k, v in studio.environment.items() if k != "PYTHONWARNINGS"}, **given}
    command = [sys.executable, "-m", "clary", "run", "--data", str(studio.data), "--", python, "notebook.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as notebook:
        assert notebook.stdin is not None
        assert notebook.stdout is not None
        said = []
        for line in notebook.stdout:
            said.append(line)
            if line.startswith("LABEL"):
                break
        assert said[-1] == "LABEL 300\n", "".join(said)
        page = opened(link(studio, "labelling", "workers", "add", "me", "--team", "chest-xrays"))
        person = Desk(page).begin("Find the trachea").at(1, 10)
        expect(page.locator("iframe.shown").content_frame.get_by_text("No neck, no box")).to_be_attached()
        person.draw(120, 10, 40, 50).do("Submit").at(2, 10).do("Nothing here")
        person.at(3, 10).draw(130, 5, 30, 60).do("Submit").at(4, 10)
        notebook.stdin.write("\n")
        notebook.stdin.flush()
        said = notebook.stdout.readlines()
    assert notebook.returncode == 0, "".join(said)
    assert "3 pictures were labelled by you\n" in said
    lines = json.loads(said[-1].removeprefix("LINES "))
    found = sorted(
        [(box["left"], box["top"], box["width"], box["height"]) for box in line["trachea"]["annotations"]]
        for line in lines
    )
    assert [len(boxes) for boxes in found] == [0, 1, 1]
    for boxes, drawn in zip(found[1:], [(120, 10, 40, 50), (130, 5, 30, 60)], strict=True):
        assert boxes[0] == pytest.approx(drawn, abs=2)
    assert all(set(line) == {"source-ref", "trachea", "trachea-metadata"} for line in lines)
