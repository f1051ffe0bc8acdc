"""What a job saves for SageMaker Debugger and TensorBoard: two folders of each host, kept in S3 while it runs.

``<S3OutputPath>/<job>/debug-output`` and ``.../tensorboard-output``, from the folders that LocalPath names. Readers look at
them while the job writes: so of the tensors of a step first the events are there, then their index, then the collections.
When the job has ended, whatever its end was, an empty ``training_job_end.ts`` says that nothing more comes. A folder that
cannot be kept is told of in the log; the job goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import Engine, Task
from clary.errors import ServiceError
from clary.formats.tensors import layout
from clary.jobs import channels
from clary.jobs.checkpoints import Place
from clary.store.base import Record

TENSORS = "/opt/ml/output/tensors"
TENSORBOARD = "/opt/ml/output/tensorboard"
"""Where the two are if LocalPath says nothing."""

_ORDER = ("events", "index", "collections")
_SKIPPED = (layout.SUFFIX, layout.END, "claim.smd")  # the last is smdebug's own lock
_FILES = {"DebugHookConfig": "debughookconfig.json", "TensorBoardOutputConfig": "tensorboardoutputconfig.json"}
_VARIABLES = {
    "DebugHookConfig": "SMDEBUG_CONFIG_FILE_PATH",
    "TensorBoardOutputConfig": "TENSORBOARD_CONFIG_FILE_PATH",
}


def places(context: Context, job: Record, directory: Path) -> Iterator[Place]:
    """The folders of a host that are kept. ``directory``: its task's."""
    for member in _FILES:
        if member in job.body:
            yield _place(context, job, directory, member)


def prepared(context: Context, engine: Engine, job: Record, task: Task) -> Task:
    """The task with its folders, and the files that tell a hook of them."""
    for member, file in _FILES.items():
        if member not in job.body:
            continue
        place = _place(context, job, task.directory, member)
        place.folder.mkdir(parents=True, exist_ok=True)
        mount = place.mount(local_path(member, job.body[member]))
        task = replace(task, mounts=[*task.mounts, mount])
        told = {**job.body[member], "LocalPath": engine.where(task, mount.target)}
        channels.write_json(task.directory / "ml/input/config" / file, told)
        variable = {_VARIABLES[member]: engine.where(task, f"/opt/ml/input/config/{file}")}
        task = replace(task, environment={**variable, **task.environment})
    return task


def local_path(member: str, config: dict[str, Any]) -> str:
    """Where the folder is in the task."""
    default = TENSORS if member == "DebugHookConfig" else TENSORBOARD
    return str(config.get("LocalPath") or default).rstrip("/")


def finish(context: Context, job: Record) -> str:
    """Say that no more tensors come; returns why it could not be said, or ""."""
    if "DebugHookConfig" not in job.body:
        return ""
    try:
        uri = f"{_uri(job, 'DebugHookConfig')}/{layout.END}"
        key = job.body["OutputDataConfig"]["KmsKeyId"]
        context.buckets_of(job.body["RoleArn"]).put_bytes(uri, b"", content_type="binary/octet-stream", key=key)
    except (ServiceError, KeyError, OSError) as error:
        return f"Clary: {layout.END} of the debugger's output is not written: {error}"
    return ""


def _place(context: Context, job: Record, directory: Path, member: str) -> Place:
    role, key = job.body["RoleArn"], job.body["OutputDataConfig"]["KmsKeyId"]
    tensors = member == "DebugHookConfig"
    return Place(
        directory,
        _uri(job, member),
        key,
        lambda: context.buckets_of(role),
        name="tensors" if tensors else "tensorboard",
        noun="Debugger output" if tensors else "TensorBoard output",
        mirrored=False,
        needed=False,
        files="named" if tensors else "growing",
        order=_ORDER if tensors else (),
        skipped=_SKIPPED if tensors else (layout.SUFFIX,),
    )


def _uri(job: Record, member: str) -> str:
    below = "debug-output" if member == "DebugHookConfig" else "tensorboard-output"
    return f"{job.body[member]['S3OutputPath'].rstrip('/')}/{job.name}/{below}"
