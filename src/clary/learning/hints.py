"""Graded hints of a project: ``hints.md`` beside its guide, a heading ``## STEP`` and up to three numbered lines below it.

How far somebody has asked is kept in the working copy, so that the same command gives a little more each time.
"""

from __future__ import annotations

import re
from pathlib import Path

from clary.learning import records

_ASKED = ".hints.json"  # in a working folder: step → how many hints were given
_HINT = re.compile(r"^\d+\. ")


class NoHint(Exception):
    """The step has no hints; the text names those that have some."""


def read(text: str) -> dict[str, list[str]]:
    """The hints of each step, the slightest first; a hint may go on over several lines."""
    found: dict[str, list[str]] = {}
    step: list[str] | None = None
    for line in text.splitlines():
        if line.startswith("## "):
            step = found.setdefault(line.removeprefix("## ").split()[0].rstrip("."), [])
        elif step is not None and _HINT.match(line):
            step.append(_HINT.sub("", line))
        elif step and line.strip():
            step[-1] += "\n" + line.removeprefix("   ")
    return found


def give(folder: Path, step: str, level: int | None = None) -> str:
    """The next hint for a step of the project whose working copy is ``folder``; the last one again after that.

    ``level`` 1 to 3 asks for one of them. ``NoHint`` names the steps that have hints.
    """
    path = folder / "hints.md"
    hints = read(path.read_text(encoding="utf-8")) if path.exists() else {}
    if step not in hints:
        known = ", ".join(hints) or "none"
        raise NoHint(f"There is no hint for step {step!r}. Steps with hints: {known}")
    record = folder / _ASKED
    steps = hints[step]
    with records.alone(folder):
        asked: dict[str, int] = records.read(record)
        place = min(level or asked.get(step, 0) + 1, len(steps))
        asked[step] = max(place, asked.get(step, 0))
        records.write(record, asked)
    more = f"\n\nStill stuck? Ask again for hint {place + 1} of {len(steps)}." if place < len(steps) else ""
    return f"Hint {place} of {len(steps)}\n{steps[place - 1]}{more}"
