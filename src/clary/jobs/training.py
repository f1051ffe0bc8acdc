"""Running a training job: Starting → Downloading → Training → Uploading → Completed, Failed or Stopped.

``_phase`` in the record's body says what to do next; each phase may be repeated after a crash, because it ends with
the write of the next one. The words of the statuses are sheet and service's: clients print them.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.engines.base import LOG, CannotIsolate, Engine, Task
from clary.errors import AccessDenied, ServiceError
from clary.images import catalog
from clary.jobs import (
    attempts,
    channels,
    debug_output,
    debug_rules,
    images,
    instances,
    job_checkpoints,
    log_metrics,
    opt_ml,
    profiler,
    provenance,
    reasons,
    room,
    spot,
    transitions,
    uploads,
    warm_pools,
)
from clary.jobs.checkpoints import CannotKeep
from clary.jobs.credentials import TaskCredentials
from clary.jobs.instances import Host, Instances
from clary.jobs.job_checkpoints import JobCheckpoints
from clary.jobs.room import Room
from clary.jobs.warm_pools import WarmPools
from clary.store.base import Record

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_GRACE = 120.0  # seconds between the wish to stop and the kill
_LOOK_AGAIN = 2.0  # seconds between two looks at tasks that tell nothing: a supervisor that was killed cannot


class TrainingJobs:
    kind = "TrainingJob"
    terminal = frozenset({"Completed", "Failed", "Stopped"})

    def __init__(
        self,
        context: Context,
        engine: Engine,
        images_: images.Images,
        credentials: TaskCredentials,
        tasks: Path,
        room_: Room,
        checkpoints: JobCheckpoints,
        pools: WarmPools,
    ) -> None:
        self._context, self._engine, self._images = context, engine, images_
        self._credentials, self._tasks, self._room = credentials, tasks, room_
        self._checkpoints, self._pools = checkpoints, pools

    def directory(self, record: Record) -> Path | None:
        return self._tasks / str(record.body["_directory"])

    def step(self, job: Record) -> float | None:
        match job.body["_phase"]:
            case "starting":
                return self._start(job)
            case "downloading":
                return self._download(job)
            case "training":
                return self._watch(job)
            case "uploading":
                return self._upload(job)
        raise AssertionError(f"{job.body['_phase']!r} is no phase of a training job")

    # starting

    def _start(self, job: Record) -> float | None:
        provenance.begin(self._context, job)
        debug_rules.begin(self._context, job)
        if job.status == "Stopping":
            return self._stopped(job)
        self._forget(job)
        if spot.left_to_wait(job, self._context.now()) <= 0:
            return self._end(job, "Stopped", "MaxWaitTimeExceeded", attempts.OVERDUE["MaxWaitTimeExceeded"])
        if place := self._room.enter(job):
            return self._wait(job, place)
        if spot.left_until_interruption(job, self._context.now()) <= 0:
            return self._interrupt(job)
        message = "Preparing the instances for training"
        job = self._move(job, "starting", "Starting", message, _has_room=True, **self._pools.enter(job))
        try:
            image = self._image(job)
            if not self._images.is_ready(image):
                job = self._say(job, "Downloading the training image")
                self._images.prepare(image)
        except images.CannotPrepare as error:
            return self._fail(job, reasons.of_client(error))
        started = job.body.get("TrainingStartTime", self._context.now())
        self._move(job, "downloading", "Downloading", "Downloading input data", TrainingStartTime=started)
        return None

    def _wait(self, job: Record, place: int) -> float | None:
        """Say where in the queue it stands; returns the seconds for which it may go on waiting, where that is limited."""
        assert job.created is not None
        left = spot.left_to_wait(job, self._context.now())
        if (limit := job.body["StoppingCondition"].get("MaxPendingTimeInSeconds")) is not None:
            left = min(left, limit - (self._context.now() - job.created).total_seconds())
            if left <= 0:
                message = f"Training job stopped: pending for longer than MaxPendingTimeInSeconds ({limit})"
                return self._end(job, "Stopped", "MaxWaitTimeExceeded", message)
        message = room.waiting(place, self._room.running, "Training job")
        if job.body["SecondaryStatusTransitions"][-1]["StatusMessage"] != message:
            self._move(job, "starting", "Pending", message)
        return left if left < math.inf else None

    # downloading

    def _download(self, job: Record) -> float | None:
        hosts, running = instances.hosts(job.body["ResourceConfig"]), self._instances(job)
        if job.status == "Stopping":
            if not running.any_started():
                return self._stopped(job)
            self._move(job, "training", "Stopping", "Stopping the training job")  # the wish came while it was started
            return None
        if not running.any_started() and spot.left_until_interruption(job, self._context.now()) <= 0:
            return self._interrupt(job)
        try:
            tasks = [self._task(job, hosts, host) for host in hosts if not running.is_started(host.name)]
        except AccessDenied as error:
            return self._fail(job, f"ClientError: Data download failed: {error}")
        except (channels.CannotStage, images.CannotPrepare, CannotKeep, OSError) as error:
            return self._fail(job, reasons.of_client(error))
        self._note(job, hosts)
        try:
            running.start(tasks)
        except CannotIsolate as error:
            return self._fail(job, reasons.of_client(error))
        except OSError as error:
            if not running.any_started() and (why := attempts.cause(job, lost=True)):
                return self._again(job, why)
            running.stop()
            return self._fail(job, f"InternalServerError: the job's program could not be started: {error}")
        message = "Training image download completed. Training in progress."
        self._move(job, "training", "Training", message, **spot.planned(self._context, job))
        return None

    def _task(self, job: Record, hosts: list[Host], host: Host) -> Task:
        """One host's task, with all that it needs laid out."""
        context, body, running = self._context.at(job.region), job.body, self._instances(job)
        directory = running.folder(host.name)
        ml = directory / "ml"
        inputs = opt_ml.lay_out(context.buckets_of(body["RoleArn"]), job, hosts, host, ml)
        image = self._image(job)
        layout = self._images.layout(image, requirements=ml / opt_ml.SOURCE_ARCHIVE)
        environment = {
            "SAGEMAKER_REGION": context.region,
            **body.get("Environment", {}),
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": body["TrainingJobArn"],
            **layout.environment,
            **layout.hooked(),
            **image.environment,
            **self._credentials.environment(context, body["RoleArn"], directory),
        }
        task = Task(
            directory=directory,
            **self._program(job, layout),
            environment=instances.environment(hosts, host, environment),
            mounts=[*layout.mounts, *self._credentials.mounts, *inputs.mounts],
            companion=inputs.companion,
            **self._credentials.network(isolated=body["EnableNetworkIsolation"]),
            **instances.members(running.directory, hosts, host),
            grace=_GRACE,
            sampling=profiler.interval(job),
        )
        task = self._pools.cached(job, self._checkpoints.prepared(job, task), host.name)
        return self._images.located(task, self._engine)

    def _program(self, job: Record, layout: images.Layout) -> dict[str, Any]:
        """The image's own program, or what ContainerEntrypoint and ContainerArguments put in its place."""
        algorithm = job.body["AlgorithmSpecification"]
        entrypoint, arguments = algorithm.get("ContainerEntrypoint", []), algorithm.get("ContainerArguments", [])
        if entrypoint and not layout.image:
            images.require_opt_ml(self._engine)
        return layout.program("train", entrypoint, arguments)

    def _note(self, job: Record, hosts: list[Host]) -> None:
        """Say first in the log what is otherwise than the request asks: image, limits, the place of checkpoints."""
        texts = (self._image(job).note, instances.limits_note(self._engine, hosts), self._checkpoints.note(job))
        self._tell(job, [text for text in texts if text], "note")

    def _tell(self, job: Record, texts: Sequence[str], what: str = "problems") -> None:
        """Write these lines into the log of the first host, once; ``what``: of which kind they are."""
        mark = f"{self.directory(job)}#{what}"
        if texts and not self._context.logs.position(mark):
            now, name = self._context.clock.ms(), self._instances(job).names[0]
            lines = [(now, text) for text in texts]
            self._context.logs.append(job.region, LOG_GROUP, instances.stream(job, name), lines, (mark, 1))

    # training

    def _watch(self, job: Record) -> float | None:
        running = self._instances(job)
        standing = running.poll()
        self._carry_logs(job, running)
        profiler.carry(self._context.at(job.region), job, running, LOG_GROUP, ended=standing.ended is not None)
        begun = len(standing.missing) < len(running.names)
        if standing.missing and not (begun and job.status == "Stopping"):  # the crash came before all were started
            self._move(job, "downloading", "Downloading", "Downloading input data")
            return None
        if standing.ended is None:
            if standing.cause:  # nobody waits for what can come to nothing
                running.stop()
                return _LOOK_AGAIN
            provenance.follow(self._context, job, [folder / "ml" for folder in running.folders])
            return self._go_on(job, running)
        ending: dict[str, Any] = {
            "_cause": standing.cause,
            "_exit_code": standing.exit_code,
            "_lost": standing.lost,
            "_out_of_memory": standing.out_of_memory,
            "_abandoned": standing.abandoned,
        }
        try:
            self._tell(job, self._checkpoints.finish(job, running))
            if why := attempts.cause(job, lost=standing.lost):
                return self._again(job, why)
        except CannotKeep as error:
            ending["_cannot_keep"] = str(error)
        if job.status == "Stopping" or job.body.get("_overdue"):
            self._move(job, "uploading", "Stopping", "Stopping the training job", **ending)
        else:
            self._move(job, "uploading", "Uploading", "Uploading generated training model", **ending)
        return None

    def _go_on(self, job: Record, running: Instances) -> float | None:
        """Let it run, unless it is to end; returns the seconds after which to look again."""
        if job.status == "Stopping" or job.body.get("_cannot_keep"):
            running.stop()
            return _LOOK_AGAIN
        try:
            self._tell(job, self._checkpoints.follow(job, running))
        except CannotKeep as error:
            self._move(job, "training", "Training", "Stopping: checkpoints cannot be kept", _cannot_keep=str(error))
            return None
        now = self._context.now()
        if job.body.get("_interrupted") or (until := spot.left_until_interruption(job, now)) <= 0:
            running.stop()
            if not job.body.get("_interrupted"):
                self._move(job, "training", "Interrupted", spot.MESSAGE, _interrupted=True)
            return _LOOK_AGAIN
        period = job_checkpoints.PERIOD if "CheckpointConfig" in job.body else _LOOK_AGAIN
        return min(self._limit(job, running, now), until, period)

    def _limit(self, job: Record, running: Instances, now: datetime) -> float:
        """Stop it if its time is over; returns the seconds until the next look."""
        limits = {
            "MaxRuntimeExceeded": (spot.left_to_train(job, now), "Maximum runtime exceeded: stopping the training job"),
            "MaxWaitTimeExceeded": (
                spot.left_to_wait(job, now),
                "Maximum wait time exceeded: stopping the training job",
            ),
        }
        status, (left, message) = min(limits.items(), key=lambda limit: limit[1][0])
        if left > 0:
            return min(max(left, 0.05), _LOOK_AGAIN)
        running.stop()
        if not job.body.get("_overdue"):
            self._move(job, "training", "Stopping", message, _overdue=status)
        return _LOOK_AGAIN

    # beginning again

    def _interrupt(self, job: Record) -> None:
        """Its instances are taken away before they did anything."""
        self._again(self._move(job, job.body["_phase"], "Interrupted", spot.MESSAGE), "Interrupted")

    def _again(self, job: Record, why: attempts.Cause) -> None:
        """Send it to the queue, by its age, for another attempt."""
        if why == "Restarting":
            job = self._move(job, job.body["_phase"], "Restarting", attempts.retry_message(job))
        self._move(job, "starting", "Starting", "Starting the training job", **attempts.following(job, why))
        self._room.leave(job.key)

    def _forget(self, job: Record) -> None:
        """Remove what is left of the attempt before this one."""
        before = attempts.before(job)
        if before is None or not (self._tasks / before).exists():
            return
        for folder in Instances(self._engine, self._tasks / before, self._instances(job).names).folders:
            self._credentials.void(folder)
        self._context.logs.forget(str(self._tasks / before))
        shutil.rmtree(self._tasks / before, ignore_errors=True)

    # uploading

    def _upload(self, job: Record) -> float | None:
        running = self._instances(job)
        self._carry_logs(job, running)
        profiler.finish(self._context.at(job.region), job)
        try:
            members = self._artifacts(job, running)
        except uploads.CannotUpload as error:
            return self._fail(job, str(error))
        except (ServiceError, OSError) as error:  # no such role any more, or no address or folder to upload
            return self._fail(job, f"ClientError: Artifact upload failed: {error}")
        members |= log_metrics.final(self._context, job)
        if job.body.get("_abandoned"):
            return self._fail(job, channels.problem(running.folder(job.body["_cause"]) / "ml"), **members)
        if reason := job.body.get("_cannot_keep"):
            return self._fail(job, reason, **members)
        if overdue := attempts.overdue(job):
            return self._end(job, "Stopped", overdue, attempts.OVERDUE[overdue], **members)
        if job.status == "Stopping":
            return self._stopped(job, **members)
        if job.body["_exit_code"] == 0:
            return self._end(job, "Completed", "Completed", "Training job completed", **members)
        return self._fail(job, reasons.of_program(job, running), **members)

    def _artifacts(self, job: Record, running: Instances) -> dict[str, Any]:
        """Store what the hosts left in ``model`` and ``output/data``; returns where Describe tells of it."""
        output = job.body["OutputDataConfig"]
        key = output["KmsKeyId"]
        base = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
        parse_uri(base)
        buckets = self._context.at(job.region).buckets_of(job.body["RoleArn"])
        model, data = running.merged("model"), running.merged("output/data")
        if output["CompressionType"] == "NONE":
            uri = f"{base}/model/"
            uploads.upload_folder(buckets, model, uri, key)
        else:
            uri = f"{base}/model.tar.gz"
            uploads.upload_archive(buckets, model, uri, key)
        if not uploads.is_empty(data):
            uploads.upload_archive(buckets, data, f"{base}/output.tar.gz", key)
        return {"ModelArtifacts": {"S3ModelArtifacts": uri}}

    # in every phase

    def _image(self, job: Record) -> catalog.Image | images.OwnImage:
        return self._images.find(job.body["AlgorithmSpecification"]["TrainingImage"])

    def _instances(self, job: Record) -> Instances:
        names = instances.names_of(instances.hosts(job.body["ResourceConfig"]))
        return Instances(self._engine, self._tasks / job.body["_directory"], names)

    def _carry_logs(self, job: Record, running: Instances) -> None:
        running.carry_logs(self._context.at(job.region), LOG_GROUP, job, log_metrics.finder(job))

    def _stopped(self, job: Record, **members: Any) -> None:
        self._end(job, "Stopped", "Stopped", "Training job stopped", **members)

    def _fail(self, job: Record, reason: str, **members: Any) -> None:
        reason = reason[: reasons.LENGTH]
        self._end(job, "Failed", "Failed", "Training job failed", FailureReason=reason, **members)

    def _end(self, job: Record, status: str, secondary: str, message: str, **members: Any) -> None:
        running = self._instances(job)
        for folder in running.folders:
            self._credentials.void(folder)
        self._tell(job, [text for text in [debug_output.finish(self._context.at(job.region), job)] if text], "end")
        members |= spot.times(job, self._context.now()) | self._pools.leave(job, healthy=not job.body.get("_lost"))
        if status == "Completed" and members.get("WarmPoolStatus", {}).get("Status") == "Available":
            message = warm_pools.RETAINED
        self._move(job, "ended", secondary, message, status, **members)
        self._context.logs.forget(str(running.directory))
        for folder in running.folders:
            channels.remove(folder / "ml")
            if "ModelArtifacts" in members:  # it is in S3, and the log in CloudWatch
                shutil.rmtree(folder / "ml/model", ignore_errors=True)
            (folder / LOG).unlink(missing_ok=True)

    def _say(self, job: Record, message: str) -> Record:
        return self._move(job, job.body["_phase"], job.body["SecondaryStatus"], message)

    def _move(
        self, job: Record, phase: str, secondary: str, message: str, status: str | None = None, **members: Any
    ) -> Record:
        """Write the next phase, with the transition that clients read."""
        now, status = self._context.now(), status or job.status
        passed = job.body["SecondaryStatusTransitions"]
        ended = status in self.terminal
        body = {
            **job.body,
            **members,
            "TrainingJobStatus": status,
            "SecondaryStatus": secondary,
            "SecondaryStatusTransitions": transitions.moved(passed, secondary, message, now, ended=ended),
            "LastModifiedTime": now,
            "_phase": phase,
        }
        moved = replace(job, status=status, body=body, modified=now)
        if ended:
            provenance.end(self._context, moved, [folder / "ml" for folder in self._instances(job).folders])
        return self._context.store.put(moved)
