"""The task of one host of a processing job: the program that the job names, among the files that it is to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from clary.context import Context
from clary.engines.base import Engine, Task
from clary.jobs import instances, processing_files, task_usage
from clary.jobs.credentials import TaskCredentials
from clary.jobs.images import Images
from clary.jobs.instances import Host, Instances
from clary.store.base import Record

NO_PATHS = (
    "Clary: this machine has no sandbox, so the program does not find its files under the paths that the job names. Those "
    "in its command line are replaced; /opt/ml is the folder that CLARY_ML names."
)
"""What a job's log says first on such a machine."""

_GRACE = 120.0  # seconds between the wish to stop and the kill


class TaskMaker:
    def __init__(self, context: Context, engine: Engine, images: Images, credentials: TaskCredentials) -> None:
        self._context, self._engine, self._images, self._credentials = context, engine, images, credentials

    def make(self, job: Record, running: Instances, hosts: Sequence[Host], host: Host) -> Task:
        """One host's task, with all that it needs laid out; raises what laying out and images raise."""
        context, body = self._context.at(job.region), job.body
        image = self._images.find(body["AppSpecification"]["ImageUri"])
        directory = running.folder(host.name)
        buckets, linked = context.buckets_of(body["RoleArn"]), self._engine.isolation().opt_ml
        mounts = processing_files.lay_out(buckets, job, hosts, host, directory, linked=linked)
        # What FrameworkProcessor's script installs is there already when it asks pip for it.
        layout = self._images.layout(image, requirements=directory / processing_files.SOURCE_ARCHIVE)
        environment = {
            "SAGEMAKER_REGION": context.region,
            **layout.environment,
            **image.environment,
            **_joined(body.get("Environment", {}), layout.environment),
            **self._credentials.environment(context, body["RoleArn"], directory),
        }
        app, network = body["AppSpecification"], body.get("NetworkConfig", {})
        task = Task(
            directory=directory,
            **layout.process(app.get("ContainerEntrypoint", []), app.get("ContainerArguments", [])),
            environment=instances.environment(hosts, host, environment),
            mounts=[*layout.mounts, *self._credentials.mounts, *mounts],
            **self._credentials.network(isolated=network.get("EnableNetworkIsolation", False)),
            **instances.members(running.directory, hosts, host),
            grace=_GRACE,
            sampling=task_usage.EVERY,
        )
        task = self._images.located(task, self._engine)
        if task.image:
            return task
        if self._engine.isolation().opt_ml:  # with a Python of its own over the image's, into which it may install
            return replace(task, command=[*layout.entering, *task.command])
        return replace(task, command=[self._engine.where(task, word) for word in task.command])


def _joined(given: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The job's variables; search paths keep what the image needs behind what the job names."""
    paths = {name: f"{given[name]}:{own[name]}" for name in ("PATH", "PYTHONPATH") if name in given and name in own}
    return {**given, **paths}
