"""Algorithms of one's own: create, describe, list, delete. A record of an image and of what it takes."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation
from clary.services.sagemaker.kinds import Kind, refuse

ALGORITHMS = Kind(
    name="Algorithm",
    type="algorithm",
    status="AlgorithmStatus",
    missing=(ValidationException, "Algorithm {arn} does not exist."),
    taken=(ValidationException, "Algorithm already exists: {arn}"),
)
_NOT_YET = {
    "ValidationSpecification": "run a training job with the image instead",
    "CertifyForMarketplace": "there is no marketplace on this machine",
}


@operation
def create_algorithm(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, "CreateAlgorithm", _NOT_YET)
    body = {**request, "AlgorithmStatusDetails": {}}
    return {"AlgorithmArn": ALGORITHMS.create(context, request["AlgorithmName"], body, status="Completed").arn}


@operation
def describe_algorithm(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return ALGORITHMS.find(context, request["AlgorithmName"]).body


@operation
def list_algorithms(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = ALGORITHMS.page(context, request, order="Ascending")
    return {"AlgorithmSummaryList": [algorithm.body for algorithm in shown], **more}


@operation
def delete_algorithm(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    ALGORITHMS.delete(context, request["AlgorithmName"])
    return {}
