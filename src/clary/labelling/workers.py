"""The people who label: who they are and which work teams they belong to. Each belongs to one region, as work teams do."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound, ValidationException
from clary.store.base import Condition, Conflict, Query, Record

KIND = "LabellingWorker"
TEAM = "Workteam"  # the kind of their teams' records

_NAME = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True)
class Worker:
    """``sub``: a UUID, as a user pool's; ``worker_id``: how output names the worker, ``private.<region>.<16 hex>``."""

    name: str
    sub: str
    worker_id: str
    teams: tuple[str, ...]
    region: str


def add(context: Context, name: str, teams: Sequence[str]) -> Worker:
    """``ValidationException`` for a bad name or a team that is not there, ``ResourceInUse`` if the name is taken."""
    if not _NAME.fullmatch(name):
        raise ValidationException(
            f"{name!r} is no name for a worker: 1 to 64 letters, digits and any of _ . @ + - (an address of mail is one)."
        )
    _check_teams(context, teams)
    body = {
        "Sub": str(uuid.uuid4()),
        "Teams": list(dict.fromkeys(teams)),
    }
    try:
        record = context.store.create(Record(region=context.region, kind=KIND, name=name, body=body))
    except Conflict:
        raise ResourceInUse(f"There is a worker named {name} in {context.region} already.") from None
    return _worker(record)


def find(context: Context, name: str) -> Worker:
    """``ResourceNotFound``."""
    return _worker(_record(context, name))


def find_by_sub(context: Context, sub: str) -> Worker:
    """``ResourceNotFound``."""
    found, _ = context.store.page(context.region, KIND, Query(where=[Condition("Sub", "=", sub)], limit=1))
    if not found:
        raise ResourceNotFound(f"There is no worker {sub} in {context.region}.")
    return _worker(found[0])


def all_of(context: Context, team: str = "") -> list[Worker]:
    """Everybody, or those of a work team, by name."""
    found = map(_worker, context.store.scan(context.region, KIND))
    return [worker for worker in found if not team or team in worker.teams]


def set_teams(context: Context, name: str, teams: Sequence[str]) -> Worker:
    """A task that the worker has open of another team's job goes to others.

    ``ResourceNotFound``; ``ValidationException`` for a team that is not there.
    """
    _check_teams(context, teams)
    while True:
        record = _record(context, name)
        try:
            put = context.store.put(replace(record, body={**record.body, "Teams": list(dict.fromkeys(teams))}))
        except Conflict:
            continue
        break
    worker = _worker(put)
    context.labelling.tasks.leave(worker.region, worker.sub, worker.teams, context.clock.ms())
    return worker


def remove(context: Context, name: str) -> None:
    """Answers stay; a task that the worker has open goes to others. ``ResourceNotFound``."""
    while True:
        record = _record(context, name)
        try:
            context.store.delete(record)
        except Conflict:
            continue
        break
    context.labelling.tasks.leave(context.region, record.body["Sub"], (), context.clock.ms())


def leave_team(context: Context, team: str) -> None:
    """The work team is deleted: nobody belongs to it any more."""
    for worker in all_of(context, team):
        set_teams(context, worker.name, [each for each in worker.teams if each != team])


def worker_id(region: str, sub: str) -> str:
    """How output names the worker of this sub, also when the worker was removed."""
    return f"private.{region}.{hashlib.sha256(sub.encode()).hexdigest()[:16]}"


def _record(context: Context, name: str) -> Record:
    record = context.store.get(context.region, KIND, name)
    if record is None:
        raise ResourceNotFound(
            f"There is no worker named {name} in {context.region}: see clary labelling workers list."
        )
    return record


def _check_teams(context: Context, teams: Sequence[str]) -> None:
    for team in teams:
        if context.store.get(context.region, TEAM, team) is None:
            raise ValidationException(
                f"There is no work team {team} in {context.region}: make it first, by CreateWorkteam or on the console's "
                "page Labelling, Teams."
            )


def _worker(record: Record) -> Worker:
    body = record.body
    return Worker(record.name, body["Sub"], worker_id(record.region, body["Sub"]), tuple(body["Teams"]), record.region)
