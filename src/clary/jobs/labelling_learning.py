"""Automated labelling: a model learns from what people labelled, its sure boxes are taken, people get the rest.

In rounds: people label a batch and, in the first round, images to judge by; the built-in detector trains on the batch
(``CreateTrainingJob``), proposes boxes for all that is left and for those to judge by (``CreateTransformJob``); what is sure
(``clary.labelling.proposals``) becomes labels of the machine. ``_learning`` in the job's record says where it is; the jobs
that it starts have names that follow from it, so a crash starts none twice. If one fails, or there is too little to learn
from, people label the rest: automation never fails a job.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.formats.image_files import NoImage, look
from clary.guarded_buckets import GuardedBuckets
from clary.jobs.labelling_output import Output
from clary.labelling import labels, proposals
from clary.labelling.consolidation.boxes import Box
from clary.labelling.labels import Batch
from clary.labelling.proposals import Scored
from clary.store.base import Also, Record, together
from clary.store.labelling_objects import LabellingObjects, Line
from clary.store.labelling_tasks import Job

LEAST = 100  # objects that are worth it; AWS takes 1,250 or more
_ROUNDS = 5
_SMALLEST = 20  # objects to learn from
_ENDED = {"Completed", "Failed", "Stopped"}
_INSTANCE = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
_DAY = 86_400

Learning = dict[str, Any]
"""``round`` from 1; ``stage``: asking, training, proposing or off; ``target``: objects that people are to have been asked about
by the end of the round's asking; ``validation``: the numbers of the objects to judge by; ``why``: of off."""

Step = tuple[Learning, Also | None, str]
"""What is next: the new state, what is written with it, and a line for the log."""


def begin(job: Record, unlabelled: int) -> Learning | None:
    """The state of a job that is to be automated; None for one that is not."""
    if "LabelingJobAlgorithmsConfig" not in job.body:
        return None
    if unlabelled < LEAST:
        return {
            "round": 1,
            "stage": "off",
            "why": f"{unlabelled} objects are too few to learn from; {LEAST} are the least",
        }
    judge = unlabelled // 5 if unlabelled < 5000 else unlabelled // 10
    batch = _batch(job, unlabelled)
    return {"round": 1, "stage": "asking", "judge": judge, "batch": batch, "target": judge + batch}


def limit(job: Record) -> int | None:
    """How many objects people may have been asked about so far; None for as many as there are."""
    learning = job.body.get("_learning")
    return None if not learning or learning["stage"] == "off" else int(learning["target"])


def _batch(job: Record, unlabelled: int) -> int:
    most = int(job.body["HumanTaskConfig"]["MaxConcurrentTaskCount"])
    return max(_SMALLEST, min(most, unlabelled // 5))


class Learner:
    """One step of a job's learning, while nobody is asked."""

    def __init__(self, context: Context, job: Record, row: Job, output: Output, batch: Batch) -> None:
        self._context, self._job, self._row, self._output, self._batch = context.at(job.region), job, row, output, batch
        self._learning: Learning = job.body["_learning"]
        self._buckets: GuardedBuckets = self._context.buckets_of(job.body["RoleArn"])

    def step(self) -> Step | None:
        """The next state; None while a job of its own runs, whose change wakes this one."""
        try:
            match self._learning["stage"]:
                case "asking":
                    return self._prepare()
                case "training":
                    return self._train()
                case "proposing":
                    return self._propose()
        except ServiceError as error:
            return self._off(str(error))
        raise AssertionError(f"{self._learning['stage']!r} is no stage of learning")

    def stop(self) -> None:
        """The labelling job is stopped: so is what runs for it."""
        operations = {
            "training": ("StopTrainingJob", "TrainingJobName"),
            "proposing": ("StopTransformJob", "TransformJobName"),
        }
        if (found := operations.get(self._learning["stage"])) is not None:
            with contextlib.suppress(ServiceError):  # it has ended, or was not begun
                self._context.call("sagemaker", found[0], **{found[1]: self._name})

    @property
    def _name(self) -> str:
        """Of the round's training job, model and transform job."""
        return f"{self._job.name[:40].rstrip('-')}-{self._job.body['JobReferenceCode'][-8:]}-{self._learning['round']}"

    def _uri(self, path: str) -> str:
        return f"{self._output.root}/activelearning/{self._learning['round']}/{path}"

    def _off(self, why: str) -> Step:
        return (
            {**self._learning, "stage": "off", "why": why},
            None,
            f"Automated labeling ends, people label the rest: {why}",
        )

    def _prepare(self) -> Step | None:
        """What people said becomes the round's manifests; images that are none fail before a model meets them."""
        lines = list(self._context.labelling.lines(self._row))
        human = [line for line in lines if line.state == "labelled"]
        validation = self._learning.get("validation") or self._chosen([line.number for line in human])
        train = [line for line in human if line.number not in set(validation)]
        judge = [line for line in human if line.number in set(validation)]
        if len(train) < _SMALLEST or not judge:
            return self._off(f"{len(train)} objects are labeled to learn from, {len(judge)} to judge by")
        for name, chosen in (("train", train), ("validation", judge)):
            content = "".join(f"{self._output.merged(line)}\n" for line in chosen)
            self._output.put_text(self._uri(f"training/{name}.manifest"), content)
        found = {**self._learning, "stage": "training", "validation": validation, "samples": len(train)}
        return found, None, f"Round {found['round']} of automated labeling: a model learns from {len(train)} objects"

    def _chosen(self, numbers: Sequence[int]) -> list[int]:
        chance = random.Random(self._job.body["JobReferenceCode"])  # noqa: S311 - which images judge is no secret
        return sorted(chance.sample(numbers, min(self._learning["judge"], len(numbers))))

    def _train(self) -> Step | None:
        job = self._own("TrainingJob") or self._start_training()
        if job is None or job.status not in _ENDED:
            return None
        if job.status != "Completed":
            return self._off(
                f"the training job {self._name} ended as {job.status}: {job.body.get('FailureReason', '')}"
            )
        return (
            {**self._learning, "stage": "proposing"},
            None,
            f"Round {self._learning['round']}: the model proposes labels",
        )

    def _start_training(self) -> Record | None:
        attribute, samples = self._batch.attribute, self._learning["samples"]

        def channel(name: str) -> dict[str, Any]:
            source = {
                "S3DataType": "AugmentedManifestFile",
                "S3Uri": self._uri(f"training/{name}.manifest"),
                "AttributeNames": ["source-ref", attribute],
            }
            form = {"ContentType": "application/x-recordio", "RecordWrapperType": "RecordIO", "InputMode": "Pipe"}
            return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **form}

        self._context.call(
            "sagemaker",
            "CreateTrainingJob",
            TrainingJobName=self._name,
            RoleArn=self._job.body["RoleArn"],
            AlgorithmSpecification={"TrainingImage": _image(self._context), "TrainingInputMode": "Pipe"},
            HyperParameters={
                "base_network": "small",
                "use_pretrained_model": "0",
                "num_classes": str(len(self._batch.names)),
                "num_training_samples": str(samples),
                "mini_batch_size": str(min(16, samples)),
                "optimizer": "adam",
                "learning_rate": "0.003",
                "epochs": str(max(20, min(100, 3000 // samples))),
                "early_stopping": "True",
                "early_stopping_patience": "10",
            },
            InputDataConfig=[channel("train"), channel("validation"), *self._first_model()],
            OutputDataConfig={"S3OutputPath": self._uri("training/output"), "KmsKeyId": self._output.key},
            ResourceConfig={**_INSTANCE, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": _DAY},
        )
        return self._own("TrainingJob")

    def _first_model(self) -> list[dict[str, Any]]:
        """The model that the first round goes on from, where one is named."""
        arn = self._job.body["LabelingJobAlgorithmsConfig"].get("InitialActiveLearningModelArn")
        if not arn or self._learning["round"] > 1:
            return []
        model = self._context.call("sagemaker", "DescribeModel", ModelName=arn.rpartition("/")[2])
        source = {"S3DataType": "S3Prefix", "S3Uri": model["PrimaryContainer"]["ModelDataUrl"]}
        form = {"ContentType": "application/x-sagemaker-model", "InputMode": "File"}
        return [{"ChannelName": "model", "DataSource": {"S3DataSource": source}, **form}]

    def _propose(self) -> Step | None:
        job = self._own("TransformJob") or self._start_transform()
        if job is None or job.status not in _ENDED:
            return None
        if job.status != "Completed":
            return self._off(
                f"the transform job {self._name} ended as {job.status}: {job.body.get('FailureReason', '')}"
            )
        return self._decide()

    def _start_transform(self) -> Record | None:
        bucket, keys = self._images()
        training = self._context.call("sagemaker", "DescribeTrainingJob", TrainingJobName=self._name)
        container = {"Image": _image(self._context), "ModelDataUrl": training["ModelArtifacts"]["S3ModelArtifacts"]}
        role = self._job.body["RoleArn"]
        if self._context.store.get(self._job.region, "Model", self._name) is None:
            self._context.call(
                "sagemaker", "CreateModel", ModelName=self._name, PrimaryContainer=container, ExecutionRoleArn=role
            )
        manifest = self._uri("inference/input.manifest")
        self._output.put_text(manifest, json.dumps([{"prefix": f"s3://{bucket}/"}, *keys]))
        source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest}}
        self._context.call(
            "sagemaker",
            "CreateTransformJob",
            TransformJobName=self._name,
            ModelName=self._name,
            TransformInput={"DataSource": source, "ContentType": "application/x-image"},
            TransformOutput={"S3OutputPath": self._uri("inference/output"), "KmsKeyId": self._output.key},
            TransformResources=_INSTANCE,
        )
        return self._own("TransformJob")

    def _images(self) -> tuple[str, list[str]]:
        """The bucket of the images that are proposed for, and their keys."""
        validation = set(self._learning["validation"])
        uris = [
            json.loads(line.line)["source-ref"]
            for line in self._context.labelling.lines(self._row)
            if line.state == "waiting" or line.number in validation
        ]
        found = {uri.removeprefix("s3://").partition("/")[0] for uri in uris}
        if len(found) > 1:
            raise ServiceError(
                f"the images lie in several buckets ({', '.join(sorted(found))}); a model is asked for one"
            )
        (bucket,) = found
        return bucket, sorted({uri.removeprefix(f"s3://{bucket}/") for uri in uris})

    def _decide(self) -> Step:
        """Take what is sure; the rest goes to people, who are asked about another batch of it."""
        lines = list(self._context.labelling.lines(self._row))
        validation = set(self._learning["validation"])
        judged = [
            (self._proposed(line), _drawn(line.result[self._batch.attribute]))
            for line in lines
            if line.number in validation
        ]
        rule = proposals.pick(judged)
        waiting = [line for line in lines if line.state == "waiting"]
        sure = self._sure(rule, waiting) if rule else {}
        results = {number: labels.by_machine(self._batch, found, size) for number, (found, size) in sure.items()}
        content = "".join(f"{number} {json.dumps(result)}\n" for number, (_, result) in results.items())
        self._output.put_text(self._uri("auto/auto_annotator_output.txt"), content)
        left, asked = len(waiting) - len(sure), sum(line.state == "labelled" for line in lines)
        number = int(self._learning["round"])
        arn = f"arn:aws:sagemaker:{self._job.region}:{self._context.account}:model/{self._name.lower()}"
        found = {
            **self._learning,
            "round": number + 1,
            "stage": "asking",
            "target": asked + self._learning["batch"],
            "model": arn,
        }
        told = f"Round {number} of automated labeling: {len(sure)} objects labeled by the model, {left} are left"
        if number >= _ROUNDS or left < self._learning["batch"]:
            found = {**found, "stage": "off", "why": f"after {number} rounds {left} objects are left"}
        return found, together(LabellingObjects.deciding(self._row, results)), told

    def _sure(self, rule: proposals.Rule, waiting: Sequence[Line]) -> dict[int, tuple[list[Scored], tuple[int, int]]]:
        found = {}
        for line in waiting:
            size = self._size(json.loads(line.line)["source-ref"])
            if size is not None and (boxes := proposals.taken(rule, self._proposed(line, size))) is not None:
                found[line.number] = boxes, size
        return found

    def _proposed(self, line: Line, size: tuple[int, int] | None = None) -> list[Scored]:
        """The boxes that the model proposes for an image, in pixels."""
        uri = json.loads(line.line)["source-ref"]
        size = size or self._size(uri) or (1, 1)
        key = uri.removeprefix("s3://").partition("/")[2]
        answer = json.loads(self._buckets.get_bytes(self._uri(f"inference/output/{key}.out")))
        return [_scored(each, size) for each in answer["prediction"] if int(each[0]) < len(self._batch.names)]

    def _size(self, uri: str) -> tuple[int, int] | None:
        try:
            image = look(self._buckets.get_bytes(uri))
        except NoImage:
            return None
        return image.width, image.height

    def _own(self, kind: str) -> Record | None:
        """The round's job of this kind, tied to the labelling job so that its changes wake it; None if it is not there."""
        record = self._context.store.get(self._job.region, kind, self._name)
        if record is not None and "_owner" not in record.body:
            return self._context.store.put(replace(record, body={**record.body, "_owner": list(self._job.key)}))
        return record


def _image(context: Context) -> str:
    return f"811284229777.dkr.ecr.{context.region}.amazonaws.com/object-detection:1"


def _scored(each: Sequence[float], size: tuple[int, int]) -> Scored:
    class_id, score, *corners = each
    left, top, right, bottom = (min(max(corner, 0.0), 1.0) * size[place % 2] for place, corner in enumerate(corners))
    return Scored(Box(int(class_id), left, top, right - left, bottom - top), score)


def _drawn(label: Mapping[str, Any]) -> list[Box]:
    sides = ("left", "top", "width", "height")
    return [Box(each["class_id"], *(each[side] for side in sides)) for each in label["annotations"]]
