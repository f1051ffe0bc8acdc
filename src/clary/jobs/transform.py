"""Running a batch transform job: its files through the model's containers, their answers into S3.

Each instance is two tasks: the model's container, as an endpoint has it, and beside it ``runtime/batch``, which sends it
the instance's files. The answers to a file are stored once they are whole, and the file is then not done again, whatever
dies. ``_phase`` in the record's body says what to do next; each phase may be repeated after a crash. An instance whose
watching process died (a power cut) is started anew with the files that are left.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.clock import machine_ms
from clary.context import Context
from clary.engines.base import CannotIsolate, Engine, Mount, Progress, Task
from clary.errors import ServiceError
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import containers, images, instances, provenance, reasons, room, task_logs, task_usage
from clary.jobs.containers import CannotServe, Containers
from clary.jobs.instances import Host
from clary.jobs.room import Room
from clary.jobs.sources import CannotStage
from clary.jobs.transform_files import Files
from clary.objects.base import Damaged
from clary.store.base import Record

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_STARTS = 3  # of an instance, before what kills its processes is taken for lasting
_LOOK = 0.1  # seconds between two pings of a container that loads its model
_GLANCE = 2.0  # seconds until the next look at what runs: a process that watches over it and is killed tells nobody
_PING = (
    "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and "
    "responds with an HTTP 200 status code"
)


class _Failed(Exception):
    """The job cannot go on; the message is its FailureReason."""


@dataclass(frozen=True)
class _Instance:
    """``index`` of ``count``; ``container`` and ``sender`` are the folders of its two tasks."""

    identifier: str
    index: int
    count: int
    container: Path
    sender: Path


class TransformJobs:
    kind = "TransformJob"
    terminal = frozenset({"Completed", "Failed", "Stopped"})

    def __init__(
        self,
        context: Context,
        engine: Engine,
        images_: images.Images,
        containers_: Containers,
        tasks: Path,
        room_: Room,
    ) -> None:
        self._context, self._engine, self._images = context, engine, images_
        self._containers, self._tasks, self._room = containers_, tasks, room_

    def directory(self, record: Record) -> Path | None:
        return self._tasks / str(record.body["_directory"])

    def step(self, job: Record) -> float | None:
        try:
            match job.body["_phase"]:
                case "starting":
                    return self._start(job)
                case "listing":
                    return self._list(job)
                case "transforming":
                    return self._transform(job)
                case "ending":
                    return self._end(job)
        except _Failed as error:
            return self._leave(job, "Failed", str(error))
        raise AssertionError(f"{job.body['_phase']!r} is no phase of a transform job")

    def _start(self, job: Record) -> float | None:
        provenance.begin(self._context, job)
        if job.status == "Stopping":
            return self._leave(job, "Stopped")
        if "_model" not in job.body:
            context = self._context.at(job.region)
            try:
                model = containers.of_model(context, job.body["ModelName"])
            except ServiceError as error:  # deleted since the job was created
                raise _Failed(f"ClientError: {error}") from error
            return self._write(job, "starting", _model=model)
        if place := self._room.enter(job):
            return self._wait(job, place)
        return self._write(job, "listing", _has_room=True, TransformStartTime=self._context.now())

    def _wait(self, job: Record, place: int) -> None:
        """Say where in the queue it stands: in its data-log, because Describe has no place for it."""
        message = room.waiting(place, self._room.running, "Transform job")
        if job.body.get("_waiting") != message:
            self._say(job, message)
            self._write(job, "starting", _waiting=message)

    def _list(self, job: Record) -> float | None:
        """Fix the files: what is there now is what is transformed."""
        if job.status == "Stopping":
            return self._leave(job, "Stopped")
        source = job.body["TransformInput"]["DataSource"]["S3DataSource"]
        try:
            count = self._files(job).fix(self._buckets(job), source)
        except (CannotStage, ServiceError) as error:
            raise _Failed(reasons.of_client(error)) from error
        except OSError as error:
            raise _Failed(_of_machine("the list of the files could not be written", error)) from error
        if count == 0:
            raise _Failed(f"ClientError: no object was found at {source['S3Uri']}, so there is nothing to transform")
        wanted = job.body["TransformResources"]["InstanceCount"]
        if note := instances.limits_note(self._engine, [_host(job)]):
            self._say(job, note)
        return self._write(job, "transforming", _starts=[0] * min(wanted, count))

    def _transform(self, job: Record) -> float | None:
        instances = self._instances(job)
        for instance in instances:
            self._carry(job, instance)
            self._store_answers(job, instance)
        if job.status == "Stopping":
            return self._leave(job, "Stopped")
        under_way = [wait for each in instances if (wait := self._advance(job, each)) is not None]
        if under_way:
            return min(under_way)
        failures = [failure for each in instances for failure in Files.failures(each.sender)]
        if failures:
            return self._leave(job, "Failed", _told(failures))
        return self._leave(job, "Completed")

    def _advance(self, job: Record, instance: _Instance) -> float | None:
        """Do an instance's next thing; the seconds until the next look, None once it has ended."""
        container, sender = self._engine.poll(instance.container), self._engine.poll(instance.sender)
        if (container and container.lost) or (sender and sender.lost):
            return self._again(job, instance, "the process that watched over it died (a power cut, or kill -9)")
        if container is None:
            self._serve(job, instance)
            return _LOOK
        if sender is not None and sender.ended is not None and sender.exit_code != 0:
            said = task_logs.last(instance.sender)
            return self._again(job, instance, f"what sends its files ended with exit code {sender.exit_code}: {said}")
        if container.ended is not None and (sender is None or sender.ended is None or Files.failures(instance.sender)):
            raise _Failed(_died(job, instance, container, loaded=sender is not None))
        if sender is not None:
            return _GLANCE if sender.ended is None else None
        if not containers.answers(container.port):
            if container.started and machine_ms() / 1000 - container.started > containers.PATIENCE:
                raise _Failed(_PING)
            return _LOOK
        self._send(job, instance, container.port or 0)
        return _GLANCE

    def _serve(self, job: Record, instance: _Instance) -> None:
        context, host = self._context.at(job.region), _host(job, instance.identifier)
        environment = instances.environment([host], host, _environment(job))
        members = {**instances.members(instance.container, [host], host), "sampling": task_usage.EVERY}
        try:
            self._containers.start(context, job.body["_model"], instance.container, environment, members)
        except CannotServe as error:
            raise _Failed(str(error)) from error
        except OSError as error:
            raise _Failed(_of_machine("the model's container could not be started", error)) from error

    def _send(self, job: Record, instance: _Instance, port: int) -> None:
        """Start what sends the instance's files; those that are done are left out."""
        share = (instance.index, instance.count)
        try:
            self._files(job).lay_out(self._buckets(job), instance.sender / "ml", port, share, job.body)
            runtime = self._images.runtime()
        except (CannotStage, ServiceError, Damaged, images.CannotPrepare) as error:
            raise _Failed(reasons.of_client(error)) from error
        except OSError as error:
            raise _Failed(_of_machine("the files could not be laid out", error)) from error
        task = Task(
            directory=instance.sender,
            # The server's own Python, whatever the model's image is; it needs no library.
            command=[os.path.realpath(sys.executable), "-S", "-m", "clary.runtime.batch"],
            environment={"PYTHONPATH": str(runtime), "LANG": "C.UTF-8"},
            mounts=[Mount(runtime, str(runtime))],
            grace=1.0,
        )
        try:
            self._engine.start(self._images.located(task, self._engine))
        except CannotIsolate as error:
            raise _Failed(reasons.of_client(error)) from error
        except OSError as error:
            raise _Failed(_of_machine("what sends the files could not be started", error)) from error

    def _again(self, job: Record, instance: _Instance, why: str) -> float:
        """Begin an instance anew, in fresh folders, with the files that are left; the processes of before are ended."""
        starts = list(job.body["_starts"])
        starts[instance.index] += 1
        if starts[instance.index] >= _STARTS:
            raise _Failed(
                f"InternalServerError: the instance {instance.identifier} was started {_STARTS} times; the last time {why}. "
                "The answers to the files that were done are in S3; start the job again for the others."
            )
        for folder in (instance.container, instance.sender):
            self._engine.stop(folder)
        self._write(job, "transforming", _starts=starts)
        return _LOOK

    def _store_answers(self, job: Record, instance: _Instance) -> None:
        output = job.body["TransformOutput"]
        with _storing():
            self._files(job).store(
                self._buckets(job), instance.sender, content_type=output.get("Accept", ""), key=output["KmsKeyId"]
            )

    def _capture(self, job: Record) -> None:
        if (config := job.body.get("DataCaptureConfig")) and job.body.get("_starts"):
            begun = datetime.fromisoformat(job.body["TransformStartTime"])
            with _storing():
                self._files(job).capture(self._buckets(job), config["DestinationS3Uri"], begun)

    def _leave(self, job: Record, outcome: str, reason: str = "") -> None:
        """Go to the end, which comes when every process has ended."""
        self._write(job, "ending", _outcome=outcome, _reason=reason[: reasons.LENGTH])

    def _end(self, job: Record) -> float | None:
        directory = self._tasks / job.body["_directory"]
        folders = [path.parent for path in directory.glob("*/task.json")]
        running = [each for each in folders if (found := self._engine.poll(each)) is not None and found.ended is None]
        for folder in running:
            self._engine.stop(folder)
        for instance in self._instances(job):
            self._carry(job, instance, ended=not running)
        if running:
            return 1.0
        outcome, reason = job.body["_outcome"], job.body["_reason"]
        try:
            for instance in self._instances(job):
                self._store_answers(job, instance)
            self._capture(job)
        except _Failed as error:
            if outcome == "Completed":
                outcome, reason = "Failed", str(error)[: reasons.LENGTH]
        context, now = self._context.at(job.region), self._context.now()
        for folder in folders:
            self._containers.forget(context, folder)
        shutil.rmtree(directory, ignore_errors=True)
        told = {"FailureReason": reason} if reason else {}
        times = {"TransformEndTime": now} if "TransformStartTime" in job.body else {}
        return self._write(job, "ended", outcome, **told, **times)

    def _carry(self, job: Record, instance: _Instance, *, ended: bool = False) -> None:
        """What the tasks wrote into the log, and what the container used into CloudWatch."""
        context, stream = self._context.at(job.region), instances.stream(job, instance.identifier)
        host = f"{job.name}/{instance.identifier}"
        task_usage.carry(context, instance.container, LOG_GROUP, stream, host, ended=ended)
        task_logs.carry(context, instance.container, LOG_GROUP, stream)
        task_logs.carry(context, instance.sender, LOG_GROUP, f"{stream}/data-log")

    def _say(self, job: Record, text: str) -> None:
        """Write a line of Clary's own into the data-log of the first instance."""
        stream = f"{instances.stream(job, _identifier(job, 0))}/data-log"
        self._context.logs.append(job.region, LOG_GROUP, stream, [(self._context.clock.ms(), text)])

    def _instances(self, job: Record) -> list[_Instance]:
        starts: list[int] = job.body.get("_starts", [])
        directory = self._tasks / job.body["_directory"]
        found = []
        for index, start in enumerate(starts):
            identifier = _identifier(job, index)
            name = f"{identifier}-{start}" if start else identifier
            found.append(_Instance(identifier, index, len(starts), directory / name, directory / f"{name}-data"))
        return found

    def _files(self, job: Record) -> Files:
        return Files(self._tasks / job.body["_directory"], job.body["TransformOutput"]["S3OutputPath"])

    def _buckets(self, job: Record) -> GuardedBuckets:
        return containers.buckets_of(self._context.at(job.region), job.body["_model"]["role"])

    def _write(self, job: Record, phase: str, status: str = "", **members: Any) -> None:
        now = self._context.now()
        status = status or job.status
        body = {**job.body, **members, "TransformJobStatus": status, "LastModifiedTime": now, "_phase": phase}
        moved = replace(job, status=status, body=body, modified=now)
        if status in self.terminal:
            provenance.end(self._context, moved)
        self._context.store.put(moved)


@contextmanager
def _storing() -> Iterator[None]:
    """What goes wrong with S3 becomes the job's reason."""
    try:
        yield
    except ServiceError as error:
        raise _Failed(f"ClientError: the answers could not be stored: {error}") from error
    except OSError as error:
        raise _Failed(_of_machine("the answers could not be stored", error)) from error


def _of_machine(what: str, error: OSError) -> str:
    return f"InternalServerError: {what}: {error}"


def _identifier(job: Record, index: int) -> str:
    """The id of an instance, as EC2's are: 17 digits."""
    return f"i-{index:09x}{job.body['_directory'].rpartition('-')[2]}"


def _host(job: Record, name: str = "") -> Host:
    return Host(name, job.body["TransformResources"]["InstanceType"])


def _environment(job: Record) -> dict[str, str]:
    """What the container is told of the job, and what the job sets for it."""
    told = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": job.body.get("MaxPayloadInMB"),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": job.body.get("MaxConcurrentTransforms"),
        "SAGEMAKER_BATCH_STRATEGY": {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}.get(
            job.body.get("BatchStrategy", "")
        ),
    }
    return {
        "SAGEMAKER_BATCH": "true",
        "TRANSFORM_JOB_NAME": job.name,
        "TRANSFORM_JOB_ARN": job.body["TransformJobArn"],
        **{name: str(value) for name, value in told.items() if value is not None},
        **job.body.get("Environment", {}),
    }


def _died(job: Record, instance: _Instance, container: Progress, *, loaded: bool) -> str:
    what = "AlgorithmError: The model's container died while it was asked" if loaded else _PING
    kind = job.body["TransformResources"]["InstanceType"]
    full = f" It filled the memory of {kind} and was killed." if container.out_of_memory else ""
    said = task_logs.last(instance.container)
    return f"{what}.{full} The container ended with exit code {container.exit_code} and said: {said}"


def _told(failures: list[dict[str, str]]) -> str:
    more = len(failures) - 1
    others = f" {more} other {'file' if more == 1 else 'files'} failed too." if more else ""
    end = f".{others} See job logs for more information"
    return failures[0]["reason"][: reasons.LENGTH - len(end)] + end
