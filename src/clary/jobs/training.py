"""Running a training job: Starting → Downloading → Training → Uploading → Completed, Failed or Stopped.

``_phase`` in the record's body says what to do next; each phase may be repeated after a crash, because it ends with
the write of the next one. The words of the statuses are sheet and service's: clients print them.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.engines.base import CannotIsolate, Engine, Progress, Task
from clary.errors import AccessDenied
from clary.images import catalog
from clary.jobs import channels, images, packing, provenance, task_logs
from clary.jobs.credentials import TaskCredentials
from clary.jobs.loop import ROOM
from clary.store.base import Record
from clary.store.metric_points import MetricPoints, Point

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_REASON = 1024  # characters of a FailureReason


class TrainingJobs:
    kind = "TrainingJob"
    terminal = frozenset({"Completed", "Failed", "Stopped"})

    def __init__(
        self, context: Context, engine: Engine, images_: images.Images, credentials: TaskCredentials, tasks: Path
    ) -> None:
        self._context, self._engine, self._images = context, engine, images_
        self._credentials, self._tasks = credentials, tasks
        self._room = threading.Lock()  # between counting the jobs that run and being one of them

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

    def _start(self, job: Record) -> float | None:
        provenance.begin(self._context, job)
        if job.status == "Stopping":
            return self._end(job, "Stopped", "Stopped", "Training job stopped")
        with self._room:
            if self._running() >= self._context.settings.jobs and not job.body.get("_has_room"):
                if job.body["SecondaryStatus"] != "Pending":
                    self._move(job, "starting", "Pending", "Training job waiting for capacity")
                return ROOM
            message = "Preparing the instances for training"
            job = self._move(job, "starting", "Starting", message, _has_room=True)
        context = self._context.at(job.region)
        image = catalog.find(job.body["AlgorithmSpecification"]["TrainingImage"])
        if not self._images.is_ready(image):
            job = self._say(job, "Downloading the training image")
            try:
                self._images.prepare(image)
            except images.CannotPrepare as error:
                return self._fail(job, f"ClientError: {error}")
        self._move(job, "downloading", "Downloading", "Downloading input data", TrainingStartTime=context.now())
        return None

    def _running(self) -> int:
        jobs = self._context.store.scan(None, self.kind)
        return sum(bool(job.body.get("_has_room")) for job in jobs if job.status not in self.terminal)

    def _download(self, job: Record) -> float | None:
        if job.status == "Stopping":
            return self._end(job, "Stopped", "Stopped", "Training job stopped")
        context, directory = self._context.at(job.region), self._tasks / job.body["_directory"]
        ml = directory / "ml"
        try:
            inputs = self._lay_out(context, job, ml)
            image = catalog.find(job.body["AlgorithmSpecification"]["TrainingImage"])
            layout = self._images.layout(image, requirements=ml / "input/sourcedir.tar.gz")
        except AccessDenied as error:
            return self._fail(job, f"ClientError: Data download failed: {error}")
        except (channels.CannotStage, images.CannotPrepare, OSError) as error:
            return self._fail(job, str(error) if str(error).startswith("ClientError") else f"ClientError: {error}")
        environment = {
            "SAGEMAKER_REGION": context.region,
            **job.body.get("Environment", {}),
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.body["TrainingJobArn"],
            **layout.environment,
            **image.environment,
            **self._credentials.environment(context, job.body["RoleArn"], directory),
        }
        task = Task(
            directory=directory,
            command=[layout.python, "-m", image.train],
            environment=environment,
            mounts=[*layout.mounts, *self._credentials.mounts, *inputs.mounts],
            companion=inputs.companion,
            **self._credentials.network(isolated=job.body["EnableNetworkIsolation"]),
            grace=120.0,
        )
        task = self._images.located(task, self._engine)
        if note := image.note:
            context.logs.append(
                job.region, LOG_GROUP, self._stream(job), [(_ms(context), note)], (f"{directory}#note", 1)
            )
        try:
            self._engine.start(task)
        except CannotIsolate as error:
            return self._fail(job, f"ClientError: {error}")
        message = "Training image download completed. Training in progress."
        self._move(job, "training", "Training", message)
        return None

    def _lay_out(self, context: Context, job: Record, ml: Path) -> channels.Inputs:
        """Channels, code and the configuration files of the container contract."""
        buckets = context.buckets_of(job.body["RoleArn"])
        config, given = ml / "input/config", job.body.get("InputDataConfig", [])
        for folder in ("model", "output/data", "input/data", "checkpoints", "code"):
            (ml / folder).mkdir(parents=True, exist_ok=True)
        mode = job.body["AlgorithmSpecification"]["TrainingInputMode"]
        inputs = channels.lay_out(buckets, given, mode, ml)
        hyperparameters = job.body.get("HyperParameters", {})
        channels.write_json(config / "hyperparameters.json", hyperparameters)
        channels.write_json(config / "inputdataconfig.json", channels.input_config(given, mode))
        channels.write_json(config / "resourceconfig.json", _resources(job.body["ResourceConfig"]))
        if hook := job.body.get("DebugHookConfig"):
            channels.write_json(config / "debughookconfig.json", hook)
        source_uri = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
        if source_uri.startswith("s3://"):
            try:
                (ml / "input/sourcedir.tar.gz").write_bytes(buckets.get_bytes(source_uri))
            except KeyError:
                raise channels.CannotStage(
                    f"there is no source archive at {source_uri} (hyperparameter sagemaker_submit_directory)"
                ) from None
        return inputs

    def _watch(self, job: Record) -> float | None:
        directory = self._tasks / job.body["_directory"]
        progress = self._engine.poll(directory)
        self._carry_logs(job, directory)
        if progress is None:  # the crash came between the record and the start
            self._move(job, "downloading", "Downloading", "Downloading input data")
            return None
        if progress.ended is None:
            return self._limit(job, directory, progress)
        uploading: dict[str, Any] = {"_ended": progress.ended, "_exit_code": progress.exit_code, "_lost": progress.lost}
        uploading["_abandoned"] = progress.abandoned
        if job.status == "Stopping":
            self._move(job, "uploading", "Stopping", "Stopping the training job", **uploading)
        else:
            self._move(job, "uploading", "Uploading", "Uploading generated training model", **uploading)
        return None

    def _limit(self, job: Record, directory: Path, progress: Progress) -> float | None:
        """Stop it if that was asked for or its time is over; returns the seconds that it has left."""
        if job.status == "Stopping":
            self._engine.stop(directory)
            return None
        clock = self._context.clock
        passed = (clock.ms() - clock.of(round((progress.started or 0) * 1000))) / 1000
        left = job.body["StoppingCondition"]["MaxRuntimeInSeconds"] - passed
        if left <= 0 and not job.body.get("_overdue"):
            self._engine.stop(directory)
            self._move(
                job, "training", "Stopping", "Maximum runtime exceeded: stopping the training job", _overdue=True
            )
        return max(left, 0.05) if left > 0 else None

    def _upload(self, job: Record) -> float | None:
        context, directory = self._context.at(job.region), self._tasks / job.body["_directory"]
        self._carry_logs(job, directory)
        ml, members = directory / "ml", {}
        output = job.body["OutputDataConfig"]
        key = output["KmsKeyId"]
        base = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
        try:
            parse_uri(base)
            buckets = context.buckets_of(job.body["RoleArn"])
            if output["CompressionType"] == "NONE":
                packing.upload_folder(buckets, ml / "model", f"{base}/model", key)
                members["ModelArtifacts"] = {"S3ModelArtifacts": f"{base}/model/"}
            else:
                packing.upload_archive(buckets, ml / "model", f"{base}/model.tar.gz", key)
                members["ModelArtifacts"] = {"S3ModelArtifacts": f"{base}/model.tar.gz"}
            if not packing.is_empty(ml / "output/data"):
                packing.upload_archive(buckets, ml / "output/data", f"{base}/output.tar.gz", key)
        except (KeyError, OSError, AccessDenied) as error:
            return self._fail(job, f"ClientError: Artifact upload failed: {error}")
        members |= self._final_metrics(job)
        if job.body.get("_abandoned"):
            return self._fail(job, channels.problem(ml), **members)
        if job.body.get("_overdue"):
            return self._end(
                job, "Stopped", "MaxRuntimeExceeded", "Training job stopped: maximum runtime exceeded", **members
            )
        if job.status == "Stopping":
            return self._end(job, "Stopped", "Stopped", "Training job stopped", **members)
        if job.body["_exit_code"] == 0:
            return self._end(job, "Completed", "Completed", "Training job completed", **members)
        return self._fail(job, _reason(ml, job.body["_exit_code"], lost=job.body["_lost"]), **members)

    def _final_metrics(self, job: Record) -> dict[str, Any]:
        last = self._context.metrics.last(job.region, LOG_GROUP, {"TrainingJobName": job.name})
        final = [
            {"MetricName": name, "Value": point.value, "Timestamp": point.time / 1000} for name, point in last.items()
        ]
        return {"FinalMetricDataList": final} if final else {}

    def _carry_logs(self, job: Record, directory: Path) -> None:
        definitions = [
            (d["Name"], re.compile(d["Regex"])) for d in job.body["AlgorithmSpecification"].get("MetricDefinitions", [])
        ]

        def metrics(lines: task_logs.Lines) -> Callable[[sqlite3.Connection], None] | None:
            points = [
                (name, Point(at, float(match.group(1))))
                for at, text in lines
                for name, pattern in definitions
                if (match := _found(pattern, text)) and _is_number(match.group(1))
            ]
            if not points:
                return None
            return MetricPoints.insertion(job.region, LOG_GROUP, {"TrainingJobName": job.name}, points)

        task_logs.carry(self._context.at(job.region), directory, LOG_GROUP, self._stream(job), metrics)

    @staticmethod
    def _stream(job: Record) -> str:
        created = round(job.created.timestamp()) if job.created else 0
        return f"{job.name}/algo-1-{created}"

    def _fail(self, job: Record, reason: str, **members: Any) -> None:
        self._end(job, "Failed", "Failed", "Training job failed", FailureReason=reason[:_REASON], **members)

    def _end(self, job: Record, status: str, secondary: str, message: str, **members: Any) -> None:
        now = self._context.now()
        started = job.body.get("TrainingStartTime")
        times: dict[str, Any] = {}
        if started is not None:
            seconds = max(1, round(now.timestamp() - _epoch(started)))
            times = {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        directory = self._tasks / job.body["_directory"]
        self._credentials.void(directory)
        self._move(job, "ended", secondary, message, status, **times, **members)
        self._context.logs.forget(str(directory))
        channels.remove(directory / "ml")

    def _say(self, job: Record, message: str) -> Record:
        return self._move(job, job.body["_phase"], job.body["SecondaryStatus"], message)

    def _move(
        self, job: Record, phase: str, secondary: str, message: str, status: str | None = None, **members: Any
    ) -> Record:
        """Write the next phase, with the transition that clients read."""
        now = self._context.now()
        status = status or job.status
        *earlier, last = job.body["SecondaryStatusTransitions"]
        if last["Status"] == secondary:
            last = {**last, "StatusMessage": message}
        else:
            earlier, last = [*earlier, {**last, "EndTime": now}], {"Status": secondary, "StartTime": now}
            last["StatusMessage"] = message
        if status in self.terminal:
            last = {**last, "EndTime": now}
        body = {
            **job.body,
            **members,
            "TrainingJobStatus": status,
            "SecondaryStatus": secondary,
            "SecondaryStatusTransitions": [*earlier, last],
            "LastModifiedTime": now,
            "_phase": phase,
        }
        moved = replace(job, status=status, body=body, modified=now)
        if status in self.terminal:
            provenance.end(self._context, moved, [self._tasks / job.body["_directory"] / "ml"])
        return self._context.store.put(moved)


def _resources(config: dict[str, Any]) -> dict[str, Any]:
    """resourceconfig.json, as the training toolkit and the SDK's driver read it."""
    kind = config["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": ["algo-1"]}
    return {
        "current_host": "algo-1",
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _reason(ml: Path, exit_code: int | None, *, lost: bool) -> str:
    if lost:
        return (
            "InternalServerError: the process that watched over the job died with it (a power cut, or kill -9). "
            "Its files are lost; start the job again."
        )
    try:
        text = (ml / "output/failure").read_bytes().decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    if text.startswith("ClientError"):  # an image of Clary's own knows whose mistake it was
        return text
    hint = " (killed: out of memory?)" if exit_code == 137 else ""
    return f"AlgorithmError: {text or 'the program ended without a message'}, exit code: {exit_code}{hint}"


def _found(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """A tab is also found as ``#011``: so AWS's logs show it, and so expressions for XGBoost's lines are written."""
    found = pattern.search(text)
    return pattern.search(text.replace("\t", "#011")) if found is None and "\t" in text else found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _epoch(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _ms(context: Context) -> int:
    return round(context.now().timestamp() * 1000)
