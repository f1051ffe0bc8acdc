"""Jobs and endpoints as their Describe operations tell them, found by their name alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from clary import costs

NOUNS = ("TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "AutoMLJob")


def describe(sagemaker: Any, noun: str, name: str) -> dict[str, Any]:
    """DescribeTrainingJob and its like; raises what the client raises."""
    operations = {
        "TrainingJob": sagemaker.describe_training_job,
        "ProcessingJob": sagemaker.describe_processing_job,
        "TransformJob": sagemaker.describe_transform_job,
        "AutoMLJob": sagemaker.describe_auto_ml_job,
        "Endpoint": sagemaker.describe_endpoint,
    }
    found: dict[str, Any] = operations[noun](**{f"{noun}Name": name})
    return found


def find(sagemaker: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All of that name, each with its noun; ``ClickException`` if there is none."""
    none = True
    for noun in NOUNS:
        try:
            found = describe(sagemaker, noun, name)
        except sagemaker.exceptions.ClientError:
            continue
        none = False
        yield noun, found
    if none:
        raise click.ClickException(f"There is no job and no endpoint named {name!r}. See: clary status")


def cost(sagemaker: Any, noun: str, found: dict[str, Any], now: datetime) -> str:
    """What AWS would have asked for it so far."""
    if noun == "AutoMLJob":  # its instances are AWS's choice
        return ""
    if noun != "Endpoint":
        return costs.of_job(noun, found, now)
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    except sagemaker.exceptions.ClientError:  # deleted: an endpoint does without
        return "no price known"
    return costs.of_endpoint(found, config, now)
