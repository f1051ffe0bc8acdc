"""What each kind of job tells of itself: read from its record alone, in the names that SageMaker's components have.

A number among the hyperparameters is one in the component, any other value a text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.store.base import Record
from clary.tracking.entities import Thing

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MEDIA_TYPE = re.compile(r"[-\w]+/[-\w+]+")
_TEXT = 2500  # characters of a parameter's text
_MESSAGE = 1024  # of a status


@dataclass(frozen=True)
class Artifact:
    """An entry of InputArtifacts or OutputArtifacts; ``type``: what it is in the lineage graph, if it is there at all."""

    uri: str
    type: str = ""
    media_type: str = ""


@dataclass(frozen=True)
class Trace:
    """``read`` and ``made``: of the lineage graph alone, beside the artifacts."""

    message: str
    parameters: dict[str, str | float]
    inputs: dict[str, Artifact]
    outputs: dict[str, Artifact]
    read: list[Thing] = field(default_factory=list)
    made: list[Thing] = field(default_factory=list)
    started: str | datetime | None = None
    ended: str | datetime | None = None

    @property
    def all_read(self) -> list[Thing]:
        """Of the lineage graph, each once."""
        return _things(self.inputs, self.read)

    @property
    def all_made(self) -> list[Thing]:
        return _things(self.outputs, self.made)


def component_name(job: Record) -> str:
    """The name of the job's component: ``<job>-aws-training-job``."""
    return f"{job.name}-aws-{job.kind.removesuffix('Job').lower()}-job"


def source_type(job: Record) -> str:
    """What the component says that it is of."""
    return f"SageMaker{job.kind}"


def of(context: Context, job: Record) -> Trace:
    """The trace of a job, as far as it has come."""
    return _KINDS[job.kind](context, job)


def _training(_: Context, job: Record) -> Trace:
    body = job.body
    image = body["AlgorithmSpecification"].get("TrainingImage")
    inputs, outputs = {}, {}
    for channel in body.get("InputDataConfig", []):
        if uri := channel["DataSource"].get("S3DataSource", {}).get("S3Uri"):
            media_type = channel.get("ContentType", "")
            inputs[channel["ChannelName"]] = Artifact(uri, "DataSet", media_type)
    if uri := body.get("ModelArtifacts", {}).get("S3ModelArtifacts"):
        outputs["SageMaker.ModelArtifact"] = Artifact(uri, "Model")
    if uri := body.get("DebugHookConfig", {}).get("S3OutputPath"):
        outputs["SageMaker.DebugHookOutput"] = Artifact(uri)
    checkpoints = body.get("CheckpointConfig", {}).get("S3Uri")
    return Trace(
        message=_reason(job),
        parameters={
            **{name: _typed(value) for name, value in body.get("HyperParameters", {}).items()},
            **({"SageMaker.ImageUri": image} if image else {}),
            **_instances(body.get("ResourceConfig", {})),
        },
        inputs=inputs,
        outputs=outputs,
        read=[Thing(image, "Image")] if image else [],
        made=[Thing(checkpoints, "Checkpoint")] if checkpoints else [],
        started=body.get("TrainingStartTime"),
        ended=body.get("TrainingEndTime"),
    )


def _processing(_: Context, job: Record) -> Trace:
    body = job.body
    image = body["AppSpecification"]["ImageUri"]
    inputs = {"SageMaker.ImageUri": Artifact(image, "Image")}
    for each in body.get("ProcessingInputs", []):
        if uri := each.get("S3Input", {}).get("S3Uri"):
            inputs[each["InputName"]] = Artifact(uri, "DataSet")
    outputs = {
        each["OutputName"]: Artifact(uri, "DataSet")
        for each in body.get("ProcessingOutputConfig", {}).get("Outputs", [])
        if (uri := each.get("S3Output", {}).get("S3Uri"))
    }
    return Trace(
        message=f"exit message: {body.get('ExitMessage') or 'null'}, {_reason(job)}",
        parameters=_instances(body.get("ProcessingResources", {}).get("ClusterConfig", {})),
        inputs=inputs,
        outputs=outputs,
        started=body.get("ProcessingStartTime"),
        ended=body.get("ProcessingEndTime"),
    )


def _transform(context: Context, job: Record) -> Trace:
    body = job.body
    source = body["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    kind = body["TransformInput"].get("ContentType", "")
    parameters: dict[str, str | float] = {"SageMaker.ModelName": body["ModelName"]}
    read = []
    model = context.store.get(job.region, "Model", body["ModelName"])
    for thing in model_things(model.body) if model is not None else ():
        parameters[f"SageMaker.ModelPrimary.{'Image' if thing.type == 'Image' else 'DataUrl'}"] = thing.uri
        read.append(thing)
    return Trace(
        message=_reason(job),
        parameters={**parameters, **_instances(body.get("TransformResources", {}))},
        inputs={"SageMaker.TransformInput": Artifact(source, "DataSet", kind)},
        outputs={"SageMaker.TransformOutput": Artifact(body["TransformOutput"]["S3OutputPath"], "DataSet")},
        read=read,
        started=body.get("TransformStartTime"),
        ended=body.get("TransformEndTime"),
    )


def model_things(model: Mapping[str, Any]) -> Iterator[Thing]:
    """The image and the data of a model's (first) container."""
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    yield from container_things(containers[0] if containers else {})


def container_things(container: Mapping[str, Any]) -> Iterator[Thing]:
    """The image and the model data of a container."""
    if image := container.get("Image"):
        yield Thing(image, "Image")
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if uri := container.get("ModelDataUrl") or source.get("S3Uri"):
        yield Thing(uri, "Model")


def parameters(trace: Trace) -> dict[str, dict[str, Any]]:
    """As a component holds them."""
    return {
        name: {"StringValue": value[:_TEXT]} if isinstance(value, str) else {"NumberValue": float(value)}
        for name, value in trace.parameters.items()
    }


def artifacts(found: Mapping[str, Artifact]) -> dict[str, dict[str, str]]:
    """As a component holds them; a content type that is no media type is left out."""
    return {
        name: {
            "Value": each.uri,
            **({"MediaType": each.media_type} if _MEDIA_TYPE.fullmatch(each.media_type) else {}),
        }
        for name, each in found.items()
    }


def status(trace: Trace, job: Record) -> dict[str, str]:
    """The component's status: the job's, with its reason in the words that SageMaker's components have."""
    return {"PrimaryStatus": job.status, "Message": f"Status: {job.status}, {trace.message}"[:_MESSAGE]}


def _things(artifacts: Mapping[str, Artifact], more: list[Thing]) -> list[Thing]:
    return list(dict.fromkeys([*(Thing(each.uri, each.type) for each in artifacts.values() if each.type), *more]))


def _reason(job: Record) -> str:
    return f"failure reason: {job.body.get('FailureReason') or 'null'}"


def _instances(config: Mapping[str, Any]) -> dict[str, str | float]:
    """The parameters that tell of instances, of one kind or of several groups."""
    groups = config.get("InstanceGroups") or [config]
    kinds = list(dict.fromkeys(group["InstanceType"] for group in groups if group.get("InstanceType")))
    return {
        **({"SageMaker.InstanceType": ", ".join(kinds)} if kinds else {}),
        "SageMaker.InstanceCount": sum(group.get("InstanceCount", 1) for group in groups),
        **({"SageMaker.VolumeSizeInGB": config["VolumeSizeInGB"]} if "VolumeSizeInGB" in config else {}),
    }


def _typed(text: str) -> str | float:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


_KINDS: dict[str, Callable[[Context, Record], Trace]] = {
    "TrainingJob": _training,
    "ProcessingJob": _processing,
    "TransformJob": _transform,
}
