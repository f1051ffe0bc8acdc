"""Running an Autopilot job: one training job of the image ``autogluon-training``, whose files tell how it goes.

Candidates and reports are taken over as soon as the task has written them, so a job can be watched. Each step reads all
of the files again, so nothing is lost or doubled over a crash.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.errors import AccessDenied, ServiceError
from clary.images import catalog
from clary.jobs import instances, provenance
from clary.store.base import Record

_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_DEFAULT_SECONDS = 1200.0  # of a job whose criteria name no limit
_REGISTRY = "000000000000.dkr.ecr.{region}.amazonaws.com"
_INSTANCE = "ml.m5.4xlarge"
_SUPPORTED = "predicted_label,labels,probability,probabilities"


class AutoMLJobs:
    kind = "AutoMLJob"
    terminal = _ENDED

    def __init__(self, context: Context, tasks: Path) -> None:
        self._context, self._tasks = context, tasks

    def directory(self, record: Record) -> Path | None:
        training = self._training(record)
        return self._tasks / str(training.body["_directory"]) if training is not None else None

    def step(self, job: Record) -> float | None:
        if "_training_job" not in job.body:
            name = f"{job.name}-{secrets.token_hex(4)}"
            self._write(job, _training_job=name)
            return None
        training = self._training(job)
        if training is None:
            return self._start(job)
        if job.status == "Stopping" and training.status == "InProgress":
            self._context.at(job.region).call("sagemaker", "StopTrainingJob", TrainingJobName=training.name)
            return None
        self._watch(job, training)
        return None

    def _training(self, job: Record) -> Record | None:
        name = job.body.get("_training_job")
        return self._context.store.get(job.region, "TrainingJob", name) if name else None

    def _start(self, job: Record) -> None:
        if job.status == "Stopping":
            self._write(job, "Stopped", AutoMLJobSecondaryStatus="Stopped")
            return
        context, body = self._context.at(job.region), job.body
        base = self._base(job)
        try:
            wish = _wish(context, job)
            context.buckets_of(body["RoleArn"]).put_bytes(
                f"{base}/preprocessed-data/job.json",
                json.dumps(wish).encode(),
                content_type="application/json",
                key=_key(job),
            )
            source = body["AutoMLJobInputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
            context.call(
                "sagemaker",
                "CreateTrainingJob",
                TrainingJobName=body["_training_job"],
                RoleArn=body["RoleArn"],
                AlgorithmSpecification={
                    "TrainingImage": _image(job, "autogluon-training"),
                    "TrainingInputMode": "File",
                },
                InputDataConfig=[_channel("training", source), _channel("job", f"{base}/preprocessed-data/job.json")],
                OutputDataConfig={"S3OutputPath": f"{base}/tuning", "KmsKeyId": _key(job)},
                ResourceConfig={"InstanceType": _INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 30},
                StoppingCondition={"MaxRuntimeInSeconds": int(wish["seconds"] * 2 + 600)},
                EnableNetworkIsolation=False,
                ExperimentConfig=provenance.experiment(context, job, "-aws-auto-ml-job", "SageMakerAutoMLJob"),
            )
        except (ServiceError, KeyError, ValueError) as error:
            self._write(job, "Failed", AutoMLJobSecondaryStatus="Failed", FailureReason=f"ClientError: {error}"[:1024])
            return
        self._own(job)
        self._write(job, AutoMLJobSecondaryStatus="PreTraining")

    def _own(self, job: Record) -> None:
        """Tie the training job to this one: its changes wake this job's step."""
        training = self._training(job)
        if training is not None and "_owner" not in training.body:
            body = {**training.body, "AutoMLJobArn": job.body["AutoMLJobArn"], "_owner": list(job.key)}
            self._context.store.put(replace(training, body=body))

    def _watch(self, job: Record, training: Record) -> None:
        self._own(job)
        folder = instances.folder(self._tasks / training.body["_directory"]) / "ml/output/autopilot"
        progress = _read_json(folder / "progress.json")
        try:
            self._upload(job, folder, progress.get("artifacts", []))
        except AccessDenied as error:
            self._refused(job, training, error)
            return
        candidates = self._candidates(job, training, folder)
        members: dict[str, Any] = {"_candidates": candidates, **_resolved(progress)}
        best = [c for c in candidates if c["_model"] == progress.get("best")]
        if best:
            members["BestCandidate"] = best[0]
        if "artifacts" in progress and any(p.endswith("Notebook.ipynb") for p in progress["artifacts"]):
            notebook = next(p for p in progress["artifacts"] if p.endswith("Notebook.ipynb"))
            members["AutoMLJobArtifacts"] = {"DataExplorationNotebookLocation": self._place(job, notebook)}
        if training.status not in _ENDED:
            status = progress.get("status", "PreTraining")
            secondary = job.body["AutoMLJobSecondaryStatus"]
            if status not in {"Completed", "MaxAutoMLJobRuntimeReached"} and job.status == "InProgress":
                secondary = status
            self._changed(job, AutoMLJobSecondaryStatus=secondary, **members)
            return
        self._end(job, training, progress, members)

    def _refused(self, job: Record, training: Record, error: AccessDenied) -> None:
        """The role may not, or not any more, write the reports: nothing that comes could be kept."""
        if training.status == "InProgress":
            self._context.at(job.region).call("sagemaker", "StopTrainingJob", TrainingJobName=training.name)
        self._write(job, "Failed", AutoMLJobSecondaryStatus="Failed", FailureReason=f"ClientError: {error}"[:1024])

    def _end(self, job: Record, training: Record, progress: dict[str, Any], members: dict[str, Any]) -> None:
        members["EndTime"] = self._context.now()
        if job.status == "Stopping" or training.status == "Stopped":
            self._write(job, "Stopped", AutoMLJobSecondaryStatus="Stopped", **members)
        elif training.status == "Failed":
            reason = str(training.body.get("FailureReason", "the training job failed"))
            reason = reason.removeprefix("AlgorithmError: ") if "AlgorithmError: AlgorithmError" in reason else reason
            self._write(job, "Failed", AutoMLJobSecondaryStatus="Failed", FailureReason=reason, **members)
        elif "ModelDeployConfig" in job.body and "ModelDeployResult" not in job.body:
            self._deploy(job, members)
        else:
            self._write(job, "Completed", AutoMLJobSecondaryStatus=progress.get("status", "Completed"), **members)

    def _deploy(self, job: Record, members: dict[str, Any]) -> None:
        """The endpoint that ModelDeployConfig asks for; each call may be a repetition after a crash."""
        context, config = self._context.at(job.region), job.body["ModelDeployConfig"]
        name = config.get("EndpointName") or f"{job.name}-endpoint"
        containers = [_plain(c) for c in members["BestCandidate"]["InferenceContainers"]]
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": _INSTANCE}
        calls: list[tuple[str, dict[str, Any]]] = [
            ("CreateModel", {"ModelName": name, "Containers": containers, "ExecutionRoleArn": job.body["RoleArn"]}),
            ("CreateEndpointConfig", {"EndpointConfigName": name, "ProductionVariants": [variant]}),
            ("CreateEndpoint", {"EndpointName": name, "EndpointConfigName": name}),
        ]
        secondary = "Completed"
        for operation, request in calls:
            try:
                context.call("sagemaker", operation, **request)
            except ServiceError as error:
                if "already existing" not in error.message:
                    secondary = "ModelDeploymentError"
                    members["PartialFailureReasons"] = [{"PartialFailureMessage": error.message[:1024]}]
                    break
        members["ModelDeployResult"] = {"EndpointName": name}
        self._write(job, "Completed", AutoMLJobSecondaryStatus=secondary, **members)

    def _candidates(self, job: Record, training: Record, folder: Path) -> list[dict[str, Any]]:
        """The candidates in the form of the API; a later line of the same model replaces the earlier."""
        lines: dict[str, dict[str, Any]] = {}
        for line in _read_lines(folder / "candidates.jsonl"):
            lines[line["model"]] = line
        artifact = training.body.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        return [self._candidate(job, training, line, artifact) for line in lines.values()]

    def _candidate(self, job: Record, training: Record, line: dict[str, Any], artifact: str | None) -> dict[str, Any]:
        metric, ended = line["metric"], _iso(line["ended"])
        found: dict[str, Any] = {
            "CandidateName": f"{job.name}-{line['model'].replace('_', '-')}"[:64],
            "FinalAutoMLJobObjectiveMetric": {
                "Type": line["direction"],
                "MetricName": metric,
                "StandardMetricName": metric,
                "Value": line["metrics"][metric],
            },
            "ObjectiveStatus": "Succeeded",
            "CandidateSteps": [
                {
                    "CandidateStepType": "AWS::SageMaker::TrainingJob",
                    "CandidateStepArn": training.body["TrainingJobArn"],
                    "CandidateStepName": training.name,
                }
            ],
            "CandidateStatus": "Completed",
            "CreationTime": _iso(line["began"]),
            "EndTime": ended,
            "LastModifiedTime": ended,
            "CandidateProperties": {
                "CandidateMetrics": [
                    {"MetricName": name, "StandardMetricName": name, "Value": value, "Set": "Validation"}
                    for name, value in line["metrics"].items()
                ]
            },
            "_model": line["model"],
        }
        if line.get("best"):
            base = self._base(job)
            found["CandidateProperties"]["CandidateArtifactLocations"] = {
                "Explainability": f"{base}/documentation/explainability/output",
                "ModelInsights": f"{base}/documentation/model_monitor/output",
            }
        if artifact is not None and training.status == "Completed":
            environment = {"AUTOPILOT_CANDIDATE": line["model"]}
            if "R2" not in line["metrics"]:
                environment |= {
                    "SAGEMAKER_INFERENCE_SUPPORTED": _SUPPORTED,
                    "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label",
                }
            found["InferenceContainers"] = [
                {"Image": _image(job, "autogluon-inference"), "ModelDataUrl": artifact, "Environment": environment}
            ]
        return found

    def _upload(self, job: Record, folder: Path, artifacts: list[str]) -> None:
        """Store the reports that are not stored yet."""
        for path in artifacts:
            uri = self._place(job, path)
            try:
                self._context.buckets.find(uri)
            except KeyError:
                kind = {"html": "text/html", "json": "application/json", "csv": "text/csv"}.get(path.rpartition(".")[2])
                content = (folder / "artifacts" / path).read_bytes()
                buckets = self._context.buckets_of(job.body["RoleArn"])
                buckets.put_bytes(uri, content, content_type=kind or "application/octet-stream", key=_key(job))

    def _base(self, job: Record) -> str:
        return f"{job.body['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}"

    def _place(self, job: Record, path: str) -> str:
        if path.startswith("notebooks/"):
            return f"{self._base(job)}/sagemaker-automl-candidates/{job.body['_training_job']}/{path}"
        return f"{self._base(job)}/{path}"

    def _changed(self, job: Record, **members: Any) -> None:
        """Write only what differs: a step follows every line of the task's log."""
        if any(job.body.get(name) != value for name, value in members.items()):
            self._write(job, **members)

    def _write(self, job: Record, status: str | None = None, **members: Any) -> None:
        status = status or job.status
        now = self._context.now()
        body = {**job.body, **members, "AutoMLJobStatus": status, "LastModifiedTime": now}
        self._context.store.put(replace(job, status=status, body=body, modified=now))


def _key(job: Record) -> str:
    """The key of KMS under which all is written; "" if none is named."""
    return str(job.body["OutputDataConfig"].get("KmsKeyId", ""))


def _wish(context: Context, job: Record) -> dict[str, Any]:
    """The description that the program reads (``clary.images.autopilot.description``)."""
    tabular = job.body["_tabular"]
    criteria = tabular.get("CompletionCriteria") or {}
    algorithms = [
        name
        for config in (tabular.get("CandidateGenerationConfig") or {}).get("AlgorithmsConfig", [])
        for name in config["AutoMLAlgorithms"]
    ]
    features: dict[str, Any] = {}
    if uri := tabular.get("FeatureSpecificationS3Uri"):
        features = json.loads(context.buckets_of(job.body["RoleArn"]).get_bytes(uri))
    return {
        "name": job.name,
        "target": tabular["TargetAttributeName"],
        "problem": tabular.get("ProblemType") or "",
        "metric": (job.body.get("AutoMLJobObjective") or {}).get("MetricName", ""),
        "candidates": criteria.get("MaxCandidates", 10),
        "seconds": float(criteria.get("MaxAutoMLJobRuntimeInSeconds", _DEFAULT_SECONDS)),
        "seconds_each": float(criteria.get("MaxRuntimePerTrainingJobInSeconds", 0)),
        "validation_fraction": (job.body.get("DataSplitConfig") or {}).get("ValidationFraction", 0.2),
        "algorithms": algorithms,
        "features": features.get("FeatureAttributeNames", []),
        "types": features.get("FeatureDataTypes", {}),
        "weight": tabular.get("SampleWeightAttributeName") or "",
    }


def _resolved(progress: dict[str, Any]) -> dict[str, Any]:
    if "problem" not in progress:
        return {}
    objective = {"MetricName": progress["metric"]}
    return {"ResolvedAttributes": {"AutoMLJobObjective": objective, "ProblemType": progress["problem"]}}


def _image(job: Record, repository: str) -> str:
    version = ".".join(catalog.find(repository).version.split(".")[:2])
    return f"{_REGISTRY.format(region=job.region)}/{repository}:{version}-cpu-py3"


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _plain(container: dict[str, Any]) -> dict[str, Any]:
    return {name: container[name] for name in ("Image", "ModelDataUrl", "Environment")}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that may be growing."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(round(epoch, 3), UTC).isoformat()
