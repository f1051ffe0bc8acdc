"""The condition keys that a request gives values to; dear ones are found out only when a policy asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import OperationModel

from clary.context import Context
from clary.errors import ServiceError
from clary.gateway import actions
from clary.gateway.http import HttpRequest
from clary.rights.facts import Facts, Known

Call = Callable[[Context, str, str, dict[str, Any]], dict[str, Any]]

# Members, wherever they are in a request of SageMaker → condition key. Several values make one key of many.
_SAGEMAKER = {
    "InstanceType": "sagemaker:InstanceTypes",
    "InstanceTypes": "sagemaker:InstanceTypes",
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKey",
    "EnableNetworkIsolation": "sagemaker:NetworkIsolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
    "Subnets": "sagemaker:VpcSubnets",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
    "DirectInternetAccess": "sagemaker:DirectInternetAccess",
    "RootAccess": "sagemaker:RootAccess",
    "DomainId": "sagemaker:DomainId",
    "UserProfileName": "sagemaker:UserProfileName",
    "SharingType": "sagemaker:SpaceSharingType",
    "TargetModel": "sagemaker:TargetModel",
    "ModelApprovalStatus": "sagemaker:ModelApprovalStatus",
    "WorkteamArn": "sagemaker:WorkteamArn",
}
_STS = {
    "RoleSessionName": "sts:RoleSessionName",
    "ExternalId": "sts:ExternalId",
    "SourceIdentity": "sts:SourceIdentity",
}
_S3 = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:VersionId",
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "StorageClass": "s3:x-amz-storage-class",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantFullControl": "s3:x-amz-grant-full-control",
}


def of(context: Context, operation: OperationModel, http: HttpRequest, request: Mapping[str, Any], call: Call) -> Facts:
    service = operation.service_model.service_name
    known: dict[str, Known] = {
        "aws:SourceIp": http.client,
        "aws:SecureTransport": "true" if http.secure else "false",
        "aws:RequestedRegion": context.region,
        "aws:UserAgent": http.headers.get("user-agent"),
        "aws:Referer": http.headers.get("referer"),
        "aws:ResourceAccount": context.account,
        "aws:CalledVia": None,
    }
    asked = _tags_asked(request)
    known["aws:TagKeys"] = [*asked] or request.get("TagKeys") or None
    tags = {"aws:RequestTag": lambda: asked}
    match service:
        case "s3":
            known |= _s3(http, request)
            existing = cache(lambda: _object_tags(context, request, call))
            tags |= {"s3:ExistingObjectTag": existing, "s3:RequestObjectTag": lambda: asked}
            known["s3:RequestObjectTagKeys"] = [*asked] or None
        case "sts":
            known |= {key: request.get(member) for member, key in _STS.items()}
        case "iam":
            known["iam:PolicyARN"] = request.get("PolicyArn")
            known["iam:PermissionsBoundary"] = request.get("PermissionsBoundary")
            tags["iam:ResourceTag"] = tags["aws:ResourceTag"] = cache(lambda: _holder_tags(context, request))
        case _ if operation.service_model.signing_name == "sagemaker":
            known |= _sagemaker(request)
            if owner := (request.get("OwnershipSettings") or {}).get("OwnerUserProfileName"):
                name = f"{request.get('DomainId', '*')}/{owner}"
                known["sagemaker:OwnerUserProfileArn"] = context.arn("sagemaker", "user-profile", name)
            resource = cache(lambda: _resource_tags(context, operation, request, call))
            tags |= {"aws:ResourceTag": resource, "sagemaker:ResourceTag": resource}
    return Facts(known, tags)


def _tags_asked(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags in a request, in whichever of AWS's forms."""
    found: Any = request.get("Tags", request.get("tags"))
    if found is None and isinstance(tagging := request.get("Tagging"), str):
        return dict(parse_qsl(tagging, keep_blank_values=True))
    if found is None and isinstance(request.get("Tagging"), dict):
        found = request["Tagging"].get("TagSet")
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in found.items()}
    tags = [tag for tag in found or () if isinstance(tag, dict)]
    return {str(tag.get("Key", tag.get("TagKey"))): str(tag.get("Value", tag.get("TagValue", ""))) for tag in tags}


def _s3(http: HttpRequest, request: Mapping[str, Any]) -> dict[str, Known]:
    presigned = "authorization" not in http.headers
    second = presigned and "AWSAccessKeyId=" in http.query
    found: dict[str, Known] = {
        "s3:authType": "REST-QUERY-STRING" if presigned else "REST-HEADER",
        "s3:signatureversion": "AWS" if second else "AWS4-HMAC-SHA256",
        "s3:x-amz-content-sha256": http.headers.get("x-amz-content-sha256"),
        "s3:ResourceAccount": "000000000000",
        "s3:LocationConstraint": (request.get("CreateBucketConfiguration") or {}).get("LocationConstraint"),
    }
    for member, key in _S3.items():
        value = request.get(member)
        found[key] = None if value is None else str(value)
    return found


def _sagemaker(request: Mapping[str, Any]) -> dict[str, Known]:
    found: dict[str, list[str]] = {}
    for path, value in _leaves(request, ()):
        key = _SAGEMAKER.get(path[-1])
        if path[-1] == "WorkteamArn":  # ...:workteam/private-crowd/ward
            found.setdefault("sagemaker:WorkteamType", []).append(str(value).rpartition(":")[2].split("/")[1])
        if path[-1] == "KmsKeyId" and {"OutputDataConfig", "OutputConfig"} & set(path):
            key = "sagemaker:OutputKmsKey"
        if key is not None:
            found.setdefault(key, []).append(str(value).lower() if isinstance(value, bool) else str(value))
    return dict(found)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif path:
        yield path, value


def _object_tags(context: Context, request: Mapping[str, Any], call: Call) -> dict[str, str]:
    if not request.get("Key"):
        return {}
    wanted = {name: request[name] for name in ("Bucket", "Key", "VersionId") if request.get(name)}
    try:
        return {tag["Key"]: tag["Value"] for tag in call(context, "s3", "GetObjectTagging", wanted)["TagSet"]}
    except ServiceError:  # there is no such object
        return {}


def _holder_tags(context: Context, request: Mapping[str, Any]) -> dict[str, str]:
    name = request.get("RoleName") or request.get("UserName")
    holder = context.rights.holder(name) if name else None
    return dict(holder.tags) if holder is not None else {}


def _resource_tags(
    context: Context, operation: OperationModel, request: Mapping[str, Any], call: Call
) -> dict[str, str]:
    """Of the resource that a call of SageMaker is about; what is being made has none yet."""
    arn = actions.resources(context, operation, request)[0]
    try:
        return {
            tag["Key"]: tag["Value"] for tag in call(context, "sagemaker", "ListTags", {"ResourceArn": arn})["Tags"]
        }
    except ServiceError:
        return {}
