"""What CreateProcessingJob refuses at once: all that can be known before the job starts."""

from __future__ import annotations

from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services import resources
from clary.services.iam import roles
from clary.services.sagemaker import channels, container_images, experiment_configs, instance_limit, named_buckets
from clary.services.sagemaker.encryption import check_output_key, refuse_volume_key

_INPUTS = "/opt/ml/processing/"
# Folders of the system and of the contract: an output there would hide what a program needs.
_SYSTEM = frozenset("bin boot dev etc gnu lib lib32 lib64 libx32 nix proc run sbin sys usr".split())
_TAKEN = frozenset({"/opt", "/opt/ml", "/opt/ml/config", "/opt/ml/processing", "/tmp", "/var"})  # noqa: S108 - refused


def check(context: Context, job: dict[str, Any]) -> None:
    """``job``: the request with its defaults. ``ValidationException``, ``NotServed``."""
    roles.require(context, job["RoleArn"])
    experiment_configs.check(context, job)
    _check_program(context, job["AppSpecification"])
    cluster = job["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstancePreferences"):
        raise NotServed(
            "CreateProcessingJob with InstancePreferences is not served yet: name InstanceType and InstanceCount."
        )
    if "InstanceType" not in cluster:
        raise ValidationException("InstanceType is missing in ProcessingResources.ClusterConfig.")
    instance_limit.check(context, cluster["InstanceCount"], "processing job")
    refuse_volume_key(cluster, "VolumeKmsKeyId", "CreateProcessingJob")
    inputs, config = job["ProcessingInputs"], job["ProcessingOutputConfig"]
    for each in inputs:
        _check_input(context, each, job["RoleArn"])
    for each in config["Outputs"]:
        _check_output(context, each, job["RoleArn"], config.get("KmsKeyId", ""))
    _check_unique("InputName", [each["InputName"] for each in inputs])
    _check_unique("OutputName", [each["OutputName"] for each in config["Outputs"]])
    _check_paths(_paths(inputs, "S3Input"), _paths(config["Outputs"], "S3Output"))


def _check_program(context: Context, app: dict[str, Any]) -> None:
    image = container_images.find(context, app["ImageUri"])
    if image and not app.get("ContainerEntrypoint") and not app.get("ContainerArguments"):
        raise ValidationException(
            f"The image {image.name} has no program of its own for processing: name one in ContainerEntrypoint, as in "
            '["python3", "/opt/ml/processing/input/code/script.py"].'
        )


def _check_input(context: Context, each: dict[str, Any], role: str) -> None:
    name = each["InputName"]
    if ("S3Input" in each) == ("DatasetDefinition" in each):
        raise ValidationException(f"The input {name!r} takes either S3Input or DatasetDefinition, and one of them.")
    if "DatasetDefinition" in each:
        source = "Redshift" if "RedshiftDatasetDefinition" in each["DatasetDefinition"] else "Athena"
        raise NotServed(
            f"The input {name!r} is a DatasetDefinition: {source} is not served. Put the query's result into a bucket, "
            "and name it in S3Input."
        )
    source = each["S3Input"]
    parse_uri(source["S3Uri"])
    if each["AppManaged"]:  # the program fetches it itself
        return
    path = source.get("LocalPath", "")
    if not path.startswith(_INPUTS) or not _is_plain(path):
        raise ValidationException(
            f"The input {name!r} has the LocalPath {path!r}: it must begin with {_INPUTS} and name a folder there."
        )
    if source["S3InputMode"] == "Pipe":
        raise NotServed(f"The input {name!r}: S3InputMode Pipe is not served yet, use File.")
    if source["S3CompressionType"] == "Gzip":
        raise ValidationException(
            f"The input {name!r}: S3CompressionType Gzip can be used with S3InputMode Pipe only, and this one is File."
        )
    channels.check_objects(context, source, role)


def _check_output(context: Context, each: dict[str, Any], role: str, key: str) -> None:
    name = each["OutputName"]
    if ("S3Output" in each) == ("FeatureStoreOutput" in each):
        raise ValidationException(f"The output {name!r} takes either S3Output or FeatureStoreOutput, and one of them.")
    if "FeatureStoreOutput" in each:
        _check_feature_group(context, each)
        return
    target = each["S3Output"]
    named_buckets.require(context, target["S3Uri"], f"The output {name!r}")
    check_output_key(context, role, target["S3Uri"], key)
    if each["AppManaged"]:  # the program stores it itself
        return
    path = target.get("LocalPath", "")
    if not _is_plain(path) or path.rstrip("/") in _TAKEN or path.split("/")[1] in _SYSTEM:
        raise ValidationException(
            f"The output {name!r} has the LocalPath {path!r}: it must be an absolute path of a folder of its own, such "
            "as /opt/ml/processing/output."
        )


def _check_feature_group(context: Context, each: dict[str, Any]) -> None:
    """Its records are put by the program, by PutRecord; that is what AWS's AppManaged says too."""
    name, group = each["OutputName"], each["FeatureStoreOutput"]["FeatureGroupName"]
    if not each["AppManaged"]:
        raise ValidationException(
            f"The output {name!r}: FeatureStoreOutput is only supported when AppManaged is true: the program puts the "
            "records itself, by PutRecord."
        )
    missing = ValidationException(f"The output {name!r} names the feature group {group!r}, which does not exist.")
    resources.find(context, "FeatureGroup", group, missing=missing)


def _is_plain(path: str) -> bool:
    """Whether it is absolute, names a folder, and neither goes up nor holds what no path may."""
    parts = path.rstrip("/").split("/")
    return parts[0] == "" and len(parts) > 1 and not {"", ".", ".."} & set(parts[1:]) and "\0" not in path


def _paths(items: list[dict[str, Any]], member: str) -> list[str]:
    found = [each[member]["LocalPath"] for each in items if not each["AppManaged"] and member in each]
    return [path.rstrip("/") for path in found]


def _check_paths(inputs: list[str], outputs: list[str]) -> None:
    _check_unique("LocalPath", [*inputs, *outputs])
    for path in inputs:
        if above := next((output for output in outputs if path.startswith(f"{output}/")), None):
            raise ValidationException(
                f"The input's LocalPath {path} lies in the output's {above}, all of which is uploaded: give it another."
            )


def _check_unique(member: str, values: list[str]) -> None:
    if again := sorted({value for value in values if values.count(value) > 1}):
        raise ValidationException(f"{member} must be unique within a processing job; {again[0]!r} is given twice.")
