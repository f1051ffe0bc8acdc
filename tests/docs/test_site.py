"""The documentation site is built with warnings as errors, and tells what the repository tells."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pythons
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

# What becomes of links, as JSON; run by the site's own Python, which alone has MkDocs.
LINKS = """
import json, sys
sys.path.insert(0, "scripts")
import site_pages
print(json.dumps([site_pages.relinked(*each) for each in json.loads(sys.argv[1])]))
"""

TOLD = """# Demo

Words.

```python
if held:
    print("left")


    print("right")
```

    \x1b[34mleft\x1b[0m


    right

SPACES
![png](demo_files/demo_1_0.png)
SPACES

<div>
<style scoped>
    .dataframe { }
</style>
<table border="1" class="dataframe">
</table>
</div>
""".replace("SPACES", "    ")


@pytest.fixture(scope="module")
def python() -> str:
    return pythons.named("CLARY_TEST_DOCS_PYTHON", "MkDocs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "scripts/site.py", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    for page in ("index", "quick-start", "course/index", "course/first_lab", "course/hospital_costs_solution"):
        assert (site / f"{page}.html").is_file()
    written = {path.stem for path in (ROOT / "docs").rglob("*.md")}
    assert written <= {path.stem for path in site.rglob("*.html")}


def test_every_decision_is_listed(site: Path) -> None:
    index = (site / "design/index.html").read_text()
    for path in (ROOT / "docs/design").glob("[0-9]*.md"):
        assert f"{path.stem}.html" in index


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = path.read_text()
        assert "fonts.googleapis" not in page, path
        assert 'src="http' not in page, path


def test_code_is_shown_as_code(site: Path) -> None:
    """Fences carry words for the tests that run them, and what they hold may be HTML."""
    for path in site.rglob("*.html"):
        assert "```" not in path.read_text(), path
    page = (site / "guides/labelling.html").read_text()
    assert '<span class="filename">page.liquid.html</span>' in page
    assert "<crowd-form>" not in page


def test_lists_are_lists(site: Path) -> None:
    """Python-Markdown takes a list that follows a line of text without a blank between them for more text."""
    for path in site.rglob("*.html"):
        assert not re.search(r"<p>(?:(?!</p>).)*\n(?:1\.|[-*]) ", path.read_text(), re.DOTALL), path


def test_links_lead_to_pages_or_become_words(python: str) -> None:
    cases = [
        ("[a](../hospital_costs/guide.md#x)", "projects/first_lab/guide.md", "course/first_lab.md"),
        ("[b](../docs/course/agenda.md)", "projects/README.md", "course/index.md"),
        ("[c](../../src/clary/app.py)", "docs/guides/jobs.md", "guides/jobs.md"),
        ("[d](nowhere.md)", "docs/guides/jobs.md", "guides/jobs.md"),
        ("[e](https://example.org)", "docs/guides/jobs.md", "guides/jobs.md"),
    ]
    ran = subprocess.run([python, "-c", LINKS, json.dumps(cases)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [
        "[a](hospital_costs.md#x)",
        "[b](agenda.md)",
        "c",
        "[d](nowhere.md)",  # and MkDocs then refuses it
        "[e](https://example.org)",
    ]


def test_a_told_solution_shows_outputs_as_such(python: str) -> None:
    program = "import sys; sys.path.insert(0, 'scripts'); import site_pages; print(site_pages.tidy(sys.argv[1]))"
    ran = subprocess.run([python, "-c", program, TOLD], cwd=ROOT, capture_output=True, text=True, check=True)
    page = ran.stdout
    assert page.startswith("# Demo: the solution, told\n")
    assert '```python\nif held:\n    print("left")\n\n\n    print("right")\n```' in page
    assert "``` { .text .printed }\nleft\nright\n```" in page
    assert page.count("```") == 4  # and no block for the blanks beside the picture
    assert "![What the cell drew](demo_files/demo_1_0.png)" in page
    assert "scoped" not in page
    assert "<table>" in page


def test_a_broken_link_fails_the_build(python: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("[gone](nowhere.md)\n")
    settings = (ROOT / "mkdocs.yml").read_text().partition("nav:")[0].replace("hooks: [scripts/site_pages.py]\n", "")
    (tmp_path / "mkdocs.yml").write_text(settings)
    built = subprocess.run(
        [python, "-m", "mkdocs", "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr
