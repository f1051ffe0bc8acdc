"""Autopilot jobs, made by either form of the call and described by both: create, describe, list, candidates, stop.

The record's body holds the members of both forms; the answer's shape picks its own. What running one means is in
``clary.jobs.automl``.
"""

from __future__ import annotations

import re
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ResourceNotFound, ValidationException
from clary.services import operation
from clary.services.iam import roles
from clary.services.sagemaker import named_buckets
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

AUTO_ML_JOBS = Kind(
    name="AutoMLJob",
    type="automl-job",
    status="AutoMLJobStatus",
    missing=(ResourceNotFound, "Amazon SageMaker can't find an AutoML job called {name}."),
    taken=(ResourceInUse, "An AutoML job with the name {name} already exists. Choose a different name."),
)
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@operation
def create_auto_ml_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    config = request.get("AutoMLJobConfig", {})
    channels = request["InputDataConfig"]
    targets = {channel["TargetAttributeName"] for channel in channels}
    if len(targets) > 1:
        raise ValidationException(f"The channels name different targets: {', '.join(sorted(targets))}.")
    tabular = {
        "TargetAttributeName": targets.pop(),
        "ProblemType": request.get("ProblemType"),
        "Mode": config.get("Mode"),
        "CompletionCriteria": config.get("CompletionCriteria"),
        "CandidateGenerationConfig": config.get("CandidateGenerationConfig"),
        "GenerateCandidateDefinitionsOnly": request.get("GenerateCandidateDefinitionsOnly"),
        "SampleWeightAttributeName": channels[0].get("SampleWeightAttributeName"),
        "FeatureSpecificationS3Uri": config.get("CandidateGenerationConfig", {}).get("FeatureSpecificationS3Uri"),
    }
    body = {
        **request,
        "AutoMLJobInputDataConfig": [_without(c, "TargetAttributeName", "SampleWeightAttributeName") for c in channels],
        "DataSplitConfig": config.get("DataSplitConfig"),
        "SecurityConfig": config.get("SecurityConfig"),
    }
    return _create(context, request, body, {k: v for k, v in tabular.items() if v is not None})


@operation
def create_auto_ml_job_v2(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    kind, tabular = next(iter(request["AutoMLProblemTypeConfig"].items()))
    if kind != "TabularJobConfig":
        raise NotServed(f"CreateAutoMLJobV2 with {kind} is not served yet; TabularJobConfig is.")
    target = {"TargetAttributeName": tabular["TargetAttributeName"]}
    settings = {
        "CompletionCriteria": tabular.get("CompletionCriteria"),
        "Mode": tabular.get("Mode"),
        "DataSplitConfig": request.get("DataSplitConfig"),
        "SecurityConfig": request.get("SecurityConfig"),
    }
    body = {
        **request,
        "InputDataConfig": [{**channel, **target} for channel in request["AutoMLJobInputDataConfig"]],
        "ProblemType": tabular.get("ProblemType"),
        "AutoMLJobConfig": {k: v for k, v in settings.items() if v is not None},
    }
    return _create(context, request, body, tabular)


@operation
def describe_auto_ml_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return AUTO_ML_JOBS.find(context, request["AutoMLJobName"]).body


@operation
def describe_auto_ml_job_v2(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    body = AUTO_ML_JOBS.find(context, request["AutoMLJobName"]).body
    resolved = body.get("ResolvedAttributes", {})
    tabular = {"TabularResolvedAttributes": {"ProblemType": resolved.get("ProblemType")}}
    return {
        **body,
        "ResolvedAttributes": {**resolved, "AutoMLProblemTypeResolvedAttributes": tabular} if resolved else None,
    }


@operation
def list_auto_ml_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    jobs, more = AUTO_ML_JOBS.page(context, request, sort_by="Name")
    return {"AutoMLJobSummaries": [job.body for job in jobs], **more}


@operation
def list_candidates_for_auto_ml_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    candidates: list[dict[str, Any]] = AUTO_ML_JOBS.find(context, request["AutoMLJobName"]).body.get("_candidates", [])
    if wanted := request.get("CandidateNameEquals"):
        candidates = [c for c in candidates if c["CandidateName"] == wanted]
    if wanted := request.get("StatusEquals"):
        candidates = [c for c in candidates if c["CandidateStatus"] == wanted]
    keys = {
        "FinalObjectiveMetricValue": lambda c: (c["FinalAutoMLJobObjectiveMetric"]["Value"], c["CandidateName"]),
        "Status": lambda c: (c["CandidateStatus"], c["CandidateName"]),
    }
    by_time = request.get("SortBy", "CreationTime") == "CreationTime"
    key = keys.get(request.get("SortBy", ""), lambda c: (c["CreationTime"], c["CandidateName"]))
    # Without an order the newest come first, as AWS answers.
    order = request.get("SortOrder", "Descending" if by_time else "Ascending")
    candidates = sorted(candidates, key=key, reverse=order == "Descending")
    token, size = request.get("NextToken") or "0", request.get("MaxResults", 100)
    if not re.fullmatch("[0-9]{1,9}", token):
        raise ValidationException(f"Invalid pagination token {token!r}: use the NextToken of the page before.")
    start = int(token)
    more = {"NextToken": str(start + size)} if len(candidates) > start + size else {}
    return {"Candidates": candidates[start : start + size], **more}


@operation
def stop_auto_ml_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def stop(job: Record) -> Record:
        if job.status in _ENDED or job.status == "Stopping":
            return job
        return AUTO_ML_JOBS.edited(context, job, {"AutoMLJobSecondaryStatus": "Stopping"}, "Stopping")

    AUTO_ML_JOBS.change(context, request["AutoMLJobName"], stop)
    return {}


def _create(context: Context, request: dict[str, Any], body: dict[str, Any], tabular: dict[str, Any]) -> dict[str, Any]:
    _check(context, body, tabular)
    body = {
        **{key: value for key, value in body.items() if value is not None},
        "AutoMLProblemTypeConfig": {"TabularJobConfig": tabular},
        "AutoMLProblemTypeConfigName": "Tabular",
        "AutoMLJobSecondaryStatus": "Starting",
        "GenerateCandidateDefinitionsOnly": False,
        "_tabular": tabular,
        "_candidates": [],
    }
    return {"AutoMLJobArn": AUTO_ML_JOBS.create(context, request["AutoMLJobName"], body, status="InProgress").arn}


def _check(context: Context, body: dict[str, Any], tabular: dict[str, Any]) -> None:
    """Everything that can be known before the job starts."""
    if tabular.get("Mode") == "HYPERPARAMETER_TUNING":
        raise NotServed("Mode HYPERPARAMETER_TUNING is not served yet: use ENSEMBLING, or AUTO.")
    if tabular.get("GenerateCandidateDefinitionsOnly"):
        raise NotServed("GenerateCandidateDefinitionsOnly is not served yet: leave it away and the job trains.")
    if bool(tabular.get("ProblemType")) != bool(body.get("AutoMLJobObjective")):
        raise ValidationException("ProblemType and AutoMLJobObjective must be given together, or both be left out.")
    roles.require(context, body["RoleArn"])
    output = body["OutputDataConfig"]
    named_buckets.require(context, output["S3OutputPath"], "The S3OutputPath")
    check_output_key(context, body["RoleArn"], output["S3OutputPath"], output.get("KmsKeyId", ""))
    refuse_volume_key(body.get("SecurityConfig") or {}, "VolumeKmsKeyId", "CreateAutoMLJob")
    channels = body["AutoMLJobInputDataConfig"]
    if len(channels) > 1 or channels[0].get("ChannelType", "training") != "training":
        raise NotServed(
            "A validation channel is not served yet: give one training channel; five folds judge the candidates."
        )
    source = channels[0]["DataSource"]["S3DataSource"]
    if source["S3DataType"] != "S3Prefix":
        raise NotServed(f"S3DataType {source['S3DataType']} is not served yet: use S3Prefix.")
    if next(iter(context.buckets.list(source["S3Uri"])), None) is None:
        raise ValidationException(f"There is no object at {source['S3Uri']}. Upload the table first.")


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in names}
