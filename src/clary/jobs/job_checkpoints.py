"""What a training job's hosts keep in S3 while they run: their checkpoints, what they write to output/intermediate, tensors.

From the job's CheckpointConfig, the hyperparameter sagemaker_s3_output, and what ``debug_output`` reads, to folders, mounts and
what uploads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import Engine, Task
from clary.jobs import channels, checkpoints, debug_output
from clary.jobs.checkpoints import CannotKeep, Followers, Place
from clary.jobs.instances import Instances
from clary.store.base import Record

PERIOD = 1.0
"""Seconds after which a job with checkpoints is looked at again, so that it hears of what went wrong with them."""

_CONFIG = "input/config/checkpointconfig.json"
_INTERMEDIATE = "/opt/ml/output/intermediate"


class JobCheckpoints:
    def __init__(self, context: Context, engine: Engine, followers: Followers) -> None:
        self._context, self._engine, self._followers = context, engine, followers

    def prepared(self, job: Record, task: Task) -> Task:
        """The task with its checkpoints laid out and mounted; ``CannotKeep``."""
        if intermediate := self._intermediate(job, task.directory):
            intermediate.folder.mkdir(parents=True, exist_ok=True)
            task = replace(task, mounts=[*task.mounts, intermediate.mount(_INTERMEDIATE)])
        task = debug_output.prepared(self._context.at(job.region), self._engine, job, task)
        config = job.body.get("CheckpointConfig")
        if not config:
            return task
        place = self._place(job, task)
        checkpoints.restore(place)
        mount = place.mount(_local_path(config))
        task = replace(task, mounts=[*task.mounts, mount])
        told = {"S3Uri": config["S3Uri"], "LocalPath": self._engine.where(task, mount.target)}
        channels.write_json(task.directory / "ml" / _CONFIG, told)
        # The framework containers of AWS read the file by this variable.
        variable = {"SM_CHECKPOINT_CONFIG_FILE": self._engine.where(task, f"/opt/ml/{_CONFIG}")}
        return replace(task, environment={**variable, **task.environment})

    def note(self, job: Record) -> str:
        """What the log should say of where they are; "" if they are where LocalPath says."""
        config = job.body.get("CheckpointConfig")
        if not config or self._engine.isolation().opt_ml:
            return ""
        return (
            f"Clary: without a sandbox the checkpoints cannot be at {_local_path(config)}. The script finds their folder as "
            "LocalPath in the file that SM_CHECKPOINT_CONFIG_FILE names."
        )

    def follow(self, job: Record, running: Instances) -> list[str]:
        """Keep them in S3 from now on, if that is not done already; ``CannotKeep`` if it went wrong.

        Returns what the log should say: of folders that cannot be kept, and without which the job goes on.
        """
        return self._each(job, running, self._followers.follow)

    def finish(self, job: Record, running: Instances) -> list[str]:
        """Their last upload, once all hosts have ended; ``CannotKeep``. Returns what the log should say."""

        def finish(place: Place) -> None:
            if (progress := self._engine.poll(place.directory)) is not None:
                self._followers.finish(place, progress)

        return self._each(job, running, finish)

    def _each(self, job: Record, running: Instances, act: Callable[[Place], None]) -> list[str]:
        """Do it for all places; the first that is needed and fails raises, once the others have had their turn."""
        problems, failure = [], None
        for place in self._places(job, running):
            try:
                act(place)
            except CannotKeep as error:
                if place.needed:
                    failure = failure or error
                else:
                    problems.append(f"Clary: {str(error).removeprefix('ClientError: ')}")
        if failure is not None:
            raise failure
        return problems

    def _places(self, job: Record, running: Instances) -> Iterator[Place]:
        for folder in running.folders:
            if job.body.get("CheckpointConfig"):
                yield self._at(job, folder)
            if intermediate := self._intermediate(job, folder):
                yield intermediate
            yield from debug_output.places(self._context.at(job.region), job, folder)

    def _intermediate(self, job: Record, directory: Path) -> Place | None:
        """Where the training toolkit would upload what a script writes there; it does so where nobody else does."""
        base = job.body.get("HyperParameters", {}).get("sagemaker_s3_output", "").strip('"').rstrip("/")
        if not base.startswith("s3://"):
            return None
        context, role = self._context.at(job.region), job.body["RoleArn"]
        uri, key = f"{base}/{job.name}/output/intermediate", job.body["OutputDataConfig"]["KmsKeyId"]
        return Place(
            directory, uri, key, lambda: context.buckets_of(role), "intermediate", "Intermediate output", False
        )

    def _place(self, job: Record, task: Task) -> Place:
        return self._at(job, task.directory)

    def _at(self, job: Record, directory: Any) -> Place:
        context, role = self._context.at(job.region), job.body["RoleArn"]
        uri, key = job.body["CheckpointConfig"]["S3Uri"], job.body["OutputDataConfig"]["KmsKeyId"]
        return Place(directory, uri, key, lambda: context.buckets_of(role))


def _local_path(config: dict[str, Any]) -> str:
    return str(config.get("LocalPath") or checkpoints.LOCAL_PATH)
