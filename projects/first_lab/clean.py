"""Removes what the lab made: its endpoint, the model behind it and the files in S3. The job stays on record."""

from __future__ import annotations

from typing import Any

import boto3

NAME = "first-lab"


def endpoint(sagemaker: Any, name: str) -> None:
    """Remove an endpoint with its configuration and models, if there is one."""
    if not any(each["EndpointName"] == name for each in sagemaker.list_endpoints(NameContains=name)["Endpoints"]):
        return
    configuration = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)["ProductionVariants"]
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 5})
    sagemaker.delete_endpoint_config(EndpointConfigName=configuration)
    for variant in variants:
        sagemaker.delete_model(ModelName=variant["ModelName"])
    print(f"removed the endpoint {name}")


if __name__ == "__main__":
    session = boto3.Session()
    endpoint(session.client("sagemaker"), NAME)
    account = session.client("sts").get_caller_identity()["Account"]
    bucket = session.resource("s3").Bucket(f"sagemaker-{session.region_name}-{account}")
    removed = bucket.objects.filter(Prefix=f"{NAME}/").delete() if bucket.creation_date else []
    print(
        f"removed {sum(len(answer.get('Deleted', ())) for answer in removed)} objects below s3://{bucket.name}/{NAME}/"
    )
