"""Run by the Python of the rules' image: writes the tensors of each case as a job would, and evaluates its rule on them.

In: a JSON file of cases by name. Out: what became of each, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from clary.formats.tensors import layout
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value, text
from clary.formats.tensors.writer import Step, write_collections
from clary.images.debugger_rules import loop, table
from clary.images.debugger_rules.catalog import CLASSES
from clary.images.debugger_rules.exceptions import RuleEvaluationConditionMet
from clary.images.debugger_rules.trial import Trial


def write(folder: Path, steps: list[list[Any]], collections: dict[str, str]) -> None:
    """``steps``: [mode, {tensor: nested numbers, or texts}], or [mode, tensors, global step]."""
    counts = dict.fromkeys(Mode, 0)
    found = [Collection(name, (pattern,)) for name, pattern in collections.items()]
    write_collections(folder, "worker_0", found, 1)
    for number, (mode, tensors, *at) in enumerate(steps):
        step = at[0] if at else number
        file = Step(folder, "worker_0", step, Mode[mode], step if mode == "GLOBAL" else counts[Mode[mode]])
        counts[Mode[mode]] += 1
        for name, numbers in tensors.items():
            file.add(name, _value(numbers), 1.7e9)
        file.close()
    (folder / layout.END).touch()


def _value(numbers: Any) -> Value:
    array = np.atleast_1d(np.array(numbers))
    if array.dtype.kind == "U":
        return text(array.tolist())
    return Value(str(array.dtype), array.shape, array.tobytes())


def evaluate(folder: Path, case: dict[str, Any]) -> dict[str, Any]:
    write(folder / "base", case["steps"], case["collections"])
    others = []
    if "other" in case:
        write(folder / "other", case["other"], case["collections"])
        others = [Trial(folder / "other")]
    given = {**case["parameters"], **({"other_trial_0": "s3://b/x"} if others else {})}
    name = case["rule"]
    rule = CLASSES[name](Trial(folder / "base"), table.read(name, given), others, folder / "output")
    try:
        loop.run(rule)
        rule.finish()
    except RuleEvaluationConditionMet as met:
        assert rule.finding is not None
        return {"step": met.step, "looked": rule.looked, **vars(rule.finding), "value": str(rule.finding.value)}
    left = sorted(path.name for path in (folder / "output").glob("*"))
    return {"step": None, "looked": rule.looked, "left": left}


def main() -> None:
    cases: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    scratch = Path(sys.argv[2])
    print(json.dumps({name: evaluate(scratch / str(n), case) for n, (name, case) in enumerate(cases.items())}))


if __name__ == "__main__":
    main()
