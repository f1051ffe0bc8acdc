"""Rules by an unmodified SageMaker SDK 2.x: a training with a far too high learning rate is caught, and ended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clary.images.debugger_rules import table
from tests import pythons
from tests.conftest import Studio
from tests.sdk import rule_programs

pytestmark = pytest.mark.slow


def test_a_bad_training_is_caught_by_its_rules(studio: Studio, tmp_path: Path) -> None:
    python = pythons.named("CLARY_TEST_SDK2_PYTHON", "the SageMaker SDK 2.x")
    found, said = pythons.run(studio, python, rule_programs.EXPLODES, tmp_path)
    assert found["status"] == "Stopped", said
    assert re.fullmatch(r"Training job stopped: the rule ExplodingTensor fired at step \d+", found["message"]), said
    rules = found["rules"]
    status, details = rules["ExplodingTensor"]
    assert status == "IssuesFound"
    assert re.fullmatch(
        r"RuleEvaluationConditionMet: Evaluation of the rule ExplodingTensor at step \d+ resulted in the condition being "
        r"met\n",
        details,
    )
    assert rules["LossNotDecreasing"][0] == "IssuesFound"
    assert rules["HugeLoss"][0] == "IssuesFound"
    assert rules["VanishingGradient"] == ["NoIssuesFound", ""]
    assert found["artifacts"].endswith(f"{found['name']}/debug-output")
    assert found["built_in"] == sorted(table.RULES)
