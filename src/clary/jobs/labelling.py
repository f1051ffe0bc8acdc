"""Running a labelling job: its manifest's objects to people, in batches, and what they say into S3.

A first batch of 10 objects is asked about and consolidated alone; then up to MaxConcurrentTaskCount objects are out at once,
and as many make an iteration, which is consolidated when all of it is answered. People's answers are in
``context.labelling``; a change there wakes the job. ``_phase`` in the record's body says what to do next; each phase may be
repeated after a crash: what is written to S3 has names that the record keeps (``_consolidating``), and an object's label
and the record's change are one transaction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.jobs import labelling_activity as activity
from clary.jobs import labelling_input, labelling_learning, reasons
from clary.jobs.labelling_input import CannotBegin
from clary.jobs.labelling_learning import Learner
from clary.jobs.labelling_output import Moment, Output
from clary.labelling import labels
from clary.labelling.labels import Batch, Outcome
from clary.labelling.task_types import TASK_TYPES
from clary.store.base import Also, Record, together
from clary.store.labelling_objects import Answered, LabellingObjects
from clary.store.labelling_tasks import KIND, Job
from clary.store.times import ms_of

_PROBE = 10  # objects of the first batch
_LONGEST = timedelta(days=30)  # of a job
_RETRY = 30.0  # seconds until S3 is tried again where it could not be written
_LOOK = 3600.0  # seconds until the clock is looked at again: a machine that slept counts none of them
_MASKS = 20  # objects whose masks are consolidated at a time, for they are large


class LabellingJobs:
    kind = KIND
    terminal = frozenset({"Completed", "Failed", "Stopped"})

    def __init__(self, context: Context) -> None:
        self._context = context

    def directory(self, record: Record) -> Path | None:  # noqa: ARG002 - people are no tasks of an engine
        return None

    def step(self, job: Record) -> float | None:
        match job.body["_phase"]:
            case "initializing":
                return self._initialize(job)
            case "labelling":
                return self._label(job)
            case "closing":
                return self._guarded(job, self._close)
            case "writing":
                return self._guarded(job, self._write_manifest)
        raise AssertionError(f"{job.body['_phase']!r} is no phase of a labelling job")

    def _initialize(self, job: Record) -> float | None:
        if job.status == "Stopping":
            return self._end(job, "Stopped")
        try:
            found = labelling_input.read(self._context.buckets_of(job.body["RoleArn"]), job.body)
        except (CannotBegin, ServiceError) as error:
            return self._end(job, "Failed", reasons.of_client(error))
        config, objects = job.body["HumanTaskConfig"], self._context.labelling
        team = config["WorkteamArn"].rpartition("/")[2]
        per_object, seconds = config["NumberOfHumanWorkersPerDataObject"], config["TaskTimeLimitInSeconds"]
        row = objects.begin(job.region, job.name, team, per_object, seconds, found.template)
        objects.load(row, found.lines)
        counters = _counters(objects.counts(row))
        learning = labelling_learning.begin(job, counters["Unlabeled"])
        members = {
            **({"_learning": learning} if learning else {}),
            "_names": list(found.categories.names),
            "_labels": found.categories.shown,
            "_total": len(found.lines),
            "LabelCounters": counters,
        }
        return self._put(job, "InProgress", "labelling", LabellingObjects.opening(row), **members)

    def _label(self, job: Record) -> float | None:
        row = self._row(job)
        self._carry(job, row)
        now = self._context.now()
        if job.status == "Stopping":
            if "_learning" in job.body:
                self._learner(job, row).stop()
            return self._halt(job, row, "Stopped")
        assert job.created is not None, "a stored record has its times"
        if now >= job.created + _LONGEST:
            return self._halt(job, row, "Failed", _TOO_OLD)
        following = self._context.labelling.expire(row, ms_of(now))
        if "_consolidating" in job.body:
            return self._guarded(job, lambda job: self._consolidate(job, row))
        iterations = self._context.labelling.iterations(row)
        if (done := self._whole(job, iterations)) is not None:
            moment = {"iteration": done, "ms": ms_of(now)}
            return self._put(job, job.status, "labelling", LabellingObjects.closing(row, done), _consolidating=moment)
        counts = self._context.labelling.counts(row)
        counters = _counters(counts)
        if reached := _condition(job, counters):
            activity.say(self._context, job, "STOPPING_CONDITION_REACHED", reached, "condition")
            return self._halt(job, row, "Stopped")
        release = self._release(job, row, counts, iterations)
        if release is not None or counters != job.body["LabelCounters"]:
            counted = activity.counted(job, counters, ms_of(now))
            also = together(*([release] if release else []), counted)
            return self._put(job, job.status, "labelling", also, LabelCounters=counters)
        if not any(counts.get(state) for state in ("open", "answered", "closed")):
            if counts.get("waiting"):
                return self._learn(job, row)
            return self._put(job, job.status, "writing", _outcome="Completed", _reason="")
        last = (job.created + _LONGEST - now).total_seconds()
        return min(_LOOK, last, math.inf if following is None else max(0.0, (following - ms_of(now)) / 1000) + 0.01)

    def _whole(self, job: Record, iterations: dict[int, dict[str, int]]) -> int | None:
        """The first iteration that nobody is asked about any more and that nothing is added to."""
        for number, states in iterations.items():
            if states.get("answered") and not states.get("open") and self._is_full(job, number, states):
                return number
        return None

    def _is_full(self, job: Record, number: int, states: dict[str, int]) -> bool:
        row = self._row(job)
        full = sum(states.values()) >= _size(job, number)
        return full or not self._context.labelling.waiting(row, 1) or self._wanted(job, row) <= 0

    def _wanted(self, job: Record, row: Job) -> int:
        """How many more objects may be given out before a stopping condition holds."""
        counts = self._context.labelling.counts(row)
        out = sum(counts.get(state, 0) for state in ("open", "answered", "closed", "labelled"))
        out -= counts.get("unanswered", 0)
        conditions = job.body.get("StoppingConditions", {})
        most = conditions.get("MaxHumanLabeledObjectCount", job.body["_total"])
        if share := conditions.get("MaxPercentageOfInputDatasetLabeled"):
            most = min(
                most, math.ceil(job.body["_total"] * share / 100) - counts.get("kept", 0) - counts.get("auto", 0)
            )
        if (learning := labelling_learning.limit(job)) is not None:
            most = min(most, learning)
        return int(most - out)

    def _release(
        self, job: Record, row: Job, counts: dict[str, int], iterations: dict[int, dict[str, int]]
    ) -> Also | None:
        """Give out as many objects as there is room for; those that cannot be shown fail."""
        number, states = max(iterations.items(), default=(0, {}))
        begun = sum(states.values())
        if number == 1 and not (states.keys() <= {"labelled", "failed"}):
            return None  # the first batch goes alone
        if number <= 1 or begun >= _size(job, number):
            number, begun = number + 1, 0
        room = min(_size(job, number) - begun, _concurrent(job) - counts.get("open", 0), self._wanted(job, row))
        offered = self._context.labelling.waiting(row, room) if room > 0 else []
        if not offered:
            return None
        buckets = self._context.buckets_of(job.body["RoleArn"])
        now = self._context.clock.ms()
        bad = labelling_input.bad_objects(buckets, TASK_TYPES[job.body["_task_type"]], offered)
        if bad:
            batch = self._batch(job, Moment(number, now))
            return LabellingObjects.deciding(row, {each: labels.failed(batch, reason) for each, reason in bad.items()})
        expires = now + job.body["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] * 1000
        message = f"{len(offered)} objects SUBMITTED in iteration {number}"
        activity.say(self._context, job, _EVALUATED, message, f"submitted-{number}-{begun}")
        return LabellingObjects.release(row, len(offered), number, expires)

    def _learn(self, job: Record, row: Job) -> float | None:
        """Nobody is asked while a model learns or proposes."""
        found = self._learner(job, row).step()
        if found is None:
            return _LOOK
        learning, also, told = found
        activity.say(self._context, job, _EVALUATED, told, f"learning-{learning['round']}-{learning['stage']}")
        return self._put(job, job.status, "labelling", also, _learning=learning)

    def _learner(self, job: Record, row: Job) -> Learner:
        batch = self._batch(job, Moment(0, self._context.clock.ms()))
        return Learner(self._context, job, row, self._output(job), batch)

    def _halt(self, job: Record, row: Job, outcome: str, reason: str = "") -> float | None:
        """Ask nobody any more; what was answered is consolidated. A consolidation that was begun is ended first."""
        if "_consolidating" in job.body:
            return self._guarded(job, lambda job: self._consolidate(job, row))
        return self._put(job, job.status, "closing", LabellingObjects.halting(row), _outcome=outcome, _reason=reason)

    def _close(self, job: Record) -> float | None:
        row = self._row(job)
        self._carry(job, row)
        if "_consolidating" in job.body:
            return self._consolidate(job, row)
        left = [number for number, states in self._context.labelling.iterations(row).items() if states.get("closed")]
        if left:
            moment = {"iteration": left[0], "ms": self._context.clock.ms()}
            return self._put(job, job.status, "closing", _consolidating=moment)
        activity.say(self._context, job, _EVALUATED, f"The labeling job was STOPPED: {job.body['_outcome']}", "stopped")
        return self._put(job, job.status, "writing")

    def _consolidate(self, job: Record, row: Job) -> float | None:
        """Make an iteration's answers labels."""
        moment = Moment(**job.body["_consolidating"])
        output, batch = self._output(job), self._batch(job, moment)
        objects = list(self._context.labelling.closed(row, moment.iteration))
        output.answers(moment, objects)
        found = _outcomes(batch, objects)
        output.labels(moment, objects, found)
        labelled = sum(state == "labelled" for state, _ in found.values())
        message = f"Iteration {moment.iteration} COMPLETED: {labelled} objects labeled, {len(found) - labelled} failed"
        activity.say(self._context, job, _EVALUATED, message, f"completed-{moment.iteration}")
        body = {name: value for name, value in job.body.items() if name not in {"_consolidating", "FailureReason"}}
        deciding = LabellingObjects.deciding(row, found)
        return self._put(replace(job, body=body), job.status, job.body["_phase"], deciding)

    def _write_manifest(self, job: Record) -> float | None:
        row = self._row(job)
        self._carry(job, row)
        uri = self._output(job).write_manifest(self._context.labelling.lines(row))
        activity.say(self._context, job, "EXPORTED_LABELED_MANIFEST", f"The labeled manifest is {uri}", "exported")
        counters = _counters(self._context.labelling.counts(row))
        body = {name: value for name, value in job.body.items() if name != "FailureReason"}
        model = job.body.get("_learning", {}).get("model")
        made = {"OutputDatasetS3Uri": uri, **({"FinalActiveLearningModelArn": model} if model else {})}
        members = {"LabelingJobOutput": made, "LabelCounters": counters}
        ended = replace(job, body={**body, **members})
        counted = activity.counted(job, counters, self._context.clock.ms())
        return self._end(ended, job.body["_outcome"], job.body["_reason"], counted)

    def _guarded(self, job: Record, work: Any) -> float | None:
        """Where S3 cannot be written people's answers are kept, and it is tried again; a job that was stopped fails."""
        try:
            return work(job)  # type: ignore[no-any-return] # a step
        except (ServiceError, OSError) as error:
            reason = reasons.of_client(error)[: reasons.LENGTH - len(_BLOCKED)] + _BLOCKED
            if job.status == "Stopping":
                return self._end(job, "Failed", reasons.of_client(error))
            if job.body.get("FailureReason") != reason:
                self._put(job, job.status, job.body["_phase"], FailureReason=reason)
            return _RETRY

    def _end(self, job: Record, status: str, reason: str = "", also: Also | None = None) -> float | None:
        told = {"FailureReason": reason[: reasons.LENGTH]} if reason else {}
        parts = [*([also] if also else []), activity.ended(job, status, self._context.clock.ms())]
        if (row := self._context.labelling.tasks.job(job.region, job.name)) is not None:
            parts.append(LabellingObjects.removal(row))
        self._put(job, status, "ended", together(*parts), **told)
        activity.forget(self._context, job)
        return None

    def _carry(self, job: Record, row: Job) -> None:
        team = self._context.store.find(job.body["HumanTaskConfig"]["WorkteamArn"])
        assert team is not None, "a work team outlives its jobs"
        activity.carry(self._context, job, row, team.body)

    def _batch(self, job: Record, moment: Moment) -> Batch:
        output = self._output(job)
        return Batch(
            type=TASK_TYPES[job.body["_task_type"]],
            attribute=job.body["LabelAttributeName"],
            job=job.name,
            names=job.body["_names"],
            shown=job.body["_labels"],
            created=moment.created,
            keep_mask=lambda number, content: output.keep_mask(moment, number, content),
            response_of=lambda number: output.response(moment, number),
        )

    def _output(self, job: Record) -> Output:
        team = self._context.store.find(job.body["HumanTaskConfig"]["WorkteamArn"])
        assert team is not None, "a work team outlives its jobs"
        pool = team.body["MemberDefinitions"][0]["CognitoMemberDefinition"]["UserPool"]
        return Output(self._context.buckets_of(job.body["RoleArn"]), job, TASK_TYPES[job.body["_task_type"]], pool)

    def _row(self, job: Record) -> Job:
        row = self._context.labelling.tasks.job(job.region, job.name)
        assert row is not None, "a job's row outlives its phases"
        return row

    def _put(self, job: Record, status: str, phase: str, also: Also | None = None, **members: Any) -> None:
        now = self._context.now()
        body = {**job.body, **members, "LabelingJobStatus": status, "LastModifiedTime": now, "_phase": phase}
        self._context.store.put(replace(job, status=status, body=body, modified=now), also)


_EVALUATED = "BATCH_ANNOTATION_STATUS_EVALUATED"
_TOO_OLD = (
    "ClientError: The labeling job expired: it was not complete after 30 days. What was labeled is in its output manifest; "
    "give that as the ManifestS3Uri of another job with the same LabelAttributeName for the rest."
)
_BLOCKED = " The answers are kept, and it is tried again; StopLabelingJob gives up."


def _size(job: Record, iteration: int) -> int:
    """Objects of an iteration."""
    return min(_PROBE, _concurrent(job)) if iteration == 1 else _concurrent(job)


def _concurrent(job: Record) -> int:
    return int(job.body["HumanTaskConfig"]["MaxConcurrentTaskCount"])


def _counters(counts: dict[str, int]) -> dict[str, int]:
    """LabelCounters. An object counts as labelled once it is answered, not only when its batch is consolidated."""
    human = sum(counts.get(state, 0) for state in ("answered", "closed", "labelled")) - counts.get("unanswered", 0)
    failed = counts.get("failed", 0) + counts.get("unanswered", 0)
    return {
        "TotalLabeled": human + counts.get("auto", 0) + counts.get("kept", 0),
        "HumanLabeled": human,
        "MachineLabeled": counts.get("auto", 0),
        "FailedNonRetryableError": failed,
        "Unlabeled": counts.get("waiting", 0) + counts.get("open", 0),
    }


def _condition(job: Record, counters: dict[str, int]) -> str:
    """The stopping condition that holds; "" if none does."""
    conditions = job.body.get("StoppingConditions", {})
    most, share = (
        conditions.get(f"Max{name}") for name in ("HumanLabeledObjectCount", "PercentageOfInputDatasetLabeled")
    )
    if most is not None and counters["HumanLabeled"] >= most and counters["Unlabeled"]:
        return f"{counters['HumanLabeled']} objects are labeled by humans; MaxHumanLabeledObjectCount is {most}"
    if share is not None and counters["TotalLabeled"] * 100 >= share * job.body["_total"] and counters["Unlabeled"]:
        return f"{counters['TotalLabeled']} objects are labeled; MaxPercentageOfInputDatasetLabeled is {share}"
    return ""


def _outcomes(batch: Batch, objects: Sequence[Answered]) -> dict[int, Outcome]:
    if batch.type.answers != "mask":
        return labels.outcomes(batch, objects)
    found: dict[int, Outcome] = {}
    left = iter(objects)
    while piece := list(islice(left, _MASKS)):
        found |= labels.outcomes(batch, piece)
    return found
