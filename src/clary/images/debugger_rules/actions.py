"""What is done when a rule fires: the parameter ``action_json``, as the SageMaker SDK's ActionList writes it.

``[{\\"name\\": \\"stoptraining\\", \\"training_job_prefix\\": \\"my-job\\"}, {\\"name\\": \\"email\\", \\"endpoint\\": ...}]``, its
quotes escaped by backslashes; a single action may be an object without a list. Source: smdebug-rulesconfig 1.0.1, ``actions``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

STOP, EMAIL, SMS = "stoptraining", "email", "sms"

_PREFIX = re.compile(r"[A-Za-z0-9-]+")


class BadActions(Exception):
    """The text is no list of actions; the message says why."""


@dataclass(frozen=True)
class Action:
    """``target``: of STOP the beginning of the name of the job that ends, of the others an address or a number."""

    name: str
    target: str


def parse(text: str, job: str) -> list[Action]:
    """The actions; ``job``: the training job that is looked at, which a STOP without a prefix means. ``BadActions``."""
    if not text.strip():
        return []
    try:
        found = json.loads(text.replace('\\"', '"'))
    except ValueError as error:
        raise BadActions(f"action_json is not JSON: {error}") from None
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadActions("action_json must be an object, or a list of objects, each with a name")
    return [_action(each, job) for each in found]


def _action(given: dict[str, object], job: str) -> Action:
    name = str(given.get("name", "")).lower()
    if name == STOP:
        prefix = str(given.get("training_job_prefix") or job)
        if not _PREFIX.fullmatch(prefix):
            raise BadActions(f"training_job_prefix {prefix!r} must be letters, digits and hyphens")
        return Action(name, prefix)
    if name in {EMAIL, SMS}:
        if not given.get("endpoint"):
            raise BadActions(f"the action {name} of action_json needs an endpoint")
        return Action(name, str(given["endpoint"]))
    raise BadActions(f"action_json has the action {name!r}; there are: {STOP}, {EMAIL}, {SMS}")
