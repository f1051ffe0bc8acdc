"""What CreateLabelingJob checks beyond the service model, before the job begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.labelling.task_types import CUSTOM, NOT_BUILT, TASK_TYPES, TaskType, named_by
from clary.services.iam import roles
from clary.services.sagemaker import named_buckets
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key
from clary.services.sagemaker.models import MODELS
from clary.services.sagemaker.workteams import WORKTEAMS

_LONGEST_TASK = 28_800  # seconds: of all but video and point clouds
_PRIVATE_LIFETIME = 30 * 86_400  # seconds that an object is offered, where nothing is said
_CONCURRENT = 1000  # objects that are offered at once, where nothing is said
_NO_LAMBDA = (
    "its function cannot be run, as Lambda is not served yet. Use a built-in one (PRE-BoundingBox and ACS-BoundingBox, for "
    "example), or leave both out: the template is then given the manifest's line as task.input, and the output names each "
    "object's answers by worker-response-ref."
)


def check(context: Context, request: Mapping[str, Any]) -> TaskType:
    """What kind of task the job is. ``ValidationException``, ``NotServed``, ``AccessDenied``."""
    roles.require(context, request["RoleArn"])
    human = request["HumanTaskConfig"]
    _check_team(context, human)
    type_ = _task_type(human)
    _check_template(human["UiConfig"], type_)
    _check_attribute(request["LabelAttributeName"], type_)
    _check_input(request["InputConfig"])
    _check_times(human)
    output = request["OutputConfig"]
    if output.get("SnsTopicArn"):
        raise NotServed("CreateLabelingJob with OutputConfig.SnsTopicArn is not served: there is no SNS. Leave it out.")
    named_buckets.require(context, output["S3OutputPath"], "OutputConfig.S3OutputPath")
    check_output_key(context, request["RoleArn"], output["S3OutputPath"], output.get("KmsKeyId", ""))
    if type_ is not CUSTOM and "LabelCategoryConfigS3Uri" not in request:
        raise ValidationException(f"LabelCategoryConfigS3Uri is required for the task type {type_.name}.")
    if "LabelingJobAlgorithmsConfig" in request:
        _check_algorithm(context, request["LabelingJobAlgorithmsConfig"], type_)
    return type_


def with_defaults(human: Mapping[str, Any]) -> dict[str, Any]:
    """HumanTaskConfig as Describe tells it."""
    return {
        "TaskAvailabilityLifetimeInSeconds": _PRIVATE_LIFETIME,
        "MaxConcurrentTaskCount": _CONCURRENT,
        **human,
    }


def _check_team(context: Context, human: Mapping[str, Any]) -> None:
    arn = human["WorkteamArn"]
    kind = arn.partition(":workteam/")[2].partition("/")[0]
    if kind in {"public-crowd", "vendor-crowd"}:
        who = "Amazon Mechanical Turk" if kind == "public-crowd" else "a vendor"
        raise NotServed(
            f"CreateLabelingJob with the work team {arn} is not served: {who} cannot be reached from this machine, and no "
            "data leaves it. Make a private work team by CreateWorkteam."
        )
    WORKTEAMS.find(context, arn)
    if "PublicWorkforceTaskPrice" in human:
        raise ValidationException("PublicWorkforceTaskPrice can only be given for the public work team.")


def _task_type(human: Mapping[str, Any]) -> TaskType:
    before = human.get("PreHumanTaskLambdaArn", "")
    after = human.get("AnnotationConsolidationConfig", {}).get("AnnotationConsolidationLambdaArn", "")
    names = named_by(before, "PRE"), named_by(after, "ACS")
    for arn, name in zip((before, after), names, strict=True):
        if arn and not name:
            raise NotServed(f"CreateLabelingJob with {arn} is not served: {_NO_LAMBDA}")
        if NOT_BUILT.fullmatch(name) and name not in TASK_TYPES:
            raise NotServed(
                f"CreateLabelingJob of the task type {name} is not served: videos and point clouds cannot be labelled here. "
                f"Cut a video into images; the types that are: {', '.join(TASK_TYPES)}."
            )
    if names[0] and names[1] and names[0] != names[1]:
        raise ValidationException(
            f"PreHumanTaskLambdaArn is of the task type {names[0]} and AnnotationConsolidationLambdaArn of {names[1]}: name "
            "the functions of one type."
        )
    if (names[0] or names[1]) not in {"", CUSTOM.name} and not all(names):
        raise ValidationException(
            f"The task type {names[0] or names[1]} needs both of its functions: PRE-{names[0] or names[1]} as "
            f"PreHumanTaskLambdaArn, ACS-{names[0] or names[1]} as AnnotationConsolidationLambdaArn."
        )
    return TASK_TYPES[names[0] or names[1] or CUSTOM.name]


def _check_template(ui: Mapping[str, Any], type_: TaskType) -> None:
    if ("UiTemplateS3Uri" in ui) == ("HumanTaskUiArn" in ui):
        raise ValidationException("UiConfig needs either UiTemplateS3Uri or HumanTaskUiArn, and not both.")
    if "HumanTaskUiArn" not in ui:
        return
    name = ui["HumanTaskUiArn"].rpartition("/")[2]
    if NOT_BUILT.fullmatch(name) or name.startswith("PointCloud"):
        raise NotServed(
            f"CreateLabelingJob with the worker UI {name} is not served: videos and point clouds cannot be labelled."
        )
    if name != "NamedEntityRecognition" or type_.name != name:
        raise ValidationException(
            f"HumanTaskUiArn {ui['HumanTaskUiArn']} cannot be used for the task type {type_.name}: only named entity "
            "recognition has a worker UI of AWS's. Give UiTemplateS3Uri."
        )


def _check_attribute(name: str, type_: TaskType) -> None:
    if name.endswith("-metadata"):
        raise ValidationException("LabelAttributeName can't end with '-metadata'.")
    if name in {"source", "source-ref"}:
        raise ValidationException(
            f"LabelAttributeName can't be '{name}': that is what the manifest's objects are under."
        )
    if type_.by_reference and not name.endswith("-ref"):
        raise ValidationException(
            f"LabelAttributeName must end with '-ref' for the task type {type_.name}: {name}-ref."
        )
    if name.endswith("-ref") and not type_.by_reference:
        raise ValidationException(f"LabelAttributeName can't end with '-ref' for the task type {type_.name}.")


def _check_input(config: Mapping[str, Any]) -> None:
    source = config["DataSource"]
    if not source:
        raise ValidationException("InputConfig.DataSource needs an S3DataSource.")
    if "SnsDataSource" in source:
        raise NotServed(
            "CreateLabelingJob with SnsDataSource, a streaming job, is not served: there is no SNS. Give an S3DataSource; "
            "further objects are a job of their own, whose manifest is the output of the one before."
        )


def _check_times(human: Mapping[str, Any]) -> None:
    if (seconds := human["TaskTimeLimitInSeconds"]) > _LONGEST_TASK:
        raise ValidationException(
            f"TaskTimeLimitInSeconds is {seconds}; for images and text {_LONGEST_TASK} (8 hours) is the most."
        )


def _check_algorithm(context: Context, config: Mapping[str, Any], type_: TaskType) -> None:
    name = config["LabelingJobAlgorithmSpecificationArn"].rpartition("/")[2]
    if not type_.algorithm:
        raise ValidationException(
            f"The task type {type_.name} cannot be labelled automatically: leave LabelingJobAlgorithmsConfig out."
        )
    if name != type_.algorithm:
        raise ValidationException(
            f"LabelingJobAlgorithmSpecificationArn names {name}; that of the task type {type_.name} is {type_.algorithm}."
        )
    if name != "object-detection":
        raise NotServed(
            f"CreateLabelingJob with the labeling algorithm {name} is not served: only boxes can be labelled automatically "
            "here. Leave LabelingJobAlgorithmsConfig out, and people label all objects."
        )
    resources = config.get("LabelingJobResourceConfig", {})
    refuse_volume_key(resources, "VolumeKmsKeyId", "CreateLabelingJob")
    if resources.get("VpcConfig"):
        raise NotServed("CreateLabelingJob with VpcConfig is not served: there is no VPC. Leave it out.")
    if (arn := config.get("InitialActiveLearningModelArn")) is not None:
        MODELS.find(context, arn)
