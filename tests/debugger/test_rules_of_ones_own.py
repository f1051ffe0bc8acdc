"""Rule files written against smdebug: evaluated here as smdebug 1.0.34 itself evaluates them on the same tensors."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.formats.tensors import layout, values
from clary.formats.tensors.collections import Collection, reduction_name
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value
from clary.formats.tensors.writer import Step, write_collections
from clary.images import catalog
from clary.images.environments import Environments
from tests.debugger import rule_files
from tests.debugger.oracle import smdebug

__all__ = ["smdebug"]
pytestmark = pytest.mark.slow

CASES = {
    "a gradient grows": (rule_files.GRADIENT, "CustomGradientRule", {"threshold": "20.0"}),
    "a gradient grows, but not so far": (rule_files.GRADIENT, "CustomGradientRule", {"threshold": "1e9"}),
    "a gradient by its default": (rule_files.GRADIENT, "CustomGradientRule", {}),
    "a weight rests": (rule_files.REQUIRED, "WeightsRest", {"steps": "3"}),
    "a loss by its modes": (rule_files.MODES, "Overfits", {"ratio": "1.5"}),
    "a tensor that comes late": (rule_files.MISSING, "Missing", {}),
}


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job of two modes saves every fifth step: gradients whole or reduced, a weight that rests, a loss."""
    folder = tmp_path_factory.mktemp("job") / "tensors"
    counts = dict.fromkeys(Mode, 0)
    for number in range(12):
        mode = Mode.EVAL if number % 4 == 3 else Mode.TRAIN
        step = Step(folder, "worker_0", number * 5, mode, counts[mode])
        counts[mode] += 1
        loss = 1 / (number + 1) if mode is Mode.TRAIN else 0.25 + number / 40
        step.add("CrossEntropyLoss_output_0", values.scalar(loss), 1.7e9)
        if mode is Mode.TRAIN:
            step.add(
                "gradient/Net_a.weight",
                Value("float32", (2,), struct.pack("<2f", -(2.0**number), 2.0**number)),
                1.7e9,
            )
            step.add(reduction_name("gradient/Net_b.weight", "abs_mean"), values.scalar(0.5), 1.7e9)
        step.add("Net_a.weight", Value("float64", (1, 2), struct.pack("<2d", min(number, 6), 1.0)), 1.7e9)
        if number % 3 == 1:
            step.add("late", values.scalar(number / 3), 1.7e9)
        step.close()
    found = [
        Collection("losses", ("[Ll]oss",)),
        Collection("gradients", ("^gradient",)),
        Collection("weights", ("^(?!gradient).*weight",)),
    ]
    write_collections(folder, "worker_0", found, 1)
    (folder / layout.END).touch()
    return folder


def evaluated(
    cache: Path, tensors: Path, scratch: Path, rule: str, name: str, parameters: Mapping[str, str]
) -> tuple[int, dict[str, Any], str, str]:
    """The exit code, the evaluation that is left, the message, and the log."""
    environments = Environments(cache)
    python = environments.build(catalog.find("sagemaker-debugger-rule-evaluator").lock)
    source, ml = scratch / "source", scratch / "ml"
    source.mkdir()
    (source / "my_rule.py").write_text(rule)
    given = {f"RULE_PARAMETER_{key}": value for key, value in {**parameters, "rule_to_invoke": name}.items()}
    environment = {**os.environ, **given, "PYTHONPATH": str(environments.runtime()), "CLARY_ML": str(ml)}
    program = [str(python), "-m", "clary.images.debugger_rules.evaluate", "--tensors", str(tensors)]
    command = [*program, "--output", str(scratch / "output"), "--source", str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    left, message = scratch / "output/evaluation.json", ml / "output/message"
    return (
        done.returncode,
        json.loads(left.read_text()) if left.exists() else {},
        message.read_text() if message.exists() else "",
        done.stdout + done.stderr,
    )


@pytest.fixture(scope="module")
def theirs(smdebug: str, tensors: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What smdebug finds: by case the step and its words, or None."""
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "oracle.py").write_text(rule_files.ORACLE)
    cases = {
        case: (rule, name, {**given, "action_str": ""} if "action_str, " in rule else given)
        for case, (rule, name, given) in CASES.items()
    }
    (folder / "cases.json").write_text(json.dumps(cases))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    command = [smdebug, "oracle.py", "cases.json", str(tensors)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert "FOUND" in done.stdout, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.partition("FOUND")[2])
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_rule_fires_at_the_step_at_which_it_does_under_smdebug(
    case: str, theirs: dict[str, Any], cache: Path, tensors: Path, tmp_path: Path
) -> None:
    rule, name, parameters = CASES[case]
    code, left, message, log = evaluated(cache, tensors, tmp_path, rule, name, parameters)
    assert code == 0, log
    if theirs[case] is None:
        assert (left["status"], message) == ("NoIssuesFound", "")
    else:
        assert [left["status"], left["step"]] == ["IssuesFound", theirs[case][0]]
        assert message == f"RuleEvaluationConditionMet: {theirs[case][1]}\n"


def test_these_cases_fire_and_do_not(cache: Path, tensors: Path, tmp_path: Path) -> None:
    """So that the test above compares more than nothing with nothing."""
    steps = {}
    for number, (case, (rule, name, parameters)) in enumerate(CASES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        left = evaluated(cache, tensors, folder, rule, name, parameters)[1]
        steps[case] = left["step"] if left["status"] == "IssuesFound" else None
    assert steps == {
        "a gradient grows": 25,
        "a gradient grows, but not so far": None,
        "a gradient by its default": 20,
        "a weight rests": 40,
        "a loss by its modes": 15,
        "a tensor that comes late": 35,
    }


@pytest.mark.parametrize(
    ("rule", "name", "parameters", "said"),
    [
        (rule_files.RAISES, "Raises", {}, "the rule Raises raised KeyError: 'no such key'"),
        (rule_files.RAISES, "Absent", {}, "my_rule.py has no rule 'Absent', a class derived from .*; it has: Raises"),
        (rule_files.GRADIENT, "CustomGradientRule", {"limit": "1"}, "unexpected keyword argument 'limit'"),
        ("import nowhere", "Any", {}, "the rule Any raised ModuleNotFoundError: No module named 'nowhere'"),
        ("import smdebug.pytorch", "Any", {}, "No module named 'smdebug.pytorch'"),
        ("def", "Any", {}, "the rule Any raised SyntaxError"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_says_why(
    rule: str, name: str, parameters: dict[str, str], said: str, cache: Path, tensors: Path, tmp_path: Path
) -> None:
    code, _, message, log = evaluated(cache, tensors, tmp_path, rule, name, parameters)
    assert code == 1
    assert message.startswith("ClientError: ")
    assert re.search(said, message), message
    assert log.rstrip().endswith(message)
