"""Running a processing job: InProgress → Completed, Failed or (by Stopping) Stopped.

``_phase`` in the record's body says what to do next: starting, staging, running, storing; each may be repeated after a
crash, because it ends with the write of the next one. A job is Completed when all of its outputs are in their buckets.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import CannotIsolate, Engine
from clary.errors import ServiceError
from clary.guarded_buckets import GuardedBuckets
from clary.images import catalog
from clary.jobs import (
    channels,
    followed_inputs,
    images,
    instances,
    processing_files,
    provenance,
    reasons,
    room,
    task_logs,
)
from clary.jobs.credentials import TaskCredentials
from clary.jobs.followed_inputs import Followed
from clary.jobs.instances import Host, Instances
from clary.jobs.processing_task import NO_PATHS, TaskMaker
from clary.jobs.processing_uploads import EVERY, CannotStore, Uploads
from clary.jobs.room import Room
from clary.store.base import Record

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_SILENT = 10.0  # seconds until a job that says nothing is looked at: a killed supervisor tells nobody
_PROBLEMS = (CannotStore, OSError, ServiceError)  # of storing; the last is a role that is gone


class ProcessingJobs:
    kind = "ProcessingJob"
    terminal = frozenset({"Completed", "Failed", "Stopped"})

    def __init__(
        self,
        context: Context,
        engine: Engine,
        images_: images.Images,
        credentials: TaskCredentials,
        tasks: Path,
        room_: Room,
    ) -> None:
        self._context, self._engine, self._images = context, engine, images_
        self._credentials, self._tasks, self._room = credentials, tasks, room_
        self._maker = TaskMaker(context, engine, images_, credentials)
        self._uploads: dict[str, list[Uploads]] = {}  # by the job's directory
        self._followed: dict[str, list[Followed]] = {}  # likewise

    def directory(self, record: Record) -> Path | None:
        return self._tasks / str(record.body["_directory"])

    def step(self, job: Record) -> float | None:
        match job.body["_phase"]:
            case "starting":
                return self._start(job)
            case "staging":
                return self._stage(job)
            case "running":
                return self._watch(job)
            case "storing":
                return self._store(job)
        raise AssertionError(f"{job.body['_phase']!r} is no phase of a processing job")

    # starting

    def _start(self, job: Record) -> float | None:
        provenance.begin(self._context, job)
        if job.status == "Stopping":
            return self._end(job, "Stopped")
        if not job.body.get("_beside"):
            if place := self._room.enter(job):
                return self._wait(job, place)
            job = self._move(job, "starting", _has_room=True)
        try:
            self._images.prepare(self._image(job))
        except images.CannotPrepare as error:
            return self._fail(job, reasons.of_client(error))
        self._move(job, "staging")
        return None

    def _wait(self, job: Record, place: int) -> None:
        """Say where in the queue it stands: in its log, because Describe has no place for it."""
        message = room.waiting(place, self._room.running, "Processing job")
        if job.body.get("_waiting") != message:
            self._say(job, message)
            self._move(job, "starting", _waiting=message)

    # staging

    def _stage(self, job: Record) -> float | None:
        running, cluster = self._instances(job), job.body["ProcessingResources"]["ClusterConfig"]
        hosts = instances.hosts(cluster)
        if job.status == "Stopping" and not any(running.is_started(host.name) for host in hosts):
            return self._end(job, "Stopped")
        try:
            tasks = [self._maker.make(job, running, hosts, host) for host in hosts if not running.is_started(host.name)]
        except ServiceError as error:
            return self._give_up(job, running, f"ClientError: Data download failed: {error}")
        except (channels.CannotStage, images.CannotPrepare, OSError) as error:
            return self._give_up(job, running, reasons.of_client(error))
        try:
            running.start(tasks)
        except CannotIsolate as error:
            return self._give_up(job, running, reasons.of_client(error))
        except OSError as error:
            return self._give_up(job, running, f"InternalServerError: the program could not be started: {error}")
        self._note(job, hosts)
        self._move(job, "running", ProcessingStartTime=self._context.now())
        return None

    def _note(self, job: Record, hosts: list[Host]) -> None:
        """Say first in the log what is otherwise than the request asks."""
        image = self._image(job)
        paths = "" if isinstance(image, images.OwnImage) or self._engine.isolation().opt_ml else NO_PATHS
        notes = [image.note, instances.limits_note(self._engine, hosts), paths]
        self._say(job, *(note for note in notes if note))

    # running

    def _watch(self, job: Record) -> float | None:
        running = self._instances(job)
        standing = running.poll()
        running.carry_logs(self._context.at(job.region), LOG_GROUP, job)
        running.carry_usage(self._context.at(job.region), LOG_GROUP, job, ended=standing.ended is not None)
        if standing.missing and "_problem" not in job.body:  # the crash came between the record and the start
            self._move(job, "staging")
            return None
        if standing.ended is None:
            if standing.cause:  # nobody waits for what can come to nothing
                running.stop()
                return _SILENT
            return self._limit(job, running)
        self._move(
            job,
            "storing",
            _cause=standing.cause,
            _exit_code=standing.exit_code,
            _lost=standing.lost,
            _out_of_memory=standing.out_of_memory,
        )
        return None

    def _limit(self, job: Record, running: Instances) -> float | None:
        """Stop it if that was asked for or its time is over; returns the seconds until the next look."""
        if job.status == "Stopping" or "_problem" in job.body:
            running.stop()
            return _SILENT
        started, most = datetime.fromisoformat(job.body["ProcessingStartTime"]), job.body["StoppingCondition"]
        left: float = most["MaxRuntimeInSeconds"] - (self._context.now() - started).total_seconds()
        if left <= 0:
            running.stop()
            self._move(job, "running", "Stopping", _overdue=True)
            return None
        try:
            for followed in self._followed_of(job, running):
                followed.look(self._buckets(job), self._context.now())
        except (OSError, ServiceError) as error:
            return self._give_up(job, running, f"ClientError: Data download failed: {error}")
        if not any(output.is_continuous for output in processing_files.outputs(job)):
            return min(max(left, 0.05), _SILENT)
        try:
            for upload in self._uploads_of(job, continuous=True):
                upload.look(self._buckets(job))
        except _PROBLEMS as error:
            return self._give_up(job, running, f"ClientError: Output upload failed: {error}")
        return min(max(left, 0.05), EVERY)

    def _give_up(self, job: Record, running: Instances, reason: str) -> None:
        """Fail the job, when the hosts that run have ended."""
        if any(running.is_started(name) for name in running.names):
            running.stop()
            self._move(job, "running", _problem=reason)
        else:
            self._fail(job, reason)

    # storing

    def _store(self, job: Record) -> float | None:
        running, body = self._instances(job), job.body
        running.carry_logs(self._context.at(job.region), LOG_GROUP, job)
        whole = job.status == "InProgress" and body["_exit_code"] == 0 and not body["_lost"] and "_problem" not in body
        members: dict[str, Any] = {}
        try:
            for upload in self._uploads_of(job, continuous=True):
                upload.finish(self._buckets(job))
            if message := processing_files.exit_message(job, running.folders):
                members["ExitMessage"] = message
            for upload in self._uploads_of(job, continuous=False) if whole else ():
                upload.finish(self._buckets(job))
        except processing_files.BadMessage as error:
            return self._fail(job, f"ClientError: {error}")
        except _PROBLEMS as error:
            return self._fail(job, f"ClientError: Output upload failed: {error}", **members)
        if whole:
            return self._end(job, "Completed", **members)
        if "_problem" in body:
            return self._fail(job, body["_problem"], **members)
        if body.get("_overdue"):
            limit = body["StoppingCondition"]["MaxRuntimeInSeconds"]
            reason = f"The job ran for longer than its MaxRuntimeInSeconds, {limit}, and was stopped."
            return self._end(job, "Stopped", FailureReason=reason, **members)
        if job.status == "Stopping":
            return self._end(job, "Stopped", **members)
        return self._fail(job, reasons.of_program(job, running, task_logs.last), **members)

    # in every phase

    def _image(self, job: Record) -> catalog.Image | images.OwnImage:
        return self._images.find(job.body["AppSpecification"]["ImageUri"])

    def _instances(self, job: Record) -> Instances:
        names = instances.names_of(instances.hosts(job.body["ProcessingResources"]["ClusterConfig"]))
        return Instances(self._engine, self._tasks / job.body["_directory"], names)

    def _buckets(self, job: Record) -> GuardedBuckets:
        return self._context.at(job.region).buckets_of(job.body["RoleArn"])

    def _uploads_of(self, job: Record, *, continuous: bool) -> list[Uploads]:
        """Of the outputs of either kind, host by host; those of Continuous ones remember what they have stored."""
        wanted = [each for each in processing_files.outputs(job) if each.is_continuous == continuous]
        key = job.body["ProcessingOutputConfig"].get("KmsKeyId", "")
        folders = self._instances(job).folders
        made = [Uploads(folder / each.folder, each.uri, key) for folder in folders for each in wanted]
        return self._uploads.setdefault(job.body["_directory"], made) if continuous else made

    def _followed_of(self, job: Record, running: Instances) -> list[Followed]:
        if (found := self._followed.get(job.body["_directory"])) is None:
            made = followed_inputs.of(job, running.folders, linked=self._engine.isolation().opt_ml)
            found = self._followed.setdefault(job.body["_directory"], made)
        return found

    def _say(self, job: Record, *texts: str) -> None:
        """Write lines of Clary's own into the log of the first host."""
        stream = instances.stream(job, self._instances(job).names[0])
        now = self._context.clock.ms()
        self._context.logs.append(job.region, LOG_GROUP, stream, [(now, text) for text in texts])

    def _fail(self, job: Record, reason: str, **members: Any) -> None:
        self._end(job, "Failed", FailureReason=reason[: reasons.LENGTH], **members)

    def _end(self, job: Record, status: str, **members: Any) -> None:
        running = self._instances(job)
        for folder in running.folders:
            self._credentials.void(folder)
        if "ProcessingStartTime" in job.body:
            members["ProcessingEndTime"] = self._context.now()
        self._move(job, "ended", status, **members)
        self._uploads.pop(job.body["_directory"], None)
        self._followed.pop(job.body["_directory"], None)
        self._context.logs.forget(str(running.directory))
        for folder in running.folders:
            processing_files.remove(folder)

    def _move(self, job: Record, phase: str, status: str = "", **members: Any) -> Record:
        """Write the next phase, and the status if it is another one."""
        now, status = self._context.now(), status or job.status
        body = {**job.body, **members, "ProcessingJobStatus": status, "LastModifiedTime": now, "_phase": phase}
        moved = replace(job, status=status, body=body, modified=now)
        if status in self.terminal:
            provenance.end(self._context, moved, [folder / "ml" for folder in self._instances(job).folders])
        return self._context.store.put(moved)
