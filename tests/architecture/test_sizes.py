"""The measures that keep the code readable: small files, small functions, imports at the top, errors caught by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))
SCRIPTS = sorted(path for path in (ROOT / "src").rglob("*.js") if not path.name.endswith(".min.js"))

_LINES, _FUNCTION = 500, 60

# Where everything must be caught: the edge of a loop or of a process, each with what it does there.
_CATCH_ALL = {
    "images/debugger_rules/evaluate.py": "a rule may be the user's program, whatever it raises",
    "gateway/app.py": "one request's failure is not the next one's",
    "console/previews/parquet.py": "its library panics on a damaged file, by an error that has no name to import",
    "console/site.py": "one page's failure is not the next one's",
    "jobs/loop.py": "one record's failure is not the next one's",
    "services/s3/bodies.py": "the half-written blob is removed, then the error goes on",
    "store/database.py": "handed on to whoever asked for the write",
    "runtime/serve.py": "the user's own code may raise anything",
    "runtime/hook/guard.py": "a hook's failure is not the training's",
    "runtime/hook/imports.py": "nor that of the library's import",
    "images/autopilot/train.py": "whatever it is becomes the job's reason",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT / "src/clary")))
def test_a_file_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= _LINES
    assert ast.get_docstring(tree), "a module opens with what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= _FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_a_script_of_pages_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= _LINES
    assert text.startswith("// "), "a script opens with what it is for"


def test_everything_is_caught_only_at_an_edge() -> None:
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            kind = getattr(node, "type", None) if isinstance(node, ast.ExceptHandler) else None
            broad = isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}
            if isinstance(node, ast.ExceptHandler) and (kind is None or broad):
                found.add(str(path.relative_to(ROOT / "src/clary")))
    assert found <= set(_CATCH_ALL), f"catches everything: {sorted(found - set(_CATCH_ALL))}"
