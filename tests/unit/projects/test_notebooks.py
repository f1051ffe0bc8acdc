"""The notebooks are what solution.py asks for, and keep the projects' rules."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SOLUTIONS = sorted((ROOT / "projects").glob("*/solution.py"))
LONGEST = 15  # lines of a cell
TASKS = {"first_lab": 2}  # at least, where it is not five


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


notebooks = _load(ROOT / "scripts/notebooks.py")


def test_there_are_projects() -> None:
    assert SOLUTIONS


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.parent.name)
class TestProject:
    def test_its_notebooks_are_current(self, solution: Path) -> None:
        for path, content in notebooks.wanted(solution).items():
            assert path.read_text(encoding="utf-8") == content, f"{path.name}: run python scripts/notebooks.py"

    def test_its_cells_are_short(self, solution: Path) -> None:
        for cell in notebooks.cells(solution.read_text(encoding="utf-8")):
            lines = [line for line in cell.text.splitlines() if line.strip()]
            assert cell.markdown or len(lines) <= LONGEST, f"{len(lines)} lines: {cell.text[:120]}"

    def test_it_has_no_output_and_valid_cells(self, solution: Path) -> None:
        for name in ("solution.ipynb", "starter.ipynb"):
            found = json.loads(solution.with_name(name).read_text(encoding="utf-8"))
            assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
            identifiers = [cell["id"] for cell in found["cells"]]
            assert len(set(identifiers)) == len(identifiers)
            for cell in found["cells"]:
                if cell["cell_type"] == "code":
                    ast.parse("".join(cell["source"]))
                    assert (cell["outputs"], cell["execution_count"]) == ([], None)

    def test_the_starter_leaves_the_tasks_open(self, solution: Path) -> None:
        starter = json.loads(solution.with_name("starter.ipynb").read_text(encoding="utf-8"))
        tasks = ["".join(cell["source"]) for cell in starter["cells"] if "task" in cell["metadata"].get("tags", ())]
        assert len(tasks) >= TASKS.get(solution.parent.name, 5)
        for task in tasks:
            assert task.startswith("# TASK:")
            assert "# HINT:" in task
            assert all(line.startswith("#") for line in task.splitlines()), task

    def test_it_imports_nothing_of_clary(self, solution: Path) -> None:
        for path in solution.parent.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    modules = [node.module or ""]
                assert not [name for name in modules if name.partition(".")[0] == "clary"], path

    def test_it_has_no_shell_magic(self, solution: Path) -> None:
        for cell in notebooks.cells(solution.read_text(encoding="utf-8")):
            assert cell.markdown or not [line for line in cell.text.splitlines() if line.startswith(("!", "%"))]

    @pytest.mark.parametrize(
        ("endpoint", "allow", "stops"),
        [
            ("http://127.0.0.1:8780", "", False),
            ("http://localhost:8780", "", False),
            ("https://api.sagemaker.us-east-1.amazonaws.com", "", True),
            ("https://api.sagemaker.us-east-1.amazonaws.com", "1", False),
            ("https://localhost.example.com", "", True),
        ],
    )
    def test_its_first_cell_stops_on_aws(
        self,
        solution: Path,
        endpoint: str,
        allow: str,
        stops: bool,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        first = next(c for c in notebooks.cells(solution.read_text(encoding="utf-8")) if not c.markdown)
        fake: Any = types.ModuleType("boto3")
        answer = types.SimpleNamespace(
            meta=types.SimpleNamespace(endpoint_url=endpoint), get_caller_identity=lambda: {"Account": "123456789012"}
        )
        fake.client = lambda _: answer
        monkeypatch.setitem(sys.modules, "boto3", fake)
        monkeypatch.setenv("ALLOW_AWS", allow)
        if stops:
            with pytest.raises(SystemExit, match="ALLOW_AWS=1"):
                exec(first.text, {})
        else:
            exec(first.text, {})
        said = capsys.readouterr().out
        assert endpoint in said
        assert "123456789012" in said


def test_a_changed_solution_makes_the_notebooks_stale(tmp_path: Path) -> None:
    solution = tmp_path / "solution.py"
    solution.write_text('# %% [markdown]\n# # A\n\n# %% tags=["task"]\n# TASK: one\n# HINT: it is one\nx = 1\n')
    before = notebooks.wanted(solution)
    starter = json.loads(before[tmp_path / "starter.ipynb"])
    assert starter["cells"][0]["source"] == ["# A"]
    assert "x = 1" not in "".join(starter["cells"][1]["source"])
    solution.write_text(solution.read_text().replace("x = 1", "x = 2"))
    after = notebooks.wanted(solution)
    assert after[tmp_path / "solution.ipynb"] != before[tmp_path / "solution.ipynb"]
    assert after[tmp_path / "starter.ipynb"] == before[tmp_path / "starter.ipynb"]
