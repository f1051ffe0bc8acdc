"""Doing what is to be done when a rule fires."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.images.debugger_rules.actions import STOP, Action

log = logging.getLogger("smdebug")


@dataclass(frozen=True)
class Done:
    """What became of an action, in a sentence; ``stopped``: the training job that it ended."""

    name: str
    target: str
    done: bool
    text: str
    stopped: str = ""


class Doer:
    """Does actions for the rule of that name. What ends a job is made ready at once: it should not wait for its library."""

    def __init__(self, rule: str, actions: Sequence[Action]) -> None:
        self._rule, self._actions = rule, actions
        self._sagemaker = _client() if any(action.name == STOP for action in actions) else None

    def do(self) -> list[Done]:
        """All of them, each told in the log."""
        found = [self._stop(action) if action.name == STOP else self._message(action) for action in self._actions]
        for each in found:
            log.info("Action %s: %s", each.name, each.text)
        return found

    def _message(self, action: Action) -> Done:
        subject = f"SMDebugRule:{self._rule} fired"
        text = (
            f"to {action.target}, subject '{subject}', message '{subject}. None'. This Clary has no SNS: it is told here and "
            "not sent"
        )
        return Done(action.name, action.target, False, text)

    def _stop(self, action: Action) -> Done:
        """Stop the one training job in progress whose name begins so; none if there are several."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the client

        try:
            names = _in_progress(self._sagemaker, action.target)
            if len(names) != 1:
                said = f"{len(names)} jobs in progress begin with {action.target!r}, not one: none was stopped"
                return Done(action.name, action.target, False, said)
            assert self._sagemaker is not None
            self._sagemaker.stop_training_job(TrainingJobName=names[0])
        except (BotoCoreError, ClientError) as error:
            return Done(action.name, action.target, False, f"the training job could not be stopped: {error}")
        return Done(action.name, action.target, True, f"the training job {names[0]} was told to stop", names[0])


def _client() -> Any:
    import boto3  # noqa: PLC0415 - heavy, and most rules stop nothing

    return boto3.client("sagemaker")


def _in_progress(sagemaker: Any, prefix: str) -> list[str]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=prefix, StatusEquals="InProgress", SortBy="CreationTime", SortOrder="Descending"
    )
    jobs = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    return [name for name in jobs if name.startswith(prefix)]
