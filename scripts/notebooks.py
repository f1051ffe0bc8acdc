"""Makes a project's notebooks from its solution.py: ``solution.ipynb`` whole, ``starter.ipynb`` with the tasks open.

solution.py is in the py:percent form: ``# %%`` begins a cell, ``# %% [markdown]`` a text. A cell tagged ``task`` opens
with ``# TASK:`` and ``# HINT:`` lines; the starter keeps these and leaves the code to the learner. Notebooks are plain
JSON (nbformat 4.5) and are stored without output.

Usage: python scripts/notebooks.py [--check]
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECTS = Path(__file__).parent.parent / "projects"
MARK = "# %%"
OPEN = "# Your code:\n"


@dataclass(frozen=True)
class Cell:
    """``text`` is the cell's source; a markdown cell's without the comment signs."""

    markdown: bool
    task: bool
    text: str


def cells(source: str) -> list[Cell]:
    """The cells of a py:percent file."""
    found = []
    for chunk in ("\n" + source).split(f"\n{MARK}")[1:]:
        header, _, text = chunk.partition("\n")
        markdown = "[markdown]" in header
        if markdown:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.strip().splitlines())
        # Markers for the formatter of solution.py mean nothing in a notebook.
        found.append(Cell(markdown, 'tags=["task"]' in header, text.strip("\n").replace("  # fmt: skip", "")))
    return found


def opened(cell: Cell) -> Cell:
    """A task with its solution taken out."""
    if not cell.task:
        return cell
    kept = []
    for line in cell.text.splitlines():
        if not line.startswith("#"):
            break
        kept.append(line)
    return Cell(False, True, "\n".join(kept) + "\n" + OPEN)


def notebook(all_cells: list[Cell]) -> str:
    """The notebook's JSON. Ids are made from the place and the text, so that the same source gives the same file."""
    document = {
        "cells": [_cell(place, cell) for place, cell in enumerate(all_cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(place: int, cell: Cell) -> dict[str, Any]:
    identifier = hashlib.sha256(f"{place} {cell.text}".encode()).hexdigest()[:8]
    common = {"id": identifier, "metadata": {"tags": ["task"]} if cell.task else {}}
    source = cell.text.splitlines(keepends=True)
    if cell.markdown:
        return {"cell_type": "markdown", **common, "source": source}
    return {"cell_type": "code", **common, "execution_count": None, "outputs": [], "source": source}


def wanted(solution: Path) -> dict[Path, str]:
    """The notebooks that a solution.py asks for: path → content."""
    found = cells(solution.read_text(encoding="utf-8"))
    return {
        solution.with_name("solution.ipynb"): notebook(found),
        solution.with_name("starter.ipynb"): notebook([opened(cell) for cell in found]),
    }


def main(*, check: bool) -> int:
    stale = 0
    for solution in sorted(PROJECTS.glob("*/solution.py")):
        for path, content in wanted(solution).items():
            if path.exists() and path.read_text(encoding="utf-8") == content:
                continue
            stale += 1
            print(f"{path.relative_to(PROJECTS.parent)} {'is not current' if check else 'written'}")
            if not check:
                path.write_text(content, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
