"""The program of a rule's job: follows the tensors of a training job and evaluates one rule, built-in or the user's own.

Run as ``python -m clary.images.debugger_rules.evaluate --tensors FOLDER --output FOLDER [--other FOLDER]... [--source
FOLDER]``; the rule and its parameters are in ``RULE_PARAMETER_<name>``. What becomes the job's ExitMessage says at
which step the rule fired, or why it could not be evaluated; a job that ends without one has found nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from clary.images.debugger_rules import actions, compatible, custom, done, loop, table
from clary.images.debugger_rules.catalog import CLASSES
from clary.images.debugger_rules.evaluation import Evaluation
from clary.images.debugger_rules.exceptions import MissingCollectionFiles, RuleEvaluationConditionMet
from clary.images.debugger_rules.rule import Finding, Rule
from clary.images.debugger_rules.series import Losses
from clary.images.debugger_rules.trial import Trial
from clary.runtime import contract

log = logging.getLogger("smdebug")

_PARAMETER = "RULE_PARAMETER_"
_NICENESS = 10  # the training job goes before


class CannotEvaluate(Exception):
    """The rule cannot be had; the message says why."""


def main() -> int:
    """The exit code: 0 if the rule ended, whether it was met or not."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="[%(asctime)s %(levelname)s] %(message)s")
    os.nice(_NICENESS)
    given = _arguments()
    parameters = {k.removeprefix(_PARAMETER): v for k, v in os.environ.items() if k.startswith(_PARAMETER)}
    try:
        _evaluate(given, parameters)
    except CannotEvaluate as error:
        return _fail(str(error))
    except Exception as error:  # noqa: BLE001 - the rule may be the user's program
        traceback.print_exc(file=sys.stdout)
        return _fail(f"the rule {parameters.get('rule_to_invoke')} raised {type(error).__name__}: {error}")
    return 0


def _fail(why: str) -> int:
    print(f"ClientError: {why}", flush=True)
    _say(f"ClientError: {why}")
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tensors", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--other", type=Path, action="append", default=[])
    parser.add_argument("--source", type=Path)
    return parser.parse_args()


def _evaluate(given: argparse.Namespace, parameters: Mapping[str, str]) -> None:
    name, job = parameters["rule_to_invoke"], os.environ.get("RULE_TRAINING_JOB", "")
    evaluation = Evaluation(given.output, name, os.environ.get("RULE_CONFIGURATION_NAME", name), job)
    log.info("Evaluating the rule %s beside the training job %s", name, job)
    try:
        trial, *others = [Trial(folder, job, _uri(folder)) for folder in (given.tensors, *given.other)]
    except MissingCollectionFiles:
        log.warning("The training job has ended and saved no tensors: the rule %s looked at none", name)
        evaluation.write("NoIssuesFound", -1, 0, {})
        return
    rule = _rule(given, name, parameters, trial, others)
    asked = [parameters.get("action_json", ""), rule.action_str]
    wanted = [*(action for text in asked for action in actions.parse(text, job)), *_own_actions(rule, job)]
    doer = done.Doer(name, wanted)
    series, losses = getattr(rule, "series", {}), Losses(trial)
    evaluation.losses = losses.series

    def looked() -> int:
        return int(getattr(rule, "looked", 0))

    def seen(step: int) -> None:
        losses.look(step)
        evaluation.look(step, looked(), series)

    try:
        step = loop.run(rule, seen=seen)
        rule.finish()
    except RuleEvaluationConditionMet as met:
        found = rule.finding or Finding(str(met))
        losses.look(met.step)
        log.warning("%s: %s", met, found.text)
        evaluation.write("IssuesFound", met.step, looked(), series, found, doer.do())
        _say(f"RuleEvaluationConditionMet: {met}\n")
        return
    if not looked() and not given.source:
        log.warning("The rule %s looked at nothing: no tensor that it wants was saved. %s", name, _saved(trial))
    log.info("The rule %s has found nothing up to step %d, the last one", name, step)
    evaluation.write("NoIssuesFound", step, looked(), series)


def _rule(
    given: argparse.Namespace, name: str, parameters: Mapping[str, str], trial: Trial, others: list[Trial]
) -> Rule:
    try:
        if given.source is None:
            return CLASSES[name](trial, table.read(name, parameters), others, given.output)
        compatible.offer({_uri(folder): str(folder) for folder in (given.tensors, *given.other)})
        return custom.rule(next(given.source.glob("*.py")), name, parameters, trial, others)
    except (table.BadParameter, custom.CannotLoad) as error:
        raise CannotEvaluate(str(error)) from error


def _uri(folder: Path) -> str:
    """Where in S3 lies what the job sees in a folder; the folder, where no job says so."""
    try:
        inputs = json.loads((contract.ML / "config/processingjobconfig.json").read_text())["ProcessingInputs"]
    except FileNotFoundError:
        inputs = []
    uris = {each["InputName"]: str(each["S3Input"]["S3Uri"]) for each in inputs}
    return uris.get(folder.name, str(folder)).rstrip("/")


def _own_actions(rule: Rule, job: str) -> list[actions.Action]:
    """What StalledTrainingRule's own parameters ask for."""
    own: Mapping[str, object] = getattr(rule, "given", {})
    if not own.get("stop_training_on_fire"):
        return []
    return [actions.Action(actions.STOP, str(own.get("training_job_name_prefix") or job))]


def _saved(trial: Trial) -> str:
    names = trial.tensor_names()
    some = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"What was saved: {some}" if names else "Nothing was saved"


def _say(text: str) -> None:
    contract.OUTPUT.mkdir(parents=True, exist_ok=True)
    (contract.OUTPUT / "message").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
