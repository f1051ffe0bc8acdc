"""Removes what the project made: endpoints, endpoint configurations, models, the work team and files in S3. Jobs stay on record.

``python clean.py`` does it. On AWS an endpoint costs money for every hour that it is up: do not forget it there.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError

PREFIX = "chest-xrays"  # every name that the project gives begins so


def everything(session: boto3.Session, bucket: str) -> None:
    """Remove all that the project made, and say what."""
    sagemaker = session.client("sagemaker")
    for name in _names(sagemaker, "list_endpoints", "Endpoints", "EndpointName"):
        endpoint(sagemaker, name)
    for name in _names(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"):
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        print(f"removed the endpoint configuration {name}")
    for name in _names(sagemaker, "list_models", "Models", "ModelName"):
        sagemaker.delete_model(ModelName=name)
        print(f"removed the model {name}")
    for name in _names(sagemaker, "list_workteams", "Workteams", "WorkteamName"):
        sagemaker.delete_workteam(WorkteamName=name)
        print(f"removed the work team {name}")
    found = session.resource("s3").Bucket(bucket).objects.filter(Prefix=f"{PREFIX}/")
    count = sum(len(answer.get("Deleted", ())) for answer in found.delete())
    print(f"removed {count} objects below s3://{bucket}/{PREFIX}/")


def endpoint(sagemaker: Any, name: str) -> None:
    """Remove an endpoint and its configuration, and wait until they are gone. Nothing happens if there is none."""
    try:
        configuration = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    except ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        return
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 5})
    sagemaker.delete_endpoint_config(EndpointConfigName=configuration)
    print(f"removed the endpoint {name}")


def _names(sagemaker: Any, operation: str, members: str, name: str) -> list[str]:
    pages = sagemaker.get_paginator(operation).paginate(NameContains=PREFIX)
    return [item[name] for page in pages for item in page[members] if item[name].startswith(PREFIX)]


if __name__ == "__main__":
    account = boto3.client("sts").get_caller_identity()["Account"]
    here = boto3.Session()
    everything(here, f"sagemaker-{here.region_name}-{account}")
